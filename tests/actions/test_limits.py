"""What actions and the grammar never do, over hostile objects, documents and words."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.actions.base import Action, Prepared
from stratus_cli.actions.kubectl import parse, parse_line
from stratus_cli.kube.diff import apply_edits, diff
from stratus_cli.kube.three_way import take_back
from stratus_cli.model.change import FieldEdit, Reversibility
from stratus_cli.model.plan import Refusal
from tests.actions.test_kubectl import CONFIG, QUOTA, SERVICE, WEB, Shelf, replica_set

Item = dict[str, Any]
TEMPLATE = "spec.template.spec."
NODE: Item = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}}
POD: Item = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "ownerReferences": [
            {"kind": "ReplicaSet", "name": "web-h1", "uid": "r1", "controller": True}
        ],
    },
    "spec": {"containers": [{"name": "web", "image": "app:1"}]},
}
AUTOSCALER: Item = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web-scaler", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}},
}


def with_init() -> Item:
    """WEB with an init container."""
    item: Item = copy.deepcopy(WEB)
    item["spec"]["template"]["spec"]["initContainers"] = [{"name": "setup", "image": "app:1"}]
    return item


ITEMS = (WEB, SERVICE, QUOTA, CONFIG, NODE, POD, replica_set(1, "app:0"), replica_set(2, "app:1"))

LINES = {
    "kubectl set image deploy/web web=app:2": (f"{TEMPLATE}containers[name=web].image",),
    "kubectl set env deploy/web -c web B=2 A-": (f"{TEMPLATE}containers[name=web].env",),
    "kubectl set resources deploy/web -c web --limits=cpu=1": (
        f"{TEMPLATE}containers[name=web].resources",
    ),
    "kubectl scale deploy/web --replicas=7": ("spec.replicas",),
    "kubectl rollout restart deploy/web": ("spec.template.metadata.annotations",),
    "kubectl rollout undo deploy/web --to-revision=1": ("spec.template",),
    "kubectl rollout pause deploy/web": ("spec.paused",),
    "kubectl label deploy/web tier=x": ("metadata.labels.tier",),
    "kubectl annotate svc/web a=x": ("metadata.annotations",),
    'kubectl patch svc/web --type=merge -p \'{"spec":{"selector":{"app":"x"}}}\'': (
        "spec.selector.app",
    ),
    "kubectl cordon n1": ("spec.unschedulable",),
    "kubectl taint node n1 a=b:NoSchedule": ("spec.taints",),
    "kubectl delete quota/q": (),
    "kubectl delete pod/web-1": (),
    "kubectl drain n1": ("spec.unschedulable",),
    "kubectl expose svc/web --name=front": (),
    "kubectl autoscale deploy/web --max=3 --cpu=80%": (),
    "kubectl set selector svc/web app=x": ("spec.selector.app",),
    "kubectl set sa deploy/web default": (f"{TEMPLATE}serviceAccountName",),
}


def actions_of(line: str) -> tuple[Action, ...]:
    """The actions of a line that is in the grammar."""
    found = parse_line(line, "shop")
    assert not isinstance(found, Refusal), found
    return found


def change(line: str, *items: Item) -> Prepared:
    """The one change of a line."""
    (action,) = actions_of(line)
    made = action.prepare(Shelf(*(items or ITEMS)))
    assert not isinstance(made, Refusal), made
    (item,) = made
    return item


def refusal(line: str, *items: Item) -> Refusal:
    """Why a line is not done, by the grammar or by the action."""
    found = parse_line(line, "shop")
    if isinstance(found, Refusal):
        return found
    made = found[0].prepare(Shelf(*(items or ITEMS)))
    assert isinstance(made, Refusal), made
    return made


@pytest.mark.parametrize(("line", "paths"), LINES.items())
def test_nothing_but_the_intended_fields_changes(line: str, paths: tuple[str, ...]) -> None:
    """Every edit is at or below the intended path, and taking them back gives what was."""
    made = change(line).change
    if made.before is None or made.after is None:
        return
    edits = diff(made.before, made.after)
    assert edits
    assert all(edit.path.startswith(paths) for edit in edits)
    back = [FieldEdit(edit.path, edit.after, edit.before) for edit in edits]
    assert apply_edits(made.after, back) == made.before
    assert take_back(made.before, made.after, made.after).wanted == made.before


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, [], {}, "", "x", 0, -1, True, [None], ["x"], [[]], {"a": None}, [{}], [{"name": 1}]]
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a document."""
    keys: Any = node.keys() if isinstance(node, dict) else ()
    keys = range(len(node)) if isinstance(node, list) else keys
    found = [path] if path else []
    for key in keys:
        found.extend(places(node[key], (*path, key)))
    return found


