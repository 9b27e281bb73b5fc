"""The grammar, clause by clause: namespaces, several objects, and every refusal with its reason."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.actions.kubectl import VERBS, parse_line
from stratus_cli.kube.diff import diff
from stratus_cli.model.plan import Refusal
from tests.actions.test_kubectl import SHELF, WEB, Shelf

Item = dict[str, Any]


def refs(line: str, namespace: str = "default") -> list[str]:
    """The objects of a line's actions."""
    found = parse_line(line, namespace)
    assert not isinstance(found, Refusal), found
    return [str(action.ref) for action in found]  # type: ignore[attr-defined]  # all have one


def reason(line: str) -> str:
    """Why the grammar refuses a line."""
    found = parse_line(line, "shop")
    assert isinstance(found, Refusal), found
    return f"{found.check}: {found.reason}; {found.lift}"


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop scale deploy/web --replicas=1",
        "kubectl -nshop scale deploy/web --replicas=1",
        "kubectl -n=shop scale deploy/web --replicas=1",
        "kubectl --namespace=shop scale deploy/web --replicas=1",
        "kubectl --namespace shop scale deploy/web --replicas=1",
        "kubectl scale -n shop deploy/web --replicas=1",
        "kubectl scale deploy/web -nshop --replicas 1",
        "kubectl scale deploy/web --replicas=1 -n=shop",
        "kubectl scale deploy/web --replicas=1 --namespace=shop",
        "kubectl -n shop scale deploy/web --replicas=1 -n shop",
    ],
)
def test_a_namespace_is_read_in_every_form(line: str) -> None:
    assert refs(line) == ["shop/Deployment/web"]


def test_two_words_of_a_verb_with_the_namespace_between() -> None:
    assert refs("kubectl rollout -n shop restart deploy/web") == ["shop/Deployment/web"]
    assert refs("kubectl set -nshop image deploy/web web=app:2") == ["shop/Deployment/web"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kubectl -n a -n b scale deploy/web --replicas=1", "--namespace is given twice"),
        ("kubectl scale deploy/web --replicas=1 -n", "-n needs a value"),
        ("kubectl scale deploy/web --replicas=1 -n=", "--namespace needs a value"),
        ("kubectl -n Shop scale deploy/web --replicas=1", "'Shop' is not a namespace"),
        ("kubectl -n ../x scale deploy/web --replicas=1", "is not a namespace"),
        ("kubectl scale deploy/web --replicas=1 -A", "every object is named"),
        ("kubectl scale deploy/web --replicas=1 --all-namespaces", "every object is named"),
    ],
)
def test_what_is_no_namespace(line: str, told: str) -> None:
    assert told in reason(line)


@pytest.mark.parametrize(
    "line",
    [
        "kubectl scale deploy web cart --replicas=1",
        "kubectl scale deploy/web deploy/cart --replicas=1",
        "kubectl scale --replicas=1 deployment.apps/web deployments/cart",
        "kubectl rollout restart deploy web cart",
        "kubectl rollout undo deploy/web deploy/cart",
        "kubectl rollout pause deploy web cart",
        "kubectl rollout resume deploy web cart",
        "kubectl label deploy web cart tier=x",
        "kubectl annotate deploy/web deploy/cart note-",
        "kubectl delete deploy web cart",
        "kubectl expose deploy web cart --port=80",
        "kubectl autoscale deploy web cart --max=3",
        "kubectl set sa deploy web cart default",
    ],
)
def test_several_objects_are_several_changes(line: str) -> None:
    assert refs(line) == ["default/Deployment/web", "default/Deployment/cart"]


def test_several_kinds_in_one_line() -> None:
    assert refs("kubectl delete pod/a svc/b") == ["default/Pod/a", "default/Service/b"]
    assert refs("kubectl cordon n1 node/n2") == ["/Node/n1", "/Node/n2"]
    assert refs("kubectl drain n1 n2") == ["/Node/n1", "/Node/n2"]


