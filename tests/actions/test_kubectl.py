"""The grammar: what it takes becomes exactly the named change; everything else is refused."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.actions.base import Prepared
from stratus_cli.actions.kubectl import parse, parse_line
from stratus_cli.knowledge.fill import fill, variables_of
from stratus_cli.knowledge.runbook import default_directory, load
from stratus_cli.kube.diff import diff
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.change import Reversibility
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "app:1",
                        "env": [{"name": "A", "value": "1"}],
                        "resources": {"limits": {"memory": "10Mi"}},
                    },
                    {"name": "side", "image": "side:1"},
                ],
                "nodeSelector": {"disk": "ssd"},
            },
        },
    },
    "status": {"replicas": 2},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u2"},
    "spec": {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}],
    },
}
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "q", "namespace": "shop", "uid": "u3"},
    "spec": {"hard": {"limits.memory": "1Gi", "pods": "9"}},
}
CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "shop", "uid": "u4"},
    "data": {"a": "1"},
}


def replica_set(revision: int, image: str) -> dict[str, Any]:
    template = copy.deepcopy(WEB["spec"]["template"])  # type: ignore[index]  # known shape
    template["metadata"]["labels"]["pod-template-hash"] = f"h{revision}"
    template["spec"]["containers"][0]["image"] = image
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-h{revision}",
            "namespace": "shop",
            "uid": f"r{revision}",
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [
                {"kind": "Deployment", "name": "web", "uid": "u1", "controller": True}
            ],
        },
        "spec": {"template": template},
    }


class Shelf:
    """A Reader over a few objects."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = [copy.deepcopy(item) for item in items]

    def get(self, ref: Ref) -> dict[str, Any] | None:
        for item in self.items:
            meta = item["metadata"]
            place = (item["kind"], meta.get("namespace", ""), meta["name"])
            if place == (ref.kind, ref.namespace, ref.name):
                return copy.deepcopy(item)
        return None

    def list(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        return [
            copy.deepcopy(item)
            for item in self.items
            if item["kind"] == kind and namespace in ("", item["metadata"].get("namespace", ""))
        ]

    def seal(self, value: bytes) -> str:
        return Redactor(b"shelf").seal(value.decode())

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


SHELF = Shelf(WEB, SERVICE, QUOTA, CONFIG, replica_set(1, "app:0"), replica_set(2, "app:1"))


def prepared(line: str, shelf: Shelf = SHELF) -> list[Prepared]:
    """Every change of a typed line."""
    actions = parse_line(line, "shop")
    assert not isinstance(actions, Refusal), actions
    found: list[Prepared] = []
    for action in actions:
        result = action.prepare(shelf)
        assert not isinstance(result, Refusal), result
        found.extend(result)
    return found


def edits(line: str) -> dict[str, tuple[Any, Any]]:
    """Path -> (before, after) of a line with one change."""
    (item,) = prepared(line)
    assert item.change.before is not None
    assert item.change.after is not None
    return {
        edit.path: (edit.before, edit.after) for edit in diff(item.change.before, item.change.after)
    }


TEMPLATE = "spec.template.spec."


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            "kubectl -n shop set image deployment/web web=app:2",
            {f"{TEMPLATE}containers[name=web].image": "app:2"},
        ),
        (
            "kubectl set image deploy web side=s:2 -n=shop",
            {f"{TEMPLATE}containers[name=side].image": "s:2"},
        ),
        (
            "kubectl set env deployment/web -c web B=2",
            {f"{TEMPLATE}containers[name=web].env[name=B]": {"name": "B", "value": "2"}},
        ),
        ("kubectl scale deployments.apps/web --replicas 5", {"spec.replicas": 5}),
        ("kubectl -nshop scale deploy/web --replicas=0", {"spec.replicas": 0}),
        (
            "kubectl set resources deploy/web -c=web --limits=memory=64Mi",
            {f"{TEMPLATE}containers[name=web].resources.limits.memory": "64Mi"},
        ),
        (
            "kubectl rollout undo deployment/web --to-revision=1",
            {f"{TEMPLATE}containers[name=web].image": "app:0"},
        ),
        ("kubectl rollout pause deployment/web", {"spec.paused": True}),
        (
            "kubectl rollout restart deployment/web",
            {
                "spec.template.metadata.annotations": {
                    "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"
                }
            },
        ),
        (
            'kubectl patch svc/web --type=merge -p \'{"spec":{"selector":{"app":"x"}}}\'',
            {"spec.selector.app": "x"},
        ),
        (
            "kubectl patch svc web --type json -p "
            '\'[{"op":"replace","path":"/spec/ports/0/targetPort","value":9}]\'',
            {"spec.ports[port=80,protocol=TCP].targetPort": 9},
        ),
        ("kubectl label deploy/web tier=front", {"metadata.labels.tier": "front"}),
        ("kubectl annotate deploy/web a.b/c='x y'", {"metadata.annotations": {"a.b/c": "x y"}}),
    ],
)
def test_a_line_changes_just_what_it_says(line: str, wanted: dict[str, Any]) -> None:
    assert {path: after for path, (_, after) in edits(line).items()} == wanted