def put(item: Item, path: tuple[Any, ...], value: Any) -> None:
    """Set a place if it is still there."""
    node: Any = item
    for key in path[:-1]:
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(node, dict) or (isinstance(node, list) and isinstance(path[-1], int)):
        try:
            node[path[-1]] = value
        except IndexError:
            return


@given(data=st.data(), line=st.sampled_from(list(LINES)))
def test_a_strange_object_is_refused_and_never_a_crash(data: st.DataObject, line: str) -> None:
    """Whatever stands where, an action answers; what names an object stays, so it can be found."""
    items = [copy.deepcopy(item) for item in (*ITEMS, AUTOSCALER)]
    for item in items:
        kept = ("apiVersion", "kind", "metadata", "name", "namespace")
        for path in data.draw(st.lists(st.sampled_from(places(item)), max_size=2)):
            if path[-1] not in kept and path != ("metadata",):
                put(item, path, data.draw(JUNK))
    for action in actions_of(line):
        action.prepare(Shelf(*items))


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 99) | st.text("ab/~1", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "spec", "name", "finalizers", "template", "containers", "$patch",
                 "$retainKeys", "ports", "port", "op", "path", "value", "$setElementOrder/ports",
                 "$deleteFromPrimitiveList/finalizers"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    DOCUMENTS, st.sampled_from(["strategic", "merge", "json"]), st.sampled_from(["deploy", "svc"])
)
def test_no_patch_crashes_or_touches_identity(document: Any, form: str, kind: str) -> None:
    """What a patch leaves has the same name, uid, finalizers and owners."""
    found = parse(["kubectl", "patch", kind, "web", f"--type={form}", "-p", document], "shop")
    if isinstance(found, Refusal):
        return
    made = found[0].prepare(Shelf(*ITEMS))
    for item in () if isinstance(made, Refusal) else made:
        before, after = item.change.before, item.change.after
        assert before is not None
        assert after is not None
        for name in ("name", "namespace", "uid", "finalizers", "ownerReferences"):
            assert before["metadata"].get(name) == after["metadata"].get(name)
        assert (before["kind"], before.get("status")) == (after["kind"], after.get("status"))


@given(DOCUMENTS)
def test_no_manifest_crashes(document: Any) -> None:
    """create and apply take any document and answer."""
    manifest = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}}
    for words in (document, manifest | document if isinstance(document, dict) else manifest):
        for verb in ("create", "apply"):
            found = parse(["kubectl", verb, "-f", words], "shop")
            if not isinstance(found, Refusal):
                found[0].prepare(Shelf(*ITEMS))


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"metadata": None}, "metadata"),
        ({"metadata": {"finalizers": ["x"]}}, "metadata.finalizers"),
        ({"spec": {"finalizers": ["kubernetes"]}}, "spec.finalizers"),
        ({"metadata": {"generateName": "x"}}, "metadata.generateName"),
        ({"metadata": {"ownerReferences": [{"uid": "u"}]}}, "metadata.ownerReferences"),
    ],
)
def test_identity_and_finalizers_are_out_of_a_patchs_reach(document: Item, path: str) -> None:
    """By every type of patch."""
    for form in ("strategic", "merge"):
        found = refusal(f"kubectl patch deploy/web --type={form} -p '{json.dumps(document)}'")
        assert found.check == "patch"
        assert path in found.reason


def test_an_autoscalers_replicas_are_its_own_by_every_way() -> None:
    """The check names the autoscaler."""
    for line in (
        "kubectl scale deploy/web --replicas=9",
        'kubectl patch deploy/web -p \'{"spec":{"replicas":9}}\'',
    ):
        found = refusal(line, *ITEMS, AUTOSCALER)
        assert found.check == "owner"
        assert "web-scaler" in found.reason


