"""Scenarios as data: the shop's manifests, and one YAML file per fault or control.

title: what happened, for people
known_good: true        # repairing it needs a recording made when all was well
steps:                  # in order
- change: Kind/name     # read, set fields, PUT
  set: {field.path: value}
- recreate: Kind/name   # delete, wait until it and its pods are gone, make it anew, changed
  set: {field.path: value}
- create: {an object}
- delete: Kind/name
- delete_pods: app      # of the pods with label app; all, or `count` of them
- delete_replica_sets: app
- wait_rolling: app     # until the Deployment's rollout has begun and is not done
symptoms: [RULE Kind/name]  # findings that must show; a pod's counts for its owner
front_door: up          # whether requests through Service web succeed meanwhile
root: {cause, ref, field, observed, expected}  # the one root cause; absent for controls
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.objects import APP

HERE = Path(__file__).parent
Item = dict[str, Any]


@dataclass(frozen=True)
class Root:
    """The root cause that must be named. ref: "Kind/name". None: not compared."""

    cause: str
    ref: str
    field: str
    observed: str | None = None
    expected: str | None = None


@dataclass(frozen=True)
class Scenario:
    """One fault, or a control (root is None: nothing may be written)."""

    name: str
    title: str
    steps: tuple[Mapping[str, Any], ...]
    symptoms: tuple[tuple[str, str], ...] = ()
    root: Root | None = None
    known_good: bool = False
    front_door: bool = True
    heals: bool = False


def shop() -> tuple[Item, ...]:
    """The objects of the shop, without a namespace. Fresh copies."""
    return tuple(yaml.safe_load_all(_text(HERE / "shop.yaml")))


def faults() -> tuple[Scenario, ...]:
    """Every fault, by name."""
    return tuple(_load(path) for path in sorted((HERE / "faults").glob("*.yaml")))


def variants() -> tuple[Scenario, ...]:
    """The same causes from another side, by name: what else they look like."""
    return tuple(_load(path) for path in sorted((HERE / "variants").glob("*.yaml")))


def controls() -> tuple[Scenario, ...]:
    """What must be left alone, by name."""
    return tuple(_load(path) for path in sorted((HERE / "controls").glob("*.yaml")))


def named(name: str) -> Scenario:
    """One scenario. KeyError when there is none."""
    return {item.name: item for item in (*faults(), *variants(), *controls())}[name]


def _load(path: Path) -> Scenario:
    body = yaml.safe_load(_text(path))
    symptoms = tuple(tuple(text.split(" ", 1)) for text in body.pop("symptoms", ()))
    root = body.pop("root", None)
    return Scenario(
        name=path.stem,
        title=body.pop("title"),
        steps=tuple(body.pop("steps")),
        symptoms=symptoms,
        root=Root(**root) if root else None,
        known_good=body.pop("known_good", False),
        front_door=body.pop("front_door") == "up",
        heals=body.pop("heals", False),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("$APP", APP)