def test_each_change_rests_on_the_fields_it_edits() -> None:
    (item,) = prepared("kubectl set image deploy/web web=app:2")
    assert f"{TEMPLATE}containers[name=web].image" in item.depends
    assert item.change.ref.uid == "u1"
    assert item.kubectl == "kubectl -n shop set image deployment/web web=app:2"


def test_the_shown_line_means_the_same() -> None:
    for line in (
        "kubectl set env deploy/web -c web B='a b' A-",
        'kubectl patch svc/web --type=merge -p \'{"spec":{"selector":{"app":"it s"}}}\'',
        "kubectl label deploy/web x=1",
    ):
        (item,) = prepared(line)
        (again,) = prepared(item.kubectl)
        assert again.change.after == item.change.after


def test_several_objects_are_several_changes() -> None:
    found = prepared("kubectl annotate deployment/web service/web a=b --overwrite")
    assert [item.change.ref.kind for item in found] == ["Deployment", "Service"]


def test_deleting_is_reversible_only_where_nothing_else_goes() -> None:
    (item,) = prepared("kubectl delete quota/q")
    assert item.change.after is None
    assert item.change.reversibility is Reversibility.REVERSIBLE
    for line, check in (
        ("kubectl delete deploy/web", "dependents"),
        ("kubectl delete node/n1", "irreversible"),
    ):
        actions = parse_line(line, "shop")
        assert not isinstance(actions, Refusal)
        refusal = actions[0].prepare(SHELF)
        assert isinstance(refusal, Refusal)
        assert refusal.check == check


