"""Decision Quality: the published formula, and the one that asks the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.drill.quality import dq_of, dq_star
from stratus_cli.drill.state import State

TRUTH = "rollback auth-service to v2.3.0"


def service(port: int) -> State:
    item = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "ns"},
        "spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": port}]},
    }
    return State({"ns/Service/web": item})


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([], 0.0),
        ([TRUTH], 1.0),  # it can be gamed: that is why there is another one
        (["investigate the problem"], 0.4),
        (["restart the database"], 0.4 + 0.3 * 0.33),
        (["look at auth-service"], 0.4 + 0.3 * 0.67 + 0.3 * 0.25),
    ],
)
def test_the_published_formula(actions: list[str], expected: float) -> None:
    """0.40 V + 0.30 S + 0.30 R with the paper's steps."""
    assert dq_of(actions, TRUTH, ["auth-service"]) == pytest.approx(expected, abs=1e-3)


def report(ref: str = "ns/Service/web", field: str = "spec.ports[port=80,protocol=TCP].targetPort"):  # noqa: ANN201  # a literal
    step: dict[str, Any] = {
        "ref": ref,
        "operation": "update",
        "changes": [{"field": field, "before": 9, "after": 8}],
    }
    refused = {"kubectl": ["kubectl x"], "plan": None}
    return {
        "incidents": [
            {"candidates": [{"kubectl": ["kubectl y"], "plan": {"steps": [step]}}, refused]}
        ]
    }


def star(document: Any, *, solved: bool = False, harm: list[str] | None = None) -> float:
    return dq_star(document, service(8080), service(9999), solved=solved, harm=harm or [])


def test_the_right_place_scores() -> None:
    """Half of the candidates are valid, the step resolves, the field is the one that was broken."""
    assert star(report()) == pytest.approx(0.4 * 0.5 + 0.3 + 0.3)


def test_the_wrong_place_does_not() -> None:
    """An object that is not there, and a field that nobody broke."""
    assert star(report(ref="ns/Service/db")) == pytest.approx(0.4 * 0.5)
    assert star(report(field="spec.selector")) == pytest.approx(0.4 * 0.5 + 0.3)


def test_the_oracle_has_the_last_word_and_harm_counts_nothing() -> None:
    """Solved by another change is right; harm is 0 whatever was right."""
    assert star(report(ref="ns/Service/db"), solved=True) == pytest.approx(0.4 * 0.5 + 0.3)
    assert star(report(), solved=True, harm=["lost endpoints"]) == 0.0
    assert star({"incidents": []}) == 0.0