SCALE = "kubectl scale deploy/web --replicas=1"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{SCALE}; id", "shell: ; outside quotes"),
        (f"{SCALE} && id", "shell: & outside quotes"),
        (f"{SCALE} | sh", "shell: | outside quotes"),
        (f"{SCALE} > /tmp/x", "shell: > outside quotes"),
        (f"{SCALE} < /tmp/x", "shell: < outside quotes"),
        ("kubectl scale deploy/web --replicas=$(id)", "shell: $ ( ) outside quotes"),
        ("kubectl scale deploy/web --replicas=`id`", "shell: ` outside quotes"),
        ("kubectl scale deploy/web --replicas=$N", "shell: $ outside quotes"),
        ("kubectl scale deploy/w* --replicas=1", "shell: * outside quotes"),
        ("kubectl scale deploy/{web,cart} --replicas=1", "shell: { } outside quotes"),
        (f"{SCALE} # why", "shell: # outside quotes"),
        ("kubectl exec deploy/web -- id", "verb: kubectl exec is not taken: nothing is run"),
        ("kubectl edit deploy/web", "verb: kubectl edit is not taken: an editor's result"),
        ("kubectl cp a b", "verb: kubectl cp is not taken: nothing is run inside the cluster"),
        ("kubectl proxy", "verb: kubectl proxy is not taken: it opens a connection"),
        ("kubectl port-forward svc/web 80", "verb: kubectl port-forward is not taken: it opens"),
        ("kubectl attach web", "verb: kubectl attach is not taken: nothing is run"),
        ("kubectl debug web", "verb: kubectl debug is not taken: nothing is run"),
        ("kubectl run x --image=y", "verb: kubectl run is not taken: nothing is run"),
        ("kubectl get pods", "verb: kubectl get is not taken: it reads"),
        ("kubectl replace -f x", "verb: kubectl replace is not taken: it replaces fields"),
        ("kubectl config view", "verb: kubectl config is not taken"),
        ("kubectl certificate approve x", "verb: kubectl certificate is not taken"),
        (f"{SCALE} --kubeconfig=/x", "flag: --kubeconfig: which cluster is written to"),
        (f"{SCALE} --context=prod", "flag: --context: which cluster is written to"),
        (f"{SCALE} --cluster=x", "flag: --cluster: which cluster is written to"),
        (f"{SCALE} --server=x", "flag: --server: which cluster is written to"),
        (f"{SCALE} -s x", "flag: -s: which cluster is written to"),
        (f"{SCALE} --as=admin", "flag: --as: as whom is not for a command line"),
        (f"{SCALE} --as admin", "flag: --as: as whom is not for a command line"),
        (f"{SCALE} --as-group=x", "flag: --as-group: as whom"),
        (f"{SCALE} --token=t", "flag: --token: as whom"),
        (f"{SCALE} --username=t", "flag: --username: as whom"),
        ("kubectl delete pod x --force", "flag: --force: deletion is always graceful"),
        ("kubectl delete pod x --now", "flag: --now: deletion is always graceful"),
        ("kubectl delete pod x --grace-period=0", "flag: --grace-period: deletion is always"),
        ("kubectl delete pod x --cascade=orphan", "flag: --cascade: deletion is always"),
        ("kubectl delete pod --all", "flag: --all: every object is named"),
        ("kubectl delete pod -l a=b", "flag: -l: every object is named"),
        ("kubectl label pod --selector=a=b x=y", "flag: --selector: every object is named"),
        (f"{SCALE} --dry-run=server", "flag: --dry-run: use `stratus plan`"),
        (f"{SCALE} -o yaml", "flag: -o: use `stratus plan`"),
        (f"{SCALE} --insecure-skip-tls-verify", "flag: --insecure-skip-tls-verify: checks are"),
        (f"{SCALE} --timeout=1s", "flag: unknown flag --timeout"),
        (f"{SCALE} --frob", "flag: unknown flag --frob"),
        (f"{SCALE} -q", "flag: unknown flag -q"),
        ("kubectl patch deploy/web --patch-file=x", "flag: --patch-file: files and addresses"),
        ("kubectl frob", "verb: kubectl frob is not in the grammar; known:"),
        ("kubectl scael deploy/web", "did you mean kubectl scale?"),
    ],
)
def test_every_refusal_says_why(line: str, told: str) -> None:
    assert told in reason(line)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_no_verb_takes_what_is_never_taken(verb: str) -> None:
    """Also between other words, and with its value in a word of its own."""
    for flag in ("--kubeconfig", "--as", "--token", "--force", "--server", "--frob"):
        for words in ([f"{flag}=x"], [flag], [flag, "x"]):
            line = shlex.join(["kubectl", *verb.split(), "deploy/web", *words])
            assert reason(line).startswith("flag: ")


FINALIZED: Item = {
    **WEB,
    "metadata": {**WEB["metadata"], "finalizers": ["a/b", "c/d"]},  # type: ignore[dict-item]
}
GONE: dict[str, Any] = {
    "strategic null": ("strategic", {"metadata": {"finalizers": None}}),
    "strategic replace": ("strategic", {"metadata": {"$patch": "replace", "name": "web"}}),
    "strategic primitive": (
        "strategic",
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/b"]}},
    ),
    "strategic addition": ("strategic", {"metadata": {"finalizers": ["e/f"]}}),
    "merge null": ("merge", {"metadata": {"finalizers": None}}),
    "merge empty": ("merge", {"metadata": {"finalizers": []}}),
    "merge one less": ("merge", {"metadata": {"finalizers": ["a/b"]}}),
    "merge metadata": ("merge", {"metadata": None}),
    "json remove": ("json", [{"op": "remove", "path": "/metadata/finalizers"}]),
    "json remove one": ("json", [{"op": "remove", "path": "/metadata/finalizers/0"}]),
    "json replace": ("json", [{"op": "replace", "path": "/metadata/finalizers", "value": []}]),
    "json move": (
        "json",
        [{"op": "move", "from": "/metadata/finalizers", "path": "/spec/template/metadata/x"}],
    ),
    "json metadata": ("json", [{"op": "replace", "path": "/metadata", "value": {"name": "web"}}]),
    "strategic status": ("strategic", {"status": {"replicas": 9}}),
    "merge status": ("merge", {"status": None}),
    "json status": ("json", [{"op": "replace", "path": "/status/replicas", "value": 9}]),
    "json add to status": ("json", [{"op": "add", "path": "/status/x", "value": 9}]),
}


