"""Tolerations that a workload had before, or would need. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from stratus_cli.kube.fields import read
from stratus_cli.kube.known_good import KnownGoodValues
from stratus_cli.kube.node_match import toleration_matches
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.diagnosis import KnownGood
from stratus_cli.model.objects_pod import PodSpec, Toleration
from stratus_cli.model.objects_scheduling import Node, Taint
from stratus_cli.model.objects_workload import Workload


def once_tolerated(
    known_good: KnownGoodValues, workload: Workload | None, path: str, taints: Iterable[Taint]
) -> KnownGood | None:
    """Earlier tolerations of the workload that are for all of these taints, or None."""
    if workload is None:
        return None
    wanted = tuple(taints)
    for good in known_good.workload_field(workload, path):
        had = _decoded(good.value)
        if wanted and all(any(toleration_matches(one, taint) for one in had) for taint in wanted):
            return good
    return None


def with_tolerations(spec: PodSpec, taints: Iterable[Taint]) -> list[dict[str, Any]]:
    """The tolerations of the spec, and one for each of these taints, as JSON."""
    present = read(spec, "tolerations")
    made = [] if present is ABSENT else list(present)
    for taint in taints:
        value = {"operator": "Equal", "value": taint.value} if taint.value else {}
        one = {"key": taint.key, **(value or {"operator": "Exists"}), "effect": taint.effect}
        if one not in made:
            made.append(one)
    return made


def taint_text(taint: Taint) -> str:
    """As `kubectl taint` writes it: key=value:effect."""
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else _short(taint)


def removals(node: Node, keys: Iterable[str]) -> list[str]:
    """As `kubectl taint` takes taints of these keys away: key:effect-."""
    wanted = frozenset(keys)
    effects = ("NoSchedule", "NoExecute")
    return [
        f"{_short(taint)}-"
        for taint in node.spec.taints
        if taint.key in wanted and taint.effect in effects
    ]


def _short(taint: Taint) -> str:
    return f"{taint.key}:{taint.effect}"


def _decoded(value: Json) -> tuple[Toleration, ...]:
    try:
        return msgspec.convert(value or [], tuple[Toleration, ...])
    except msgspec.ValidationError:
        return ()
