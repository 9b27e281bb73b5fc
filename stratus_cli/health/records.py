"""Health as plain JSON for the journal, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from stratus_cli.model.health import Health, PodStage, UnitHealth
from stratus_cli.model.ref import Ref

_TUPLES = ("alerts", "problems")


def to_json(health: Health) -> dict[str, Any]:
    """Every unit with the terms it has."""
    return {
        "taken_at": health.taken_at.isoformat(),
        "score": health.score,
        "worst": None if health.worst is None else str(health.worst),
        "unread": list(health.unread),
        "units": [_unit(unit) for _, unit in sorted(health.units.items())],
    }


def from_json(content: Mapping[str, Any]) -> Health:
    """The health. KeyError or ValueError when it is none."""
    units = [_from_unit(item) for item in content["units"]]
    worst = content["worst"]
    return Health(
        datetime.fromisoformat(content["taken_at"]),
        {unit.ref: unit for unit in units},
        content["score"],
        None if worst is None else Ref.parse(worst),
        tuple(content["unread"]),
    )


def _unit(unit: UnitHealth) -> dict[str, Any]:
    content: dict[str, Any] = {"ref": str(unit.ref)}
    for item in fields(unit):
        value = getattr(unit, item.name)
        if item.name == "ref" or value is None or value is False or value == ():
            continue
        content[item.name] = list(value) if item.name in _TUPLES else value
    if unit.stage is not None:
        content["stage"] = unit.stage.name.lower()
    return content


def _from_unit(content: Mapping[str, Any]) -> UnitHealth:
    values = {item.name: content[item.name] for item in fields(UnitHealth) if item.name in content}
    values["ref"] = Ref.parse(content["ref"])
    for name in _TUPLES:
        values[name] = tuple(content.get(name, ()))
    if "stage" in values:
        values["stage"] = PodStage[values["stage"].upper()]
    return UnitHealth(**values)