@pytest.mark.parametrize(
    "kind",
    ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"],
)
def test_deleting_these_is_planned_as_irreversible(kind: str) -> None:
    """A plan takes it only where a person said so."""
    info = BY_KIND[kind]
    meta = {"name": "x", **({"namespace": "shop"} if info.namespaced else {})}
    shelf = Shelf({"apiVersion": info.api_version, "kind": kind, "metadata": meta})
    (item,) = prepared(f"kubectl delete {info.plural} x", shelf)
    assert item.change.reversibility is Reversibility.IRREVERSIBLE


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("kubectl set image deploy/web nope=app:2", "container"),
        ("kubectl set image deploy/nope web=app:2", "exists"),
        ("kubectl scale deploy/web --replicas=2", "no change"),
        ("kubectl label deploy/web app=other", "overwrite"),
        ("kubectl rollout undo deploy/web --to-revision=7", "revision"),
        ("kubectl set resources deploy/web --limits=memory=much", "quantity"),
        ('kubectl patch deploy/web -p \'{"metadata":{"finalizers":null,"name":"x"}}\'', "patch"),
        ('kubectl patch deploy/web -p \'{"status":{"replicas":9}}\'', "patch"),
        ("kubectl patch secret/s -p '{\"data\":{}}'", "exists"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(line: str, check: str) -> None:
    actions = parse_line(line, "shop")
    assert not isinstance(actions, Refusal), actions
    refusal = actions[0].prepare(SHELF)
    assert isinstance(refusal, Refusal)
    assert refusal.check == check


@pytest.mark.parametrize(
    "line",
    [
        "kubectl exec deploy/web -- rm -rf /",
        "kubectl edit deploy/web",
        "kubectl delete pod x; rm -rf /",
        "kubectl scale deploy/web --replicas=$(id)",
        "kubectl scale deploy/web --replicas=2 | sh",
        "kubectl scale deploy/web --replicas=2 > x",
        "kubectl scale deploy/web --replicas=2 --as=admin",
        "kubectl scale deploy/web --replicas=2 --kubeconfig=/x",
        "kubectl scale deploy/web --replicas=2 --context prod",
        "kubectl scale deploy/web --replicas=2 --token t",
        "kubectl delete pod --all",
        "kubectl delete pod -l app=web",
        "kubectl delete pod x --force",
        "kubectl delete pod x --grace-period=0",
        "kubectl apply -f https://example.com/x.yaml",
        "kubectl create -f x.yaml",
        "kubectl get pods",
        "kubectl set image deploy/web",
        "kubectl set image deploy/web web=",
        "kubectl scale deploy/web",
        "kubectl scale deploy/web --replicas=-1",
        "kubectl frobnicate deploy/web",
        "kubectl scale frob/web --replicas=1",
        "kubectl scale deploy/../x --replicas=1",
        "kubectl -n 'a b' scale deploy/web --replicas=1",
        "kubectl -n ../x scale deploy/web --replicas=1",
        "kubectl",
        "rm -rf /",
        "kubectl scale deploy/web --replicas=1\nkubectl delete ns x",
        "kubectl scale 'deploy/web --replicas=1",
    ],
)
def test_what_is_outside_the_grammar_is_refused(line: str) -> None:
    found = parse_line(line, "shop")
    assert isinstance(found, Refusal), found
    assert found.reason


WORDS = st.lists(
    st.sampled_from(
        ["kubectl", "set", "image", "env", "scale", "patch", "delete", "label", "create", "rollout",
         "undo", "deploy/web", "svc", "web", "-n", "shop", "web=x", "a-", "--replicas=3", "-p",
         "--type=json", "--overwrite", "-f", "--all", "--", "", "=", "-", "/", "a/b/c", "\x00"]
    )
    | st.text(max_size=5)
    | st.just({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "new"}})
    | st.just([{"op": "add"}]),
    max_size=8,
)  # fmt: skip


@given(WORDS)
def test_no_words_raise_and_no_object_is_touched_that_is_not_named(words: list[Any]) -> None:
    found = parse(["kubectl", *words], "shop")
    if isinstance(found, Refusal):
        return
    text = json.dumps(words)
    for action in found:
        assert action.ref.name in text  # type: ignore[attr-defined]  # every action has one
        result = action.prepare(SHELF)
        for item in () if isinstance(result, Refusal) else result:
            assert item.change.ref.name == action.ref.name  # type: ignore[attr-defined]


FACTS: dict[str, Any] = {
    "namespace": "shop",
    "kind": "deployment",
    "workload": "web",
    "container": "web",
    "service": "web",
    "quota": "q",
    "newer_quota": "q",
    "config_map": "c",
    "good_image": "app:0",
    "good_revision": 1,
    "good_replicas": 3,
    "good_limit": "64Mi",
    "good_request": "32Mi",
    "good_command": ["python3"],
    "good_args": None,
    "good_probe_path": "/healthz",
    "good_probe_port": 8080,
    "good_probe_tcp_port": 8080,
    "port": 80,
    "port_index": 0,
    "protocol": "TCP",
    "good_target_port": 9999,
    "selector_patch": {"app": "other", "gone": None},
    "node_selector_patch": {"disk": None},
    "hard_patch": {"limits.memory": None},
    "good_hard_patch": {"pods": "20"},
    "stuck": ["deployment/web", "replicaset/web-h1"],
    "nudge": "2026-01-01T00:00:00Z",
    "key": "b",
    "good_value": "2",
    "manifest": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}, "data": {}},
}
LINES = [
    (runbook.slug, line)
    for runbook in load(default_directory())
    for candidate in runbook.candidates
    for line in candidate.lines
    if set(variables_of(line)) <= set(FACTS)
]
"""Those about the objects of the shelf; what the others give is in the causes' cases (`offers`)."""


@pytest.mark.parametrize(("slug", "line"), LINES)
def test_a_runbooks_line_is_in_the_grammar(slug: str, line: str) -> None:
    words = fill(line, FACTS)
    assert not isinstance(words, Refusal), words
    actions = parse(words, "default")
    assert not isinstance(actions, Refusal), actions
    for action in actions:
        result = action.prepare(SHELF)
        assert not isinstance(result, Refusal), result
