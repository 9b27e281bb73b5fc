"""The way back of a write, computed on the object as it is now; and what is still to be restored.

Pure. Nothing of somebody else's is ever part of the way back, unless it is forced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stratus_cli.flow.fate import being_deleted, uid_of
from stratus_cli.flow.lineage import Lineage
from stratus_cli.kube.diff import apply_edits, diff, same_value
from stratus_cli.kube.fields import segments
from stratus_cli.kube.for_good import is_for_good
from stratus_cli.kube.known_good import MASK
from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.seals import DATA
from stratus_cli.kube.three_way import Clash, take_back
from stratus_cli.kube.told import told
from stratus_cli.model.change import ABSENT, Change, FieldEdit
from stratus_cli.model.ref import Ref

Item = dict[str, Any]
Difference = Mapping[str, Any]
"""Journal data: ref, field, wanted, found (None: absent)."""

BY_THE_SERVER = ("metadata.finalizers", "spec.volumeName")
"""What controllers put into a new object that nobody else touched; and annotations of theirs."""

ANNOTATIONS = "metadata.annotations"
THEIRS = ("kubernetes.io", "k8s.io")  # reserved for Kubernetes' own components
BY_PEOPLE = "kubectl.kubernetes.io"


@dataclass(frozen=True)
class Anew:
    """An object deleted and made anew by one transaction. number: of the step that made it."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    number: int


@dataclass
class Written:
    """One write that was made. before/after: whole objects in normal form; uid: as answered.

    owners: who owned the changed fields before (kube.field_owners). anew: the re-creation that it
    is one half of (`paired`).
    """

    number: int
    ref: Ref
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    kubectl: str
    uid: str
    generation: int = 0
    owners: tuple[Mapping[str, Any], ...] = ()
    anew: Anew | None = None


def paired(items: Sequence[Written]) -> tuple[Written, ...]:
    """The same, with both halves of each re-creation told. items: in the order of writing."""
    made = list(items)
    last: dict[Ref, int] = {}
    for place, item in enumerate(items):
        former = last.get(item.ref)
        if former is not None and item.before is None and item.after is not None:
            gone = items[former]
            if gone.after is None and gone.before is not None:
                anew = Anew(gone.before, item.after, item.number)
                made[former], made[place] = replace(gone, anew=anew), replace(item, anew=anew)
        last[item.ref] = place
    return tuple(made)


def inverse_on(
    item: Written,
    live: Item | None,
    *,
    heirs: Lineage | None = None,
    force: bool = False,
    taken: Mapping[int, Mapping[str, Any]] | None = None,
) -> tuple[tuple[Clash, ...], Change | None]:
    """(what somebody else changed, the change that takes the rest back or None when there is none).

    A change beside clashes restores only fields that nobody else touched. taken: by step, what the
    way back has deleted of what was made: what others wrote into it is kept for its predecessor.
    """
    if item.anew is not None and item.after is None and live is None:
        then = (taken or {}).get(item.anew.number)
        if then is not None:
            back = take_back(item.anew.before, item.anew.after, then, force=force)
            return (), Change(item.ref, None, back.wanted)
    if item.before is None:
        clashes, change = _of_create(item, live, heirs or Lineage(), force=force)
    elif item.after is None:
        clashes, change = _of_delete(item, item.before, live, force=force)
    else:
        clashes, change = _of_update(
            item, (item.before, item.after), live, heirs or Lineage(), force=force
        )
    if change is not None and _would_write_a_mask(change):
        # The journal has no credentials: what would be written is not what was there.
        return (*clashes, Clash("", "a value that is not journaled", ABSENT, "")), None
    return clashes, change


