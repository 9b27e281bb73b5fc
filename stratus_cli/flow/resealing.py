"""A plan file made on another machine has that machine's digests of Secret values: made ours.

Reads only. The steps of such a Secret are prepared anew from their line, which has no value in it.
The object's resourceVersion tells that nothing has changed: a Secret has no status that moves it.
"""

from __future__ import annotations

from dataclasses import replace

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.flow.reader import PlanReader
from stratus_cli.kube.diff import diff
from stratus_cli.kube.normal import fields_digest
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.pre_image import is_pre_image
from stratus_cli.kube.seals import DATA
from stratus_cli.model.change import Change
from stratus_cli.model.errors import PlanRefused
from stratus_cli.model.plan import Plan, Refusal, Step
from stratus_cli.model.ports import Ports

VERSION = "metadata.resourceVersion"


def resealed(plan: Plan, ports: Ports) -> Plan:
    """The plan with seals that this machine's key gives. PlanRefused when that cannot be."""
    reader = PlanReader(ports.cluster, ports.clock)
    steps = list(plan.steps)
    for place, step in enumerate(steps):
        if not _is_foreign(step, reader):
            continue
        made = _again(step, reader)
        before = [] if len(made) == 1 else [steps[place - 1]]
        if not all(map(_alike, (*before, step), made)):
            raise _not_ours(step)
        steps[place - len(before) : place + 1] = made
    return replace(plan, steps=tuple(steps))


def _is_foreign(step: Step, reader: PlanReader) -> bool:
    """Whether an unchanged Secret has other seals here than in the plan."""
    change = step.change
    if change.ref.kind != "Secret" or change.before is None or change.after is None:
        return False
    live = reader.get(change.ref) or {}
    if value_at(live, VERSION) != value_at(change.before, VERSION):
        return False  # it has moved: what depends on what moved is seen before the write
    now = live.get(DATA) or {}
    return any(now.get(key) != seal for key, seal in (change.before.get(DATA) or {}).items())


def _again(step: Step, reader: PlanReader) -> list[Step]:
    actions = parse_line(step.kubectl, step.change.ref.namespace)
    if isinstance(actions, Refusal) or len(actions) != 1:
        raise _not_ours(step)
    made = actions[0].prepare(reader)
    if isinstance(made, Refusal):
        raise _not_ours(step)
    steps = []
    for item in made:
        before = item.change.before or {}
        reader.take(item.change)
        steps.append(
            replace(
                step,
                kubectl=item.kubectl,
                change=item.change,
                depends=item.depends,
                digest=fields_digest(before, item.depends),
                uid=str((before.get("metadata") or {}).get("uid", "")),
            )
        )
    return steps


def _alike(planned: Step, made: Step) -> bool:
    """Whether it is the reviewed change: the same object, the same keys."""
    old, new = planned.change, made.change
    if is_pre_image(new.after):
        return is_pre_image(old.after) and _keys(old) == _keys(new)
    return old.ref == new.ref and _paths(old) == _paths(new)


def _keys(change: Change) -> set[str]:
    return set((change.after or {}).get(DATA) or {})


def _paths(change: Change) -> set[str]:
    return {edit.path for edit in diff(change.before or {}, change.after or {})}


def _not_ours(step: Step) -> PlanRefused:
    return PlanRefused(
        "the plan's digests of Secret values are another machine's",
        str(step.change.ref),
        "Nothing was written. Make the plan here: stratus plan --out FILE",
    )