@pytest.mark.parametrize("name", GONE)
def test_finalizers_and_status_are_refused_in_every_patch_type(name: str) -> None:
    form, document = GONE[name]
    line = shlex.join(
        ["kubectl", "patch", "deploy/web", f"--type={form}", "-p", json.dumps(document)]
    )
    found = parse_line(line, "shop")
    assert not isinstance(found, Refusal), found
    made = found[0].prepare(Shelf(FINALIZED))
    assert isinstance(made, Refusal)
    assert made.check == "patch"
    if "finalizers" in json.dumps(document) or "status" in json.dumps(document):
        assert "finalizers" in made.reason or "status" in made.reason


def test_apply_does_not_touch_finalizers_or_status() -> None:
    manifest = {**WEB, "metadata": {**FINALIZED["metadata"], "finalizers": []}}
    manifest["status"] = {"replicas": 9}
    line = shlex.join(["kubectl", "apply", "-f", json.dumps(manifest)])
    found = parse_line(line, "shop")
    assert not isinstance(found, Refusal), found
    made = found[0].prepare(Shelf(FINALIZED))
    assert isinstance(made, Refusal) or all(
        not edit.path.startswith(("metadata.finalizers", "status"))
        for edit in diff(made[0].change.before or {}, made[0].change.after or {})
    )


POINTERS = st.sampled_from(
    ["/metadata/finalizers", "/metadata/finalizers/0", "/metadata", "/status", "/status/replicas"]
)
VALUES = st.sampled_from([None, [], {}, ["a/b"], {"name": "web"}, 9, "x"])
OPERATIONS = st.one_of(
    st.builds(lambda path: {"op": "remove", "path": path}, POINTERS),
    st.builds(
        lambda op, path, value: {"op": op, "path": path, "value": value},
        st.sampled_from(["add", "replace"]),
        POINTERS,
        VALUES,
    ),
    st.builds(
        lambda op, source, path: {"op": op, "from": source, "path": path},
        st.sampled_from(["move", "copy"]),
        POINTERS,
        POINTERS,
    ),
)


@given(st.lists(OPERATIONS, min_size=1, max_size=4))
def test_no_json_patch_changes_finalizers_status_or_identity(operations: list[Item]) -> None:
    line = shlex.join(
        ["kubectl", "patch", "deploy/web", "--type=json", "-p", json.dumps(operations)]
    )
    found = parse_line(line, "shop")
    assert not isinstance(found, Refusal)
    made = found[0].prepare(Shelf(FINALIZED))
    if isinstance(made, Refusal):
        return
    after = made[0].change.after or {}
    assert after["metadata"]["finalizers"] == FINALIZED["metadata"]["finalizers"]
    assert after["status"] == FINALIZED["status"]
    assert after["metadata"]["name"] == "web"


def test_every_verb_says_what_it_makes_of_the_shelf() -> None:
    """A line of each verb is taken: the table has no verb that nothing reads."""
    lines = {
        "set image": "deploy/web web=app:2",
        "set env": "deploy/web B=1",
        "set resources": "deploy/web --limits=cpu=1",
        "set selector": "svc/web app=x",
        "set serviceaccount": "deploy/web default",
        "set sa": "deploy/web default",
        "scale": "deploy/web --replicas=7",
        "autoscale": "deploy/web --max=3",
        "rollout restart": "deploy/web",
        "rollout undo": "deploy/web",
        "rollout pause": "deploy/web",
        "patch": 'quota/q -p \'{"spec":{"hard":{"pods":"8"}}}\'',
        "label": "deploy/web a=b",
        "annotate": "deploy/web a=b",
        "delete": "quota/q",
        "expose": "deploy/web --port=80 --name=front",
        "create": '-f \'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"n"}}\'',
        "apply": '-f \'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"n"}}\'',
    }
    for verb, rest in lines.items():
        found = parse_line(f"kubectl {verb} {rest}", "shop")
        assert not isinstance(found, Refusal), found
        made = found[0].prepare(SHELF)
        assert not isinstance(made, Refusal), made
        again = parse_line(made[0].kubectl, "shop")
        assert not isinstance(again, Refusal), again
        same = again[0].prepare(SHELF)
        assert not isinstance(same, Refusal)
        assert same[0].change == made[0].change, "the line that is shown does the same"
    assert set(VERBS) - set(lines) == {"rollout resume", "taint", "cordon", "uncordon", "drain"}
