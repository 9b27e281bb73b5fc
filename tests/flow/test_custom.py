"""Custom resources are changed, made, deleted and taken back like any other object."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stratus_cli.actions.kubectl import parse
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.planfile import dump, load
from stratus_cli.flow.steps import Steps, steps_of
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.by_hand import kubectl_of_change
from stratus_cli.kube.graph import Graph
from stratus_cli.model.errors import Forbidden
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan, Refusal
from stratus_cli.model.ref import Ref, ServedKind
from tests.fakes.faulty import FaultyCluster
from tests.flow.custom import Item, custom, definition
from tests.flow.small import NOTHING, plain, small
from tests.flow.stand import Stand

V1, V2 = "example.com/v1", "example.com/v2beta1"
SPEC: Item = {"size": 3, "rules": [{"name": "a"}, {"name": "b"}], "mode": "fast"}
A = Ref("Widget", "shop", "a", V1)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """A small world that serves Widgets and cluster-wide Gadgets."""
    made = small(tmp_path)
    made.twin.apply(definition("Widget", "example.com", "v2beta1", "v1"))
    made.twin.apply(definition("Gadget", "example.com", "v1", scope="Cluster"))
    made.twin.apply(custom(V1, "Widget", "a", SPEC))
    return made


def planned(stand: Stand, *lines: str) -> Plan | Refusal:
    graph = Graph(stand.observe())
    made = plan_from_lines(list(lines), stand.reading(), graph, "shop")
    answer = made.plan or made.refusal
    assert answer is not None
    return answer


def done(stand: Stand, *lines: str) -> None:
    plan = planned(stand, *lines)
    assert isinstance(plan, Plan), plan
    with stand.ports() as ports:
        report = execute_plan(plan, ports, stand.observe)
    assert report.state is TransactionState.COMMITTED, report.why


def taken_back(stand: Stand) -> None:
    with stand.ports() as ports:
        [tx] = undo(
            ports, Selector(last=True), accept_loss=True, observe=stand.observe
        ).transactions
    assert tx.state is TransactionState.COMMITTED, tx.why


def live(stand: Stand, ref: Ref = A) -> Item | None:
    item = stand.twin.get(ref)
    return None if item is None else plain(item)


@pytest.mark.parametrize(
    "line",
    [
        """kubectl patch widget.example.com/a --type=merge -p '{"spec":{"size":5,"rules":[]}}'""",
        """kubectl patch widgets.example.com/a --type=json
        -p '[{"op":"remove","path":"/spec/mode"}]'""",
        "kubectl label widgets.v1.example.com/a team=x",
        "kubectl annotate widget.example.com a note=x",
        "kubectl delete widget.example.com/a",
    ],
)
def test_a_change_and_the_way_back(stand: Stand, line: str) -> None:
    """Every kind of change, in every spelling of the kind."""
    before = live(stand)
    done(stand, line.replace("\n", " "))
    assert live(stand) != before
    taken_back(stand)
    assert live(stand) == before


def test_create_and_the_way_back(stand: Stand) -> None:
    """By a manifest; cluster-wide ones have no namespace."""
    made = _manifest(stand, custom(V1, "Gadget", "g", {"a": 1}, ""))
    assert made.steps[0].change.ref == Ref("Gadget", "", "g")
    with stand.ports() as ports:
        assert execute_plan(made, ports, stand.observe).state is TransactionState.COMMITTED
    assert stand.twin.get(Ref("Gadget", "", "g", V1)) is not None
    taken_back(stand)
    assert stand.twin.get(Ref("Gadget", "", "g", V1)) is None


def test_a_list_of_a_custom_resource_is_one_value(stand: Stand) -> None:
    """Its schema is not known: another's edit in the same list is a clash, not merged."""
    patch = '[{"op":"add","path":"/spec/rules/0/to","value":"x"}]'
    done(stand, f"kubectl patch widget.example.com/a --type=json -p '{patch}'")
    item = stand.twin.get(A)
    assert item is not None
    item["spec"]["rules"][1]["to"] = "theirs"
    stand.twin.replace(item)
    with stand.ports() as ports, pytest.raises(Exception, match="rules"):
        undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)


def test_another_writers_field_beside_ours_stays(stand: Stand) -> None:
    """The three-way undo, by field."""
    done(stand, """kubectl patch widget.example.com/a --type=merge -p '{"spec":{"size":5}}'""")
    item = stand.twin.get(A)
    assert item is not None
    item["spec"]["mode"] = "theirs"
    stand.twin.replace(item)
    taken_back(stand)
    assert (live(stand) or {})["spec"] == {**SPEC, "mode": "theirs"}


def test_a_plan_file_of_a_custom_resource(stand: Stand) -> None:
    """Written for a reviewer, read again, executed; its inverse is a line that kubectl takes."""
    line = """kubectl patch widget.example.com/a --type=merge -p '{"spec":{"rules":[]}}'"""
    made = planned(stand, line)
    assert isinstance(made, Plan), made
    inverse = kubectl_of_change(made.steps[0].change.inverse())
    assert inverse.startswith("kubectl -n shop patch widget.v1.example.com a --type=merge -p ")
    plan = load(dump(made))
    with stand.ports() as ports:
        assert execute_plan(plan, ports, stand.observe).state is TransactionState.COMMITTED
    assert (live(stand) or {})["spec"]["rules"] == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kubectl label gizmo.example.com/a x=y", "serves no 'gizmo.example.com'"),
        ("kubectl label gizmo/a x=y", "KIND.GROUP/NAME"),
        ("kubectl patch widget.example.com/a -p '{}'", "--type=merge"),
        ("kubectl scale widget.example.com/a --replicas=2", "no replicas"),
        ("kubectl delete crd/widgets.example.com", "cannot be put back"),
        ("kubectl label widget.example.com/missing x=y", "there is no"),
        ("kubectl label deployment.example.com/a x=y", "built-in kind"),
    ],
)
def test_what_is_refused(stand: Stand, line: str, words: str) -> None:
    """With the reason."""
    stand.twin.apply(definition("Deployment", "example.com", "v1"))
    refusal = planned(stand, line)
    assert isinstance(refusal, Refusal)
    assert words in f"{refusal.reason} {refusal.lift}"


def test_a_server_that_does_not_say(stand: Stand) -> None:
    """Discovery is forbidden: refused as unread, not as absent."""

    class Closed(FaultyCluster):
        def kind_of(self, word: str) -> ServedKind | None:
            raise Forbidden(403, "Forbidden", "not for you", word)

    stand.cluster = Closed(stand.twin)
    refusal = planned(stand, "kubectl label widget.example.com/a x=y")
    assert isinstance(refusal, Refusal)
    assert "could not be read (not for you)" in refusal.reason


def _manifest(stand: Stand, item: Item) -> Plan:
    """A plan of `kubectl create -f` this."""
    actions = parse(["kubectl", "create", "-f", item], "shop")
    assert not isinstance(actions, Refusal), actions
    steps = steps_of(actions, stand.reading(), Graph(stand.observe()))
    assert isinstance(steps, Steps), steps
    plan = planned(stand, NOTHING)
    assert isinstance(plan, Plan), plan
    return replace(plan, steps=steps.steps)
