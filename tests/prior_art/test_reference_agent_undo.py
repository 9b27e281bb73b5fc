"""B. Undo: the holes of the reference agent's."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.kube.graph import Graph
from stratus_cli.model.entry import Done, Intent
from stratus_cli.model.errors import ClusterAnswer, Refused
from stratus_cli.model.plan import Plan, Refusal
from stratus_cli.model.ref import Ref
from tests.flow.small import (
    CART,
    NOTES,
    SETTINGS,
    WEB,
    edit,
    entries,
    get,
    plan_of,
    recorded,
    run,
    small,
    state,
)
from tests.flow.stand import Stand
from tests.prior_art.common import (
    BREAK_WEB,
    COMMITTED,
    FIX,
    LABEL,
    NEEDS_HUMAN,
    NOTE,
    UNDONE,
    repair,
    take_back,
)

NODE = Ref("Node", "", "node1", "v1")
SERVICE = Ref("Service", "shop", "web", "v1")
SAME_APP = '{"spec":{"selector":{"extra":"1"}}}'
PROBE = '[{"name":"app","livenessProbe":{"tcpSocket":{"port":8080}}}]'


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


def template(text: str) -> str:
    """The line that patches web's pod template."""
    patch = f'{{"spec":{{"template":{{"spec":{text}}}}}}}'
    return f"kubectl -n shop patch deployment/web -p '{patch}'"


def wishes(stand: Stand) -> dict[str, Any]:
    """Objects of the namespace, and what people set on the node."""
    node = get(stand, NODE)
    return {
        **state(stand.twin),
        "node": (node["metadata"].get("labels"), node["spec"].get("taints"), node["spec"]),
    }


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop label deployment/web extra=1",
        "kubectl -n shop annotate deployment/web extra=1",
        "kubectl taint node node1 extra=1:PreferNoSchedule",
        "kubectl label node node1 extra=1",
        "kubectl -n shop set env deployment/web EXTRA=1",
        "kubectl -n shop set resources deployment/web --limits=memory=64Mi",
        template(f'{{"containers":{PROBE}}}'),
        template('{"nodeSelector":{"kubernetes.io/hostname":"node1"}}'),
        template('{"tolerations":[{"key":"extra","operator":"Exists"}]}'),
        'kubectl -n shop patch configmap/settings --type=merge -p \'{"data":{"EXTRA":"1"}}\'',
        f"kubectl -n shop patch service/web --type=merge -p '{SAME_APP}'",
    ],
)
def test_what_was_added_is_gone_after_undo(stand: Stand, line: str) -> None:
    """B1: label, annotation, taint, env, limit, probe, selector, toleration, key: all removed."""
    before = wishes(stand)
    done = run(stand, line)
    assert done.writes
    if done.state is COMMITTED:
        assert wishes(stand) != before
        assert take_back(stand).transactions[0].state is COMMITTED
    else:
        assert done.state is UNDONE, done.why
    assert wishes(stand) == before


def test_a_stateful_set_is_undone(stand: Stand) -> None:
    """B2: nothing of a Deployment is written into it, and its strategy stays."""
    web = get(stand, WEB)
    spec = {key: web["spec"][key] for key in ("replicas", "selector", "template")}
    spec = {**copy.deepcopy(spec), "serviceName": "web", "replicas": 0}
    spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    ref = Ref("StatefulSet", "shop", "db", "apps/v1")
    meta = {"name": "db", "namespace": "shop"}
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec}
    stand.twin.create(made)
    before = get(stand, ref)["spec"]
    line = "kubectl -n shop set image statefulset/db app=stratus/app:2"
    done = run(stand, line)
    assert done.state is COMMITTED, done.why
    assert get(stand, ref)["spec"] != before
    assert take_back(stand).transactions[0].state is COMMITTED
    assert get(stand, ref)["spec"] == before


@pytest.mark.parametrize("fault", ["forbidden", "error"])
def test_an_undo_that_fails_is_no_success_and_can_be_tried_again(stand: Stand, fault: str) -> None:
    """B3: its result is the server's answer and a read; nothing is popped before it worked."""
    before = state(stand.twin)
    assert run(stand, LABEL).state is COMMITTED
    stand.cluster.faults = {stand.cluster.writes + 1: fault}
    assert take_back(stand).transactions[0].state is not COMMITTED
    assert state(stand.twin) != before
    assert take_back(stand).transactions[0].state is COMMITTED
    assert state(stand.twin) == before


