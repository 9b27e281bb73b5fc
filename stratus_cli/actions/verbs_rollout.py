"""`kubectl scale`, `autoscale` and `rollout ...`: how many pods, and which template they have."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stratus_cli.actions.autoscale import Autoscale
from stratus_cli.actions.pause import Pause
from stratus_cli.actions.restart import Restart
from stratus_cli.actions.roll_back import RollBack
from stratus_cli.actions.scale import MOST as MOST_REPLICAS
from stratus_cli.actions.scale import Scale
from stratus_cli.actions.targets import NAME
from stratus_cli.actions.verbs import Made, Verb, each, number, only_objects, text
from stratus_cli.actions.words import Parsed
from stratus_cli.model.plan import Refusal

REPLICAS, PERCENT = MOST_REPLICAS, 1000
CPU = re.compile(r"[1-9]\d{0,3}%|[1-9]\d{0,6}m")
"""A share of the requests, or an amount with its unit: kubectl takes a bare number for another."""
MOST = 999_999_999
"""A number of nine digits: what it means is for the action to bound."""


def _scale(parsed: Parsed, namespace: str) -> Made:
    refs = only_objects(parsed, namespace)
    if isinstance(refs, Refusal):
        return refs
    replicas = number(parsed, "replicas", MOST)
    if isinstance(replicas, Refusal):
        return replicas
    if replicas is None:
        return Refusal("grammar", "scale needs objects and --replicas=NUMBER")
    return tuple(Scale(ref, replicas) for ref in refs)


def _autoscale(parsed: Parsed, namespace: str) -> Made:
    refs = only_objects(parsed, namespace)
    if isinstance(refs, Refusal):
        return refs
    most = number(parsed, "max", REPLICAS)
    least = number(parsed, "min", REPLICAS)
    percent = number(parsed, "cpu-percent", PERCENT)
    if isinstance(most, Refusal):
        return most
    if isinstance(least, Refusal):
        return least
    if isinstance(percent, Refusal):
        return percent
    if most is None or most < max(1, least or 0):
        return Refusal("grammar", "autoscale needs --max=NUMBER, at least 1 and at least --min")
    cpu = text(parsed, "cpu") or (f"{percent}%" if percent else "")
    if (percent and "cpu" in parsed.flags) or (cpu and not CPU.fullmatch(cpu)):
        return Refusal("grammar", f"--cpu={cpu} is no target", "write --cpu=80% or --cpu=500m")
    name = text(parsed, "name")
    if name and not NAME.fullmatch(name):
        return Refusal("name", f"{name!r} is not an object's name")
    return tuple(Autoscale(ref, most, least or 0, cpu, name) for ref in refs)


def _undo(parsed: Parsed, namespace: str) -> Made:
    revision = number(parsed, "to-revision", MOST)
    if isinstance(revision, Refusal):
        return revision
    return each(lambda ref: RollBack(ref, revision or 0))(parsed, namespace)


_AUTOSCALE = ("min", "max", "cpu-percent", "cpu", "name")
VERBS: Mapping[str, Verb] = {
    "scale": Verb(_scale, {"--replicas": "replicas"}),
    "autoscale": Verb(_autoscale, {f"--{name}": name for name in _AUTOSCALE}),
    "rollout restart": Verb(each(Restart)),
    "rollout undo": Verb(_undo, {"--to-revision": "to-revision"}),
    "rollout pause": Verb(each(lambda ref: Pause(ref, paused=True))),
    "rollout resume": Verb(each(lambda ref: Pause(ref, paused=False))),
}