def test_a_replica_sets_spec_belongs_to_its_deployment() -> None:
    """Only its marks may be changed: that is how its controller is made to try again."""
    for line in (
        "kubectl scale rs/web-h1 --replicas=9",
        "kubectl set image rs/web-h1 web=app:9",
        'kubectl patch rs/web-h1 -p \'{"spec":{"replicas":9}}\'',
    ):
        assert refusal(line).check == "owner"
    assert change("kubectl annotate rs/web-h1 a=b")


def test_every_container_means_init_containers_too_as_in_kubectl() -> None:
    """The shown line, typed by hand, must do the same."""
    made = change("kubectl set image deploy/web '*=app:9'", with_init()).change
    assert made.before is not None
    assert made.after is not None
    paths = [edit.path for edit in diff(made.before, made.after)]
    assert f"{TEMPLATE}initContainers[name=setup].image" in paths
    single = change("kubectl set env deploy/web -c setup A=1", with_init())
    assert single.depends == (
        f"{TEMPLATE}initContainers[name=setup].env",
        f"{TEMPLATE}initContainers[name=setup].name",
    )


def test_a_change_rests_on_the_container_it_is_in() -> None:
    """A field that is absent stays so when its container goes; the name does not."""
    made = change("kubectl set resources deploy/web -c side --limits=cpu=1")
    assert f"{TEMPLATE}containers[name=side].name" in made.depends


def test_going_back_rests_on_the_whole_template() -> None:
    """It replaces all of it."""
    assert "spec.template" in change("kubectl rollout undo deploy/web --to-revision=1").depends


def test_pods_are_compensable_and_bare_pods_irreversible() -> None:
    """Nothing makes a bare pod again."""
    assert change("kubectl delete pod/web-1").change.reversibility is Reversibility.COMPENSABLE
    bare: Item = copy.deepcopy(POD)
    del bare["metadata"]["ownerReferences"]
    assert refusal("kubectl delete pod/web-1", bare).check == "irreversible"


def test_what_holds_an_object_is_named() -> None:
    """Finalizers."""
    held: Item = copy.deepcopy(QUOTA)
    held["metadata"]["finalizers"] = ["example.com/guard"]
    found = refusal("kubectl delete quota/q", held)
    assert found.check == "finalizers"
    assert "example.com/guard" in found.reason


@pytest.mark.parametrize(
    "words",
    [
        ["set", "image", "deployment.evil.example/web", "web=x"],
        ["scale", "deployments.batch/web", "--replicas=1"],
        ["delete", "services.serving.knative.dev/web"],
        ["set", "env", "deploy/web", "-c", {"a": 1}, "A=1"],
        ["set", "env", "deploy/web", "-c=", "A=1"],
        ["rollout", "undo", "deploy/web", "--to-revision="],
        ["rollout", "undo", "deploy/web", "--to-revision", ["1"]],
        ["patch", "deploy/web", "--type", {"a": 1}, "-p", {}],
        ["cordon", "n1", {"a": 1}],
        ["taint", "node", "n1", "a=b"],
        ["taint", "node", "n1", "a=b:Never"],
        ["taint", "deploy", "web", "a=b:NoSchedule"],
        ["patch", "deploy/web", "-p", '{"spec":{"replicas":NaN}}'],
        ["patch", "deploy/web", "-p", "[" * 200 + "]" * 200],
        ["patch", "deploy/web", "-p", "[" * 9000 + "]" * 9000],
        ["create", "-f", "https://example.com/x.yaml"],
        ["apply", "-f", "x.yaml"],
        ["apply", "-k", "dir"],
        ["annotate", "deploy", "--all", "a=b"],
    ],
)
def test_what_would_mean_more_than_it_says_is_refused(words: list[Any]) -> None:
    """Another group's kind, an empty choice, a document where a word is wanted, no JSON."""
    found = parse(["kubectl", *words], "shop")
    assert isinstance(found, Refusal), found
    assert found.reason


@pytest.mark.parametrize("namespace", ["../kube-system", "a/b", "A", 7, ["x"]])
def test_a_manifests_namespace_is_a_namespace(namespace: Any) -> None:
    """It becomes part of an address."""
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": namespace},
    }
    for verb in ("create", "apply"):
        assert isinstance(parse(["kubectl", verb, "-f", manifest], "shop"), Refusal)