def unrestored(
    items: Sequence[Written],
    live: Item | None,
    *,
    heirs: Lineage | None = None,
    taken: Mapping[int, Mapping[str, Any]] | None = None,
) -> tuple[Difference, ...]:
    """What is not as before all of these writes to one object, oldest first; () when restored.

    taken: see inverse_on.
    """
    first, last, heirs = items[0], items[-1], heirs or Lineage()
    ref = first.ref
    if all(is_replaced_by_owner(item) for item in items):
        return ()
    expected, clashes = _before_all(paired(items), taken or {})
    if expected is None:
        return _not_gone(first, live, heirs)
    if live is None:
        return (difference(ref, "", "there", ABSENT),)
    if is_for_good(ref.kind, first.before, last.after):
        return _not_kept(first, live)
    now = normal_form(live)
    if any(item.before is None or item.after is None for item in items):
        return tuple(
            difference(ref, edit.path, edit.before, edit.after) for edit in diff(expected, now)
        )
    if is_other(last, live, heirs):
        return (difference(ref, "metadata.uid", last.uid, uid_of(live)),)
    back = take_back(expected, last.after or {}, live)
    found = [difference(ref, edit.path, edit.after, edit.before) for edit in back.restored]
    found += [difference(ref, it.path, it.before, it.live) for it in back.conflicts]
    known = {entry["field"] for entry in found}
    found += [
        entry for entry in _halfway(items, expected, clashes, now) if entry["field"] not in known
    ]
    return tuple(found)


def is_other(item: Written, live: Item, heirs: Lineage) -> bool:
    """Whether this is another object of the same name, and not one that we made in its place."""
    return not heirs.is_same(item.uid, uid_of(live))


def is_replaced_by_owner(item: Written) -> bool:
    """A deleted pod whose place its controller fills: made good by that, and never put back."""
    return is_pod_of_a_controller(item.ref, item.before, item.after)


