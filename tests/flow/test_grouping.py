"""What choosing and grouping must never do, whatever the causes say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.flow.grouping import CONSEQUENCES, GENERAL, SURE_ENOUGH, choose, group
from stratus_cli.kube.graph import Graph
from stratus_cli.model.diagnosis import Diagnosis
from stratus_cli.model.ref import Ref
from tests.cases.loader import snapshot

REFS = [Ref("Deployment", "shop", name) for name in ("a", "b", "c")]
KEYS = st.tuples(st.sampled_from(["POD101", "SLO001", "WRK201"]), st.sampled_from(REFS))
CAUSES = st.sampled_from(["image-not-found", "command-fails", *sorted(GENERAL)])
HYPOTHESES = st.lists(
    st.builds(
        Diagnosis,
        cause=CAUSES,
        title=st.just("t"),
        root=st.sampled_from(REFS),
        field=st.sampled_from(["spec.replicas", "spec.paused"]),
        observed=st.just("1"),
        expected=st.none(),
        confidence=st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9]),
        explains=st.lists(KEYS, unique=True, max_size=3).map(tuple),
    ),
    max_size=8,
)


def _primary(item: Diagnosis) -> set[tuple[str, Ref]]:
    return {key for key in item.explains if key[0] not in CONSEQUENCES}


@given(HYPOTHESES)
def test_one_finding_has_one_cause(found: list[Diagnosis]) -> None:
    """Two causes that explain the same primary finding are rivals, never both roots."""
    roots, _ = choose(found)
    for one in roots:
        for other in roots:
            assert one.cause == other.cause or not (_primary(one) & _primary(other))


def edit(name: str, confidence: float, *explains: str) -> Diagnosis:
    return Diagnosis(
        cause="config-value-changed", title="t", root=Ref("ConfigMap", "shop", name),
        field='data["a"]', observed="1", expected=None, confidence=confidence,
        explains=tuple((rule, REFS[0]) for rule in explains),
    )  # fmt: skip


def test_a_hint_is_a_rival_of_something_surer_of_the_same_kind() -> None:
    """Two edits that are known to differ from what worked are both to be put back."""
    sure, hint = edit("filter", 0.7, "SLO002"), edit("flags", 0.45, "SLO002")
    assert choose([hint, sure]) == ([sure], [hint])
    more = edit("flags", 0.45, "SLO002", "POD101")
    assert choose([more, sure]) == ([sure, more], [])
    both = [edit("filter", 0.82, "SLO002"), edit("flags", 0.82, "SLO002")]
    assert choose(both) == (both, [])


@given(HYPOTHESES)
def test_what_nobody_is_sure_of_is_no_root(found: list[Diagnosis]) -> None:
    """And a general cause never stands beside the one that knows the field."""
    roots, _ = choose(found)
    assert all(root.confidence >= SURE_ENOUGH for root in roots)
    known = {
        (item.root, item.field)
        for item in found
        if item.cause not in GENERAL and item.explains and item.confidence >= SURE_ENOUGH
    }
    assert not any(root.cause in GENERAL and (root.root, root.field) in known for root in roots)


PORT = "spec.template.spec.containers[name=web].ports[containerPort="


@pytest.mark.parametrize(
    ("field", "general", "alone"),
    [
        (f"{PORT}80].hostPort", f"{PORT}80,protocol=TCP].hostPort", True),
        (f"{PORT}80].hostPort", f"{PORT}80,protocol=TCP]", True),
        (f"{PORT}80].hostPort", f"{PORT}81].hostPort", False),
        ('data["a.json"]', 'data["a.json"]#/x', True),
        ('data["a.json"]', 'data["a.jsonp"]', False),
        ("spec.replicas", "spec.replicasMax", False),
    ],
)  # fmt: skip
def test_a_general_cause_gives_way_however_the_place_is_told(
    field: str, general: str, alone: bool
) -> None:
    """The callers' errors that it explains are the other one's, too."""
    pod, caller = ("POD105", REFS[0]), ("SLO001", REFS[1])
    sure = Diagnosis("host-port-taken", "t", REFS[0], field, "1", None, 0.95, explains=(pod,))
    vague = Diagnosis(
        "template-changed", "t", REFS[0], general, "1", None, 0.75, explains=(pod, caller)
    )
    roots, _ = choose([sure, vague])
    assert (len(roots) == 1) is alone
    if alone:
        assert roots[0].cause == "host-port-taken"
        assert set(roots[0].explains) == {pod, caller}


@given(HYPOTHESES)
def test_the_surest_is_always_a_root(found: list[Diagnosis]) -> None:
    """Of those that know what they speak of, the surest is never lost on the way."""
    sure = [item for item in found if item.explains and item.confidence >= SURE_ENOUGH]
    top = max((item.confidence for item in sure), default=0.0)
    said = [item for item in sure if item.cause not in GENERAL and item.confidence == top]
    roots, _ = choose(found)
    if said:
        assert max(item.confidence for item in said) == max(root.confidence for root in roots)


@given(HYPOTHESES, st.randoms())
def test_the_order_of_the_causes_is_nothing(found: list[Diagnosis], chance: object) -> None:
    """The same hypotheses in another order give the same roots and groups."""
    other = list(found)
    chance.shuffle(other)  # type: ignore[attr-defined]  # a random.Random
    graph = Graph(snapshot([]))
    one, two = choose(found)[0], choose(other)[0]
    assert {(item.root, item.field, frozenset(_primary(item))) for item in one} == {
        (item.root, item.field, frozenset(_primary(item))) for item in two
    }
    assert len(group(graph, one)) == len(group(graph, two))


def _pushed(*times: str) -> int:
    """How many incidents: one workload for each time, each with an image of its own."""
    items = []
    for number, time in enumerate(times):
        name = f"w{number}"
        managed: dict[str, object] = {"f:spec": {"f:replicas": {}}}
        entry = {"manager": "ci", "operation": "Update", "time": time, "fieldsV1": managed}
        meta = {"name": name, "namespace": "shop", "uid": f"u-{name}", "managedFields": [entry]}
        items.append({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta})
    roots = [
        Diagnosis(
            "image-not-found",
            "t",
            Ref("Deployment", "shop", f"w{number}"),
            "spec.replicas",
            f"value {number}",
            None,
            0.9,
            explains=(("POD102", Ref("Pod", "shop", f"w{number}-x")),),
        )
        for number in range(len(times))
    ]
    return len(group(Graph(snapshot(items)), roots))


def test_many_changes_at_once_are_one_push() -> None:
    """Three within a minute; two may be two people, and an hour between is another push."""
    noon = "2026-11-24T12:00:%02dZ"
    assert _pushed(noon % 1, noon % 5, noon % 9) == 1
    assert _pushed(noon % 1, noon % 5) == 2
    assert _pushed(noon % 1, noon % 5, "2026-11-24T13:00:00Z") == 3
