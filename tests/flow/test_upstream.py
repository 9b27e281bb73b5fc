"""Callers' errors belong to what they call: to its root, or where there is none to the deepest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.flow.grouping import complete
from stratus_cli.flow.upstream import folded, nearest
from stratus_cli.kube.graph import Graph
from stratus_cli.model.diagnosis import Diagnosis
from stratus_cli.model.finding import Confidence, Finding, Severity
from stratus_cli.model.ref import Ref
from tests.cases.loader import snapshot
from tests.kube.test_calls import SPACES, deployment, service


def graph_of(calls: dict[str, list[str]]) -> Graph:
    """Deployments that call each other's Services."""
    made = [
        deployment(name, {f"UP{index}": f"http://{other}:80" for index, other in enumerate(others)})
        for name, others in calls.items()
    ]
    return Graph(snapshot([*SPACES, *made, *map(service, calls)]))


def ref(name: str) -> Ref:
    return Ref("Deployment", "shop", name)


def accused(name: str, rule: str = "SLO006") -> Finding:
    return Finding(rule, Severity.DEGRADED, Confidence.MEDIUM, ref(name), f"{name} errs")


CHAIN = {"front": ["search"], "search": ["geo", "rate"], "geo": [], "rate": []}


def root(name: str) -> Diagnosis:
    return Diagnosis(
        cause="image-not-found", title="x", root=ref(name), field="spec", observed="x",
        expected="y", confidence=0.9, evidence=(), explains=(("WRK201", ref(name)),), check="x",
    )  # fmt: skip


def test_a_callers_errors_go_to_the_callees_root() -> None:
    """Through others, too; an alert's finding as well."""
    graph = graph_of(CHAIN)
    findings = [accused("front"), accused("search", "SLO001"), accused("rate", "WRK201")]
    [done] = complete(graph, findings, [root("rate")])
    assert {key[1].name for key in done.explains} == {"front", "search", "rate"}


def test_a_callees_errors_do_not_go_to_the_callers_root() -> None:
    """What is called may have a fault of its own."""
    graph = graph_of(CHAIN)
    done = complete(graph, [accused("geo"), accused("front", "WRK201")], [root("front")])
    assert {(item.cause, item.root.name) for item in done} == {
        ("image-not-found", "front"), ("unexplained", "geo"),
    }  # fmt: skip


def test_without_a_root_the_deepest_is_named_once() -> None:
    """One incident for the chain, not three."""
    graph = graph_of(CHAIN)
    [done] = complete(graph, [accused("front"), accused("search"), accused("geo")], [])
    assert (done.cause, done.root) == ("unexplained", ref("geo"))
    assert len(done.explains) == 3


def test_other_findings_stay_where_they_are() -> None:
    """A crash of the caller is its own, whatever it calls."""
    graph = graph_of(CHAIN)
    done = complete(graph, [accused("front", "POD101"), accused("geo")], [])
    assert {item.root.name for item in done} == {"front", "geo"}


NAMES = "abcdef"


@given(
    st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4)),
    st.sets(st.sampled_from(NAMES)),
)
def test_nothing_is_lost_in_any_graph(calls: dict[str, list[str]], bad: set[str]) -> None:
    """Circles included: each finding ends up with exactly one owner that had one."""
    graph = graph_of({name: calls.get(name, []) for name in NAMES})
    given_ = {ref(name): [accused(name)] for name in bad}
    found = folded(graph, given_)
    assert sorted(item.ref for items in found.values() for item in items) == sorted(given_)
    assert set(found) <= set(given_)
    for name in NAMES:
        near = nearest(graph, ref(name), given_)
        assert near is None or near in given_