def test_groups_that_are_right_are_taken() -> None:
    """As kubectl writes them."""
    for word in ("deployment.apps/web", "deployments.v1.apps/web", "Deployment/web"):
        assert change(f"kubectl scale {word} --replicas=9")


@given(
    st.sampled_from(list(LINES)),
    st.sampled_from(list(";|&$`><\n\x1b\x00\u2028")),
    st.integers(0, 30),
)
def test_nothing_for_a_shell_gets_through(line: str, char: str, place: int) -> None:
    """Outside quotes; inside them it is data."""
    head = line.partition("'")[0]
    at = min(place, len(head))
    assert isinstance(parse_line(head[:at] + char + line[at:], "shop"), Refusal)


def test_a_document_may_hold_what_a_shell_would_read() -> None:
    """It is data."""
    made = change('kubectl annotate deploy/web "a=$(id); x | y > z"')
    assert made.change.after is not None
    assert made.change.after["metadata"]["annotations"] == {"a": "$(id); x | y > z"}


MANIFEST: Item = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 9}]},
}
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def applied(manifest: Item, *items: Item) -> Prepared:
    """The one change of kubectl apply."""
    found = parse(["kubectl", "apply", "-f", manifest], "shop")
    assert not isinstance(found, Refusal), found
    made = found[0].prepare(Shelf(*items))
    assert not isinstance(made, Refusal), made
    (item,) = made
    return item


def test_apply_creates_what_is_absent_and_remembers_what_was_applied() -> None:
    """As kubectl does, so that the next apply knows what to remove."""
    made = applied(MANIFEST).change
    assert made.before is None
    assert made.after is not None
    assert json.loads(made.after["metadata"]["annotations"][APPLIED]) == MANIFEST


def test_apply_sets_what_it_says_removes_what_it_said_and_keeps_the_rest() -> None:
    """Three-way: last applied, wanted, live."""
    live: Item = copy.deepcopy(SERVICE)
    live["spec"]["clusterIP"] = "10.0.0.1"
    live["metadata"]["labels"] = {"old": "1", "theirs": "2"}
    earlier: Item = copy.deepcopy(MANIFEST)
    earlier["metadata"]["labels"] = {"old": "1"}
    earlier["spec"]["ports"].append({"port": 81, "targetPort": 1})
    live["spec"]["ports"].append({"port": 81, "protocol": "TCP", "targetPort": 1})
    live["metadata"]["annotations"] = {APPLIED: json.dumps(earlier)}
    made = applied(MANIFEST, live).change
    assert made.after is not None
    assert made.after["spec"] == {
        "selector": {"app": "web"},
        "clusterIP": "10.0.0.1",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 9}],
    }
    assert made.after["metadata"]["labels"] == {"theirs": "2"}
    again = parse(["kubectl", "apply", "-f", MANIFEST], "shop")
    assert not isinstance(again, Refusal)
    second = again[0].prepare(Shelf(dict(made.after)))
    assert isinstance(second, Refusal)
    assert second.check == "no change"


def test_taints_are_set_changed_and_removed() -> None:
    """One key and effect is one taint."""
    made = change("kubectl taint node n1 a=b:NoSchedule c:NoExecute")
    assert made.change.reversibility is Reversibility.COMPENSABLE
    assert made.change.after is not None
    assert made.change.after["spec"]["taints"] == [
        {"key": "a", "value": "b", "effect": "NoSchedule"},
        {"key": "c", "effect": "NoExecute"},
    ]
    tainted = dict(made.change.after)
    assert refusal("kubectl taint node n1 a=z:NoSchedule", tainted).check == "overwrite"
    made = change("kubectl taint node n1 a=z:NoSchedule c- --overwrite", tainted)
    assert made.change.after is not None
    assert made.change.after["spec"]["taints"] == [
        {"key": "a", "value": "z", "effect": "NoSchedule"}
    ]


@pytest.mark.parametrize("line", LINES)
def test_a_shown_line_is_in_the_grammar_and_means_the_same(line: str) -> None:
    """A person may paste it."""
    made = change(line)
    assert change(made.kubectl).change == made.change
