"""Decision Quality: `dq` by the published formula (arXiv 2511.15755), `dq_star` the stronger one.

dq = 0.40 V + 0.30 S + 0.30 R over the texts of the actions, as the paper has it: it can be gamed
(copying the truth's text scores 1), so it is given for comparison only. dq_star asks the cluster:
V, the share of candidates that parser, policy and server-side dry run let pass; S, the share of
steps whose object and fields were really there; R, whether the right places were changed, or the
oracle's verdict; all of it times (1 - harm). Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stratus_cli.drill.state import Difference, State, differences
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT

WEIGHTS = (0.40, 0.30, 0.30)
STEPS = ((0.70, 1.0), (0.50, 0.75), (0.30, 0.5), (0.10, 0.25))
VERSION = re.compile(r"v?\d+\.\d+\.\d+")
COMMAND = re.compile(r"^(kubectl|helm|docker|git|systemctl)\s+\S+\s+\S+")
GENERIC = re.compile(
    r"\b(service|deployment|database|auth\w*|pod|network|config\w*|rollback)\b", re.I
)


def dq(report: Mapping[str, Any], healthy: State, faulty: State) -> float:
    """Of the actions that Stratus ran, or else would run first; 0 when it has none."""
    actions = [line for line in lines_of(report) if line]
    names = {key.rpartition("/")[2] for key in faulty.objects}
    return dq_of(actions, truth(healthy, faulty), names)


def dq_of(actions: Sequence[str], truth_text: str, services: Iterable[str] = ()) -> float:
    """The formula. services: names that make an action specific to one service."""
    if not actions:
        return 0.0
    valid = sum(_is_valid(action) for action in actions) / len(actions)
    specific = sum(_specificity(action, tuple(services)) for action in actions) / len(actions)
    right = sum(_rightness(action, truth_text) for action in actions) / len(actions)
    shares = zip(WEIGHTS, (valid, specific, right), strict=True)
    return round(sum(weight * share for weight, share in shares), 4)


def dq_star(
    report: Mapping[str, Any],
    healthy: State,
    faulty: State,
    *,
    solved: bool,
    harm: Sequence[str],
) -> float:
    """0..1; 0 when nothing was proposed or harm was done."""
    candidates = [
        item for incident in report.get("incidents", ()) for item in incident["candidates"]
    ]
    if not candidates or harm:
        return 0.0
    plans = [item["plan"] for item in candidates if item["plan"]]
    valid = len(plans) / len(candidates)
    steps = plans[0]["steps"] if plans else []
    specific = sum(_resolves(step, faulty) for step in steps) / len(steps) if steps else 0.0
    right = 1.0 if solved else _match(steps, differences(faulty, healthy))
    shares = zip(WEIGHTS, (valid, specific, right), strict=True)
    return round(sum(weight * share for weight, share in shares), 4)


def truth(healthy: State, faulty: State) -> str:
    """What would put it right, in words, from what the fault changed."""
    lines = []
    for item in differences(faulty, healthy):
        _, kind, name = item.ref.split("/", 2)
        value = "" if item.after is ABSENT else json.dumps(item.after)
        lines.append(f"kubectl set {kind.lower()} {name} {item.field} {value}".lower())
    return " ".join(lines)


def lines_of(report: Mapping[str, Any]) -> list[str]:
    """The kubectl lines of the candidate that was run, or would be first, of each incident."""
    found: list[str] = []
    for incident in report.get("incidents", ()):
        offered = [item for item in incident["candidates"] if item["plan"]]
        if offered:
            found.extend(offered[0]["kubectl"])
    return found


def _is_valid(action: str) -> bool:
    return bool(action.strip()) and len(action) < 4000


def _specificity(action: str, services: tuple[str, ...]) -> float:
    if VERSION.search(action) or COMMAND.match(action):
        return 1.0
    words = set(re.findall(r"[\w-]+", action.lower()))
    if words & {name.lower() for name in services}:
        return 0.67
    return 0.33 if GENERIC.search(action) else 0.0


def _rightness(action: str, truth_text: str) -> float:
    wanted = set(truth_text.lower().split())
    if not wanted:
        return 0.0
    overlap = len(set(action.lower().split()) & wanted) / len(wanted)
    return next((value for bound, value in STEPS if overlap >= bound), 0.0)


def _resolves(step: Mapping[str, Any], faulty: State) -> bool:
    """Its object is there (or it makes one), and so is each field, or its parent."""
    item = faulty.objects.get(step["ref"])
    if step["operation"] == "create":
        return item is None
    if item is None:
        return step["ref"].split("/")[1] in ("Pod", "ReplicaSet")
    return all(
        not change["field"] or value_at(item, change["field"]) is not ABSENT or "after" in change
        for change in step["changes"]
    )


def _match(steps: Sequence[Mapping[str, Any]], wanted: Sequence[Difference]) -> float:
    """The share of the wanted edits that the steps make: operation, object and field."""
    made = {(step["ref"], change["field"]) for step in steps for change in step["changes"]}
    if not wanted:
        return 0.0
    return sum((item.ref, item.field) in made for item in wanted) / len(wanted)
