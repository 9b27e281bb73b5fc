"""Steps: typed actions become the writes of a plan, each on what the earlier ones leave.

Reads only. A step that may not be made, or that the server would refuse, refuses the whole plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from stratus_cli.actions.base import Action, Prepared
from stratus_cli.actions.recreate import recreation, refused_as_immutable
from stratus_cli.actions.restart import Restart
from stratus_cli.actions.served import resolved
from stratus_cli.flow.confirm import confirm
from stratus_cli.flow.consumers import consumers_of
from stratus_cli.flow.headroom import quota_refusal, room_notes
from stratus_cli.flow.inverse import is_pod_of_a_controller
from stratus_cli.flow.ownership import weigh
from stratus_cli.flow.permissions import lease_notes
from stratus_cli.flow.policy import irreversible, protected
from stratus_cli.flow.pre_image import secret_notes
from stratus_cli.flow.reader import PlanReader
from stratus_cli.flow.stuck import stuck_notes
from stratus_cli.kube.diff import diff
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.known_good import MASK
from stratus_cli.kube.normal import fields_digest
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.redact import Eraser, Redactor
from stratus_cli.kube.seals import is_sealed
from stratus_cli.model.change import Change, Json
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.plan import Refusal, Step
from stratus_cli.model.ports import Ports

NO_CHANGE = "no change"  # the check's name in actions.base


@dataclass(frozen=True)
class Steps:
    """The writes, in order, and what a reviewer must know of them."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def steps_of(actions: Iterable[Action], ports: Ports, graph: Graph) -> Steps | Refusal:
    """The steps that the actions, and who reads what they change, need now; or a refusal."""
    known = resolved(actions, ports.cluster.kind_of)
    if isinstance(known, Refusal):
        return known
    reader = PlanReader(ports.cluster, ports.clock)
    steps: list[Step] = []
    notes: list[str] = []
    idle: Refusal | None = None
    for action in known:
        made = _prepared(action, reader)
        if isinstance(made, Refusal):
            if made.check != NO_CHANGE:
                return made
            idle = made  # an earlier step, or somebody else, has done it already
            continue
        for item in made:
            added = _weighed(item, reader, ports)
            if isinstance(added, Refusal):
                return added
            steps.extend(added.steps)
            notes.extend(added.notes)
            notes.extend(secret_notes(item.change))
    if not steps:
        return idle or Refusal(NO_CHANGE, "there is no line that changes anything")
    notes.extend(_consumers(steps, reader, ports, graph))
    if len(steps) > ports.limits.max_writes:
        return too_many(len(steps), ports.limits.max_writes)
    notes.extend(lease_notes(steps, ports))
    return Steps(tuple(steps), tuple(dict.fromkeys(notes)))


def _consumers(steps: list[Step], reader: PlanReader, ports: Ports, graph: Graph) -> Iterator[str]:
    """Append a restart of each consumer that needs one. What may not be restarted is said."""
    changes = [step.change for step in steps]
    found = consumers_of(changes, reader, graph, fast=ports.policy.fast)
    yield from found.notes
    for ref in found.restart:
        made = _prepared(Restart(ref), reader)
        added = made if isinstance(made, Refusal) else _weighed(made[0], reader, ports)
        if isinstance(added, Refusal):
            yield f"{ref} keeps the old value until it is restarted by hand ({added.reason})"
        else:
            steps.extend(added.steps)
            yield from added.notes


def too_many(writes: int, limit: int) -> Refusal:
    """More writes than a transaction may have (TNR's bounded risk window)."""
    return Refusal(
        "bounds",
        f"{writes} writes are more than {limit} in one transaction",
        "split it, or raise --max-writes (at most 20)",
    )


def _prepared(action: Action, reader: PlanReader) -> tuple[Prepared, ...] | Refusal:
    try:
        return action.prepare(reader)
    except ClusterAnswer as error:
        return Refusal("read", f"{error.what}: {error.where}", error.hint)


def _weighed(item: Prepared, reader: PlanReader, ports: Ports) -> Steps | Refusal:
    """What it takes to make a change that others have a say in: their pauses first, where asked."""
    weighed = weigh(item.change, reader, ports.policy)
    room = tuple(room_notes(item.change, reader))
    pauses: tuple[Step, ...] = ()
    if weighed.refusal is not None and weighed.pauses and ports.policy.pause_owner:
        paused = _paused(weighed.pauses, reader, ports)
        if isinstance(paused, Refusal):
            return paused
        pauses = paused.steps
        weighed = weigh(item.change, reader, ports.policy)
    refusal = (
        protected(item.change.ref, ports.policy)
        or weighed.refusal
        or quota_refusal(item.change, reader)
    )
    added = refusal or _taken(item, reader, ports)
    if isinstance(added, Refusal):
        return added
    stuck = tuple(stuck_notes(item.change, reader))
    notes = (*weighed.doubts, *weighed.notes, *room, *stuck, *added.notes)
    return Steps((*pauses, *added.steps), notes)