@pytest.mark.parametrize("verb", ["restart", "pause"])
def test_what_has_no_dry_run_flag_is_journaled_and_undone(stand: Stand, verb: str) -> None:
    """B4: rollout restart, pause and resume are writes like others."""
    before = state(stand.twin)
    assert run(stand, f"kubectl -n shop rollout {verb} deployment/web").state is COMMITTED
    assert [intent.ref.name for intent in recorded(stand)[-1].intents] == ["web"]
    if verb == "pause":
        paused = state(stand.twin)
        assert run(stand, "kubectl -n shop rollout resume deployment/web").state is COMMITTED
        assert state(stand.twin) == before
        assert take_back(stand).transactions[0].state is COMMITTED
        assert state(stand.twin) == paused
    assert take_back(stand).transactions[0].state is COMMITTED
    assert state(stand.twin) == before


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop exec deploy/web -- rm -rf /",
        "kubectl certificate approve csr-1",
        "kubectl create token default",
        "kubectl config set-context x",
    ],
)
def test_what_could_not_be_undone_is_refused_with_a_reason(line: str) -> None:
    """B4, C8: outside of the closed grammar, so never run unrecorded."""
    refusal = parse_line(line, "shop")
    assert isinstance(refusal, Refusal)
    assert refusal.reason
    assert refusal.lift


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("kubectl cordon node1", 1),
        ("kubectl -n shop scale deployment/cart deployment/web --replicas=3", 2),
        ("kubectl -n shop label deployment/cart deployment/web x=1", 2),
        ("kubectl -n shop delete configmap/settings resourcequota/room", 2),
    ],
)
def test_several_objects_and_commands_without_output_are_taken(
    stand: Stand, line: str, count: int
) -> None:
    """B5: each object is a change of its own."""
    made = plan_from_lines([line], stand.reading(), Graph(stand.observe()), "shop")
    assert made.plan is not None, made.refusal
    assert len(made.plan.steps) == count


def test_what_names_no_object_is_refused_on_purpose() -> None:
    """B5: not by an index that is out of range; a reviewer sees every object."""
    refusal = parse_line("kubectl -n shop delete pod -l app=cart", "shop")
    assert isinstance(refusal, Refusal)
    assert "every object is named" in refusal.reason


def test_a_cordon_is_undone(stand: Stand) -> None:
    """B5: with uncordon, its inverse."""
    before = get(stand, NODE)["spec"]
    assert run(stand, "kubectl cordon node1").state in (COMMITTED, UNDONE)
    if get(stand, NODE)["spec"] != before:
        assert take_back(stand).transactions[0].state is COMMITTED
    assert get(stand, NODE)["spec"] == before


@pytest.mark.parametrize("flag", ["-o yaml", "-oyaml", "--output=yaml", "-o name"])
def test_an_output_flag_does_not_hide_a_write(flag: str) -> None:
    """B6: it is refused, and no string of an answer is ever matched."""
    assert isinstance(parse_line(f"{LABEL} {flag}", "shop"), Refusal)


@pytest.mark.parametrize("status", [500, 403, 504])
def test_without_a_pre_image_nothing_is_written(stand: Stand, status: int) -> None:
    """B7: an object that cannot be read makes no plan, whatever text the error has."""
    graph = Graph(stand.observe())
    with unreadable(stand, SETTINGS, status):
        made = plan_from_lines([LABEL], stand.reading(), graph, "shop")
    assert made.plan is None
    plan = plan_of(stand, LABEL)
    with unreadable(stand, SETTINGS, status):
        states = executed(stand, plan)
    assert COMMITTED not in states
    assert stand.cluster.writes == 0


def executed(stand: Stand, plan: Plan) -> list[object]:
    from stratus_cli.flow.mitigate import execute_plan

    try:
        with stand.ports() as ports:
            return [execute_plan(plan, ports, stand.observe).state]
    except ClusterAnswer:
        return []


@contextmanager
def unreadable(stand: Stand, ref: Ref, status: int) -> Iterator[None]:
    """The object cannot be read."""

    def fail(asked: Ref) -> None:
        if asked.name == ref.name and asked.kind == ref.kind:
            raise ClusterAnswer(status, "Error", "Error executing kubectl command", str(ref))

    stand.cluster.before_read = fail
    try:
        yield
    finally:
        stand.cluster.before_read = lambda asked: None


@pytest.mark.parametrize(
    "where", ["-n shop", "-nshop", "-n=shop", "--namespace=shop", "--namespace shop"]
)
def test_the_namespace_is_never_guessed(stand: Stand, where: str) -> None:
    """B8: every spelling means the same object, for the write and for its undo."""
    line = f"kubectl {where} label configmap/settings a=1"
    actions = parse_line(line, "elsewhere")
    assert not isinstance(actions, Refusal), actions
    before = state(stand.twin)
    assert run(stand, line).state is COMMITTED
    (intent,) = recorded(stand)[-1].intents
    assert intent.ref.namespace == "shop"
    take_back(stand)
    assert state(stand.twin) == before


def test_a_roll_back_takes_back_every_write(stand: Stand) -> None:
    """B9: as many inverses as writes; of each object in reverse order."""
    before = state(stand.twin)
    assert run(stand, LABEL, NOTE, "kubectl -n shop label configmap/settings c=1", BREAK_WEB)
    (tx,) = recorded(stand)
    back = [item.step for item in tx.intents if item.rollback]
    assert sorted(back) == [1, 2, 3, 4]
    assert [step for step in back if step != 4] == [3, 2, 1]
    assert state(stand.twin) == before


