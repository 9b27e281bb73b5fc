"""Who else has a say in a change: reconcilers, autoscalers, and managers that applied its fields.

Reads only. What reconciles refuses; what cannot be read is a doubt, for a person to weigh, and for
--auto a refusal; everything else is a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.actions.patch_object import PatchObject
from stratus_cli.flow.fate import MANAGER
from stratus_cli.flow.reader import PlanReader
from stratus_cli.flow.reconcilers import Item, Owner, mapping, reconcilers, unread
from stratus_cli.kube.diff import diff
from stratus_cli.kube.field_owners import appliers_of
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import Change
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ports import Policy
from stratus_cli.model.ref import Ref

SCALED_OBJECTS = "scaledobjects.keda.sh"
AUTOSCALERS = "HorizontalPodAutoscaler"
KEDA_PAUSED = ("autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas")
REPLICAS = "spec.replicas"


@dataclass(frozen=True)
class Weighed:
    """refusal: why the change may not be made. pauses: what would stop the owners that refuse."""

    refusal: Refusal | None
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    pauses: tuple[PatchObject, ...]


def weigh(change: Change, read: PlanReader, policy: Policy) -> Weighed:
    """All owners of what a change touches, and what they mean for it."""
    owners = tuple(owners_of(change, read))
    refusals = [owner.refusal for owner in owners if owner.refusal is not None]
    doubts = list(dict.fromkeys(owner.doubt for owner in owners if owner.doubt))
    if policy.auto and not refusals:
        refusals = [_doubtful(doubt) for doubt in doubts]
    notes = tuple(owner.note for owner in owners if owner.note)
    in_the_way = [owner for owner in owners if owner.refusal is not None]
    pauses = tuple(owner.pause for owner in in_the_way if owner.pause is not None)
    every = len(pauses) == len(in_the_way)
    found = refusals[0] if refusals else None
    return Weighed(found, tuple(doubts), notes, pauses if every else ())


def owners_of(change: Change, read: PlanReader) -> Iterator[Owner]:
    """Everybody who has a say in this change, as far as the cluster tells."""
    yield from reconcilers(change, read)
    yield from _autoscalers(change, read)
    yield from _appliers(change)


def unseen_doubt(weighed: Weighed, shown: tuple[str, ...], change: Change) -> Refusal | None:
    """A doubt that nobody was shown before the plan was agreed to."""
    for note in weighed.doubts:
        if note not in shown:
            return Refusal("owner", note, f"make a new plan for {change.ref}, which shows it")
    return None


def _doubtful(doubt: str) -> Refusal:
    return Refusal(
        "owner", doubt, "give read access to this owner, or leave --auto out, to be asked"
    )


def _autoscalers(change: Change, read: PlanReader) -> Iterator[Owner]:
    """Who sets the number of replicas, when the change sets it, too."""
    before, after, ref = change.before, change.after, change.ref
    if before is None or after is None:
        return
    if value_at(before, REPLICAS) == value_at(after, REPLICAS):
        return
    for word in (AUTOSCALERS, SCALED_OBJECTS):
        kind = AUTOSCALERS if word == AUTOSCALERS else "ScaledObject"
        try:
            items = read.list(word, ref.namespace)
        except ClusterAnswer as error:
            yield unread(change, f"a {kind}", f"{kind}s could not be read: {error.what}")
            continue
        for item in items:
            if _scales(item, ref) and not _is_paused(item):
                name = f"{kind} {mapping(item.get('metadata')).get('name')}"
                reason = f"{name} sets the replicas of {ref}"
                yield Owner(Refusal("owner", reason, f"change {name} instead"))


def _scales(item: Item, ref: Ref) -> bool:
    aim = mapping(value_at(item, "spec.scaleTargetRef"))
    return (aim.get("kind", "Deployment"), aim.get("name")) == (ref.kind, ref.name)


def _is_paused(item: Item) -> bool:
    """KEDA scales no more when its object says so."""
    marks = mapping(mapping(item.get("metadata")).get("annotations"))
    return any(str(marks.get(key, "false")) != "false" for key in KEDA_PAUSED)


def _appliers(change: Change) -> Iterator[Owner]:
    """Whose next server-side apply of the changed fields will conflict, from managedFields."""
    before, after = change.before, change.after
    if before is None or after is None:
        return
    fields: dict[str, list[str]] = {}
    for manager, path in appliers_of(before, [edit.path for edit in diff(before, after)], MANAGER):
        fields.setdefault(manager, []).append(path)
    for manager, paths in sorted(fields.items()):
        shown = ", ".join(dict.fromkeys(paths))
        text = f"{manager} applied {shown} of {change.ref}"
        yield Owner(note=f"{text}: its next server-side apply will conflict, or put it back")