def _paused(pauses: Iterable[Action], reader: PlanReader, ports: Ports) -> Steps | Refusal:
    """The owners' own suspends as steps. One whose pause would itself be put back refuses."""
    steps: list[Step] = []
    for action in pauses:
        made = _prepared(action, reader)
        if isinstance(made, Refusal):
            return made
        for item in made:
            refusal = weigh(item.change, reader, ports.policy).refusal
            step = refusal or _step(item, reader, ports)
            if isinstance(step, Refusal):
                return step
            steps.append(step)
    return Steps(tuple(steps), ())


def _taken(item: Prepared, reader: PlanReader, ports: Ports) -> Steps | Refusal:
    """The step; or, where a field is immutable, the deletion and the creation that do the same."""
    parts = _anew(item, reader)
    if parts is None:
        step = _step(item, reader, ports)
        if not isinstance(step, Refusal):
            return Steps((step,), item.notes)
        parts = _anew(item, reader, is_refused=True) if refused_as_immutable(step) else None
        if parts is None:
            return step
    if isinstance(parts, Refusal):
        return parts
    steps: list[Step] = []
    for part in parts:
        step = _step(part, reader, ports)
        if isinstance(step, Refusal):
            return step
        steps.append(step)
    return Steps(tuple(steps), (*item.notes, *(n for part in parts for n in part.notes)))


def _anew(
    item: Prepared, reader: PlanReader, *, is_refused: bool = False
) -> tuple[Prepared, ...] | Refusal | None:
    change = item.change
    if change.before is None or change.after is None:
        return None
    try:
        return recreation(
            dict(change.before),
            dict(change.after),
            change.ref,
            reader,
            depends=item.depends,
            is_refused=is_refused,
        )
    except ClusterAnswer as error:
        return Refusal("read", f"{error.what}: {error.where}", error.hint)


def _step(prepared: Prepared, reader: PlanReader, ports: Ports) -> Step | Refusal:
    change = _without_credentials(prepared.change)
    before = change.before or {}
    refusal = (
        protected(change.ref, ports.policy)
        or _credential(change)
        or irreversible(change, ports.policy)
    )
    if refusal is not None:
        return refusal
    word = confirm(prepared, ports.cluster, depends_on_earlier=reader.is_planned(change.ref))
    if isinstance(word, Refusal):
        return word
    reader.take(change)
    return Step(
        kubectl=prepared.kubectl,
        change=change,
        depends=prepared.depends,
        digest=fields_digest(before, prepared.depends),
        uid=str((before.get("metadata") or {}).get("uid", "")),
        confirmed=not word,
        unconfirmed=word,
    )


def _without_credentials(change: Change) -> Change:
    """A pod that its controller replaces is never put back: its values need not be kept."""
    if change.before is None or not is_pod_of_a_controller(change.ref, change.before, change.after):
        return change
    return replace(change, before=Eraser().item(change.before))


def _credential(change: Change) -> Refusal | None:
    """A value that looks like a credential may not be journaled, so it may not be changed."""
    redactor = Redactor(b"")  # only whether it masks is asked, never with what
    before, after = change.before, change.after
    if change.ref.kind == "Secret":
        sealed = is_sealed(before) and is_sealed(after)
        return None if sealed else _looks_secret(str(change.ref))
    if before is None or after is None:
        item = dict((after if before is None else before) or {})
        if before is None and _is_masked(item):
            return _masked_value(str(change.ref))
        return _looks_secret(str(change.ref)) if redactor.masks(item) else None
    old, new = redactor.item(dict(before)), redactor.item(dict(after))
    for edit in diff(before, after):
        if _is_masked(edit.after):
            return _masked_value(edit.path)
        if value_at(old, edit.path) != edit.before or value_at(new, edit.path) != edit.after:
            return _looks_secret(edit.path)
    return None


def _is_masked(value: Json) -> bool:
    return MASK in str(value)


def _masked_value(where: str) -> Refusal:
    return Refusal(
        "credential",
        f"{where} would get a masked value, not the one behind the mask",
        "make this change by hand",
    )


def _looks_secret(where: str) -> Refusal:
    return Refusal(
        "credential",
        f"{where} looks like a credential, which is never journaled",
        "make this change by hand, or keep the value in a Secret",
    )
