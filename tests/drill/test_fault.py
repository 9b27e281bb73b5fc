"""Fault files: what is read, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.drill.fault import fill, parse
from stratus_cli.model.errors import UsageError

FILE = """
title: a target port that nobody serves
family: service
apps:
  hotel: [{variant: geo, port: 80}, {variant: rate, port: 81}]
  shop: [{variant: cart, port: 82}]
steps:
- change: Service/${variant}
  set: {'spec.ports[port=${port}].targetPort': 9999, 'metadata.labels.n': '${nodes}'}
symptom: {front_door: failing}
root:
- ref: Service/${variant}
  field: spec.ports[port=${port}].targetPort
  or: [{ref: 'Deployment/${variant}', field: spec}]
"""


def values(app: str) -> dict[str, Any]:
    return {"app": app, "namespace": f"drill-{app}", "nodes": 2}


def test_variables_are_filled_in_keys_and_texts() -> None:
    """Whole-text variables keep their type; the first variant of each app comes first."""
    found = parse("target-port", FILE, values)
    assert [item.id for item in found] == [
        "target-port/hotel/geo",
        "target-port/shop/cart",
        "target-port/hotel/rate",
    ]
    first = found[0]
    assert first.steps[0]["set"] == {
        "spec.ports[port=80].targetPort": 9999,
        "metadata.labels.n": 2,
    }
    assert first.root[0].ref == "Service/geo"
    assert first.root[0].or_[0].ref == "Deployment/geo"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("family: service", "family: nonsense"),
        ("family: service", "family: service\nunknown: 1"),
        ("- change:", "- shake:"),
        ("${nodes}", "${planets}"),
        ("family: service", "family: service\nneeds: [a-moon]"),
        ("symptom: {front_door: failing}", "symptom: {front_door: failing"),
        ("field: spec.ports[port=${port}].targetPort", "field: '[['"),
    ],
)
def test_a_wrong_file_is_refused(old: str, new: str) -> None:
    """One error that names the fault, whatever is wrong with its file."""
    assert old in FILE
    with pytest.raises(UsageError, match="target-port"):
        parse("target-port", FILE.replace(old, new), values)


def test_two_dollars_are_one() -> None:
    """A text can hold what looks like a variable."""
    assert fill("$${HOME} ${app}", {"app": "x"}) == "${HOME} x"