def is_pod_of_a_controller(
    ref: Ref, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> bool:
    """Whether this deletes a pod that another one takes the place of."""
    if after is not None or before is None or ref.kind != "Pod":
        return False
    owners = (before.get("metadata") or {}).get("ownerReferences") or ()
    return any(isinstance(owner, Mapping) and owner.get("controller") for owner in owners)


def difference(ref: Ref, path: str, wanted: object, found: object) -> Difference:
    """One entry of what could not be restored, as it is shown: without credentials."""
    wanted, found = told(path, wanted), told(path, found)
    return {
        "ref": str(ref),
        "field": path,
        "wanted": None if wanted is ABSENT else wanted,
        "found": None if found is ABSENT else found,
    }


def _of_create(
    item: Written, live: Item | None, heirs: Lineage, *, force: bool
) -> tuple[tuple[Clash, ...], Change | None]:
    if live is None or (being_deleted(live) and not is_other(item, live, heirs)):
        return (), None
    if force:
        return (), Change(item.ref, live, None)
    if is_other(item, live, heirs):
        return (Clash("", ABSENT, "made by us", "made anew by somebody else"),), None
    if item.anew is not None:
        conflicts = take_back(item.anew.before, item.anew.after, normal_form(live)).conflicts
        return (conflicts, None) if conflicts else ((), Change(item.ref, live, None))
    theirs = [
        Clash(edit.path, ABSENT, edit.before, edit.after)
        for edit in diff(item.after or {}, normal_form(live))
        if not _is_by_the_server(edit)
    ]
    return (tuple(theirs), None) if theirs else ((), Change(item.ref, live, None))


def _is_by_the_server(edit: FieldEdit) -> bool:
    if not edit.path.startswith(ANNOTATIONS):
        return edit.path.startswith(BY_THE_SERVER)
    keys = list(edit.after) if isinstance(edit.after, Mapping) else [segments(edit.path)[-1]]
    domains = [str(key).partition("/")[0] for key in keys]
    return all(name.endswith(THEIRS) and name != BY_PEOPLE for name in domains)


def _of_delete(
    item: Written, before: Mapping[str, Any], live: Item | None, *, force: bool
) -> tuple[tuple[Clash, ...], Change | None]:
    if is_replaced_by_owner(item):
        return (), None
    if is_for_good(item.ref.kind, before, item.after):
        if live is not None and not _not_kept(item, live):
            return (), None
        return (Clash("", "there", ABSENT, "gone for good"),), None
    if live is None:
        return (), Change(item.ref, None, before)
    if being_deleted(live):
        return (Clash("", "there", ABSENT, "still being deleted"),), None
    edits = [
        FieldEdit(edit.path, edit.after, edit.before) for edit in diff(before, normal_form(live))
    ]
    if edits and force:
        return (), Change(item.ref, live, apply_edits(live, edits))
    return tuple(Clash(edit.path, edit.after, ABSENT, edit.before) for edit in edits), None


def _of_update(
    item: Written,
    change: tuple[Mapping[str, Any], Mapping[str, Any]],
    live: Item | None,
    heirs: Lineage,
    *,
    force: bool,
) -> tuple[tuple[Clash, ...], Change | None]:
    before, after = change
    if live is None:
        gone = Clash("", "there", "there", ABSENT)
        return ((), Change(item.ref, None, before)) if force else ((gone,), None)
    if is_other(item, live, heirs) and not force:
        return (Clash("metadata.uid", item.uid, item.uid, uid_of(live)),), None
    back = take_back(before, after, live, force=force)
    return back.conflicts, Change(item.ref, live, back.wanted) if back.restored else None


def _before_all(
    items: Sequence[Written], taken: Mapping[int, Mapping[str, Any]]
) -> tuple[Mapping[str, Any] | None, tuple[Clash, ...]]:
    """The object as it should be again: theirs kept, where somebody wrote between our writes."""
    expected = items[-1].after
    clashes: list[Clash] = []
    for item in reversed(items):
        if item.anew is not None:
            if item.before is None:  # the other half is told by this one, too
                then = taken.get(item.number) or expected or item.anew.after
                expected = take_back(item.anew.before, item.anew.after, then).wanted
            continue
        if item.before is None or item.after is None or expected is None:
            expected = item.before
            continue
        back = take_back(item.before, item.after, expected)
        expected = back.wanted
        clashes.extend(back.conflicts)
    return expected, tuple(clashes)


def _halfway(
    items: Sequence[Written],
    expected: Mapping[str, Any],
    clashes: Iterable[Clash],
    now: Mapping[str, Any],
) -> Iterable[Difference]:
    """Fields of two writes of ours that one inverse took back; and what others wrote between."""
    ref = items[0].ref
    for item in items:
        for edit in diff(item.before or {}, item.after or {}):
            found, wanted = value_at(now, edit.path), value_at(expected, edit.path)
            if same_value(found, edit.after) and not same_value(found, wanted):
                yield difference(ref, edit.path, wanted, found)
    for clash in clashes:
        found = value_at(now, clash.path)
        if not same_value(found, clash.before):
            yield difference(ref, clash.path, clash.before, found)


def _not_gone(first: Written, live: Item | None, heirs: Lineage) -> tuple[Difference, ...]:
    if live is None or is_other(first, live, heirs):
        return ()
    found = "still being deleted" if being_deleted(live) else "still there"
    return (difference(first.ref, "", "(absent)", found),)


def _not_kept(first: Written, live: Item) -> tuple[Difference, ...]:
    """A deletion that nothing brings back: only the very object, not on its way out, will do."""
    if being_deleted(live):
        return (difference(first.ref, "", "there", "being deleted"),)
    if uid_of(live) != first.ref.uid:
        return (difference(first.ref, "metadata.uid", first.ref.uid, uid_of(live)),)
    return ()


def _would_write_a_mask(change: Change) -> bool:
    after, live = change.after, change.before
    if after is None:
        return False
    return _masks(after) > (_masks(live) if live is not None else 0)


def _masks(item: Mapping[str, Any]) -> int:
    if item.get("kind") == "Secret":  # its values are seals, which the adapter opens or refuses
        item = {name: value for name, value in item.items() if name != DATA}
    return json.dumps(item, ensure_ascii=False, default=str).count(MASK)