@pytest.mark.parametrize("fault", ["timeout-applied", "error-applied", "unreachable-applied"])
def test_a_command_that_failed_after_it_took_effect_is_undone(stand: Stand, fault: str) -> None:
    """B10: its intent was on disk before the call, and one read says what became of it."""
    before = state(stand.twin)
    stand.cluster.faults = {1: fault, 2: "forbidden"}
    seen: list[object] = []
    stand.cluster.before_write = lambda ref: seen.append(entries(stand)[-1])
    assert run(stand, LABEL, NOTE).state is UNDONE
    assert all(isinstance(entry, Intent) for entry in seen)
    assert state(stand.twin) == before


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop delete pvc/data",
        "kubectl delete pv/data",
        "kubectl delete namespace/shop",
        "kubectl delete crd/shops.example",
        "kubectl -n shop delete job/report",
    ],
)
def test_what_a_delete_would_lose_for_good_is_refused(stand: Stand, line: str) -> None:
    """B11: data, generated selectors and custom resources do not come back."""
    made = plan_from_lines([line], stand.reading(), Graph(stand.observe()), "shop")
    assert made.plan is None
    assert stand.cluster.writes == 0


def test_an_undo_of_a_delete_waits_until_the_object_is_gone(stand: Stand) -> None:
    """B11: it comes back whole, under a new uid, and the journal follows it."""
    before = state(stand.twin)
    assert run(stand, "kubectl -n shop delete resourcequota/room").state is COMMITTED
    assert take_back(stand).transactions[0].state is COMMITTED
    assert state(stand.twin) == before


def test_an_undo_has_no_side_effects(stand: Stand) -> None:
    """B12: strategy, history and last-applied stay; no status gets into an object's wishes."""
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"kind":"Deployment"}'}
    edit(stand.twin, CART, annotations=applied)
    strategy, history = get(stand, CART)["spec"]["strategy"], templates(stand)
    assert repair(stand, FIX).state is COMMITTED
    assert take_back(stand).transactions[0].state is COMMITTED
    item = get(stand, CART)
    assert item["spec"]["strategy"] == strategy
    assert history <= templates(stand)
    assert item["metadata"]["annotations"].items() >= applied.items()


def templates(stand: Stand) -> set[str]:
    """Images of the rollout history."""
    return {
        item["spec"]["template"]["spec"]["containers"][0]["image"]
        for item in stand.twin.peek("ReplicaSet", "shop")
    }


def test_somebody_elses_change_is_never_overwritten(stand: Stand) -> None:
    """B13: refused with both values shown, and nothing written; elsewhere it is kept."""
    assert run(stand, LABEL).state is COMMITTED
    edit(stand.twin, SETTINGS, labels={"a": "theirs"}, annotations={"b": "theirs"})
    writes = stand.cluster.writes
    with pytest.raises(Refused, match="theirs"):
        take_back(stand)
    assert stand.cluster.writes == writes
    edit(stand.twin, SETTINGS, labels={"a": "1"})
    assert take_back(stand).transactions[0].state is COMMITTED
    meta = get(stand, SETTINGS)["metadata"]
    assert "a" not in (meta.get("labels") or {})
    assert meta["annotations"]["b"] == "theirs"


def test_an_undo_is_read_back(stand: Stand) -> None:
    """B14: something puts our value back at once: that is no successful undo."""
    assert run(stand, LABEL).state is COMMITTED
    stand.cluster.after_write = lambda ref: edit(stand.twin, SETTINGS, labels={"a": "1"})
    (done,) = take_back(stand).transactions
    assert done.state is not COMMITTED
    assert "labels" in done.why


def test_an_undo_waits_until_it_shows(stand: Stand) -> None:
    """B14: when it says so, the pods are those of the state that was restored."""
    assert repair(stand, FIX).state is COMMITTED
    assert take_back(stand).transactions[0].state is COMMITTED
    images = {
        item["spec"]["containers"][0]["image"]
        for item in stand.twin.peek("Pod", "shop")
        if item["metadata"]["labels"]["app"] == "cart"
    }
    assert "stratus/app:never" in images
    assert any(isinstance(entry, Done) for entry in entries(stand))
    assert stand.twin.get(NOTES) is None


def test_a_roll_back_that_cannot_be_completed_says_exactly_what_is_left(stand: Stand) -> None:
    """B3, B14: NEEDS_HUMAN names object, field, wanted and found."""

    def theirs(ref: Ref) -> None:
        if ref.name == "settings" and stand.cluster.writes == 1:
            edit(stand.twin, SETTINGS, labels={"a": "theirs"})

    stand.cluster.after_write = theirs
    done = run(stand, LABEL, BREAK_WEB)
    assert done.state is NEEDS_HUMAN
    (left,) = done.unrestored
    assert "shop/ConfigMap/settings" in left
    assert "metadata.labels" in left
    assert "theirs" in left
