"""The transaction: the only place that changes a cluster's objects (Leases and Events aside).

[journal intent -> write -> journal done]*, and the way back by the same records. An intent, with the
whole object before and after, is on disk before its API call, and is itself the permission to roll
back. Must not judge whether a change is good: see flow.mitigate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.flow.confirm import fresh
from stratus_cli.kube.diff import apply_edits, diff
from stratus_cli.kube.normal import fields_digest, normal_form
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.three_way import Clash, take_back
from stratus_cli.model.change import ABSENT, Change, FieldEdit, Reversibility
from stratus_cli.model.entry import Begin, Done, End, Failed, Intent
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    JournalError,
    Refused,
    RequestTimeout,
    StratusError,
)
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Step
from stratus_cli.model.ports import Journal, Ports
from stratus_cli.model.ref import Ref

ATTEMPTS_ON_CONFLICT = 5  # DESIGN.md, Preconditions
RETRY_FOR_S = 60.0  # how long a roll-back waits for an API server that does not answer
GONE_WITHIN_S = 60.0  # how long a deleted object may take to go before it is created again

Item = dict[str, Any]


class Drifted(Refused):
    """The object is no longer as the plan was made for. Nothing was written to it."""


@dataclass
class Written:
    """One write that was made. before/after: whole objects in normal form; uid: as answered."""

    number: int
    ref: Ref
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    kubectl: str
    uid: str
    generation: int = 0


@dataclass
class Transaction:
    """One open transaction. Made by `begin`, or by flow.recover from the journal's records."""

    id: str
    ports: Ports
    journal: Journal
    guard: Callable[[], None]
    """Called before each write: raises when the lock is lost."""
    written: list[Written] = field(default_factory=list)
    writes: int = 0

    @classmethod
    def begin(
        cls,
        ports: Ports,
        tx: str,
        *,
        kind: str,
        title: str,
        incident: str,
        plan: Mapping[str, Any],
        writes: int,
        undoes: str = "",
        guard: Callable[[], None] = lambda: None,
    ) -> Transaction:
        """Make room for every record, then write the first. JournalError: nothing was done."""
        journal = journal_of(ports)
        at = ports.clock.now()
        # Begin, Baseline, Judged, End; two per write, and two per write on the way back.
        journal.reserve(4 + 4 * writes)
        journal.append(Begin(tx, at, kind, incident, title, ports.who, plan, undoes))
        return cls(tx, ports, journal, guard)

    def write(self, number: int, step: Step) -> Written:
        """One step. Drifted: the object moved, nothing written; else StratusError as answered."""
        change = step.change
        for attempt in range(ATTEMPTS_ON_CONFLICT):
            live = self.ports.cluster.get(change.ref)
            after = after_on(step, live)
            try:
                return self._write(number, change, live, after, step.kubectl)
            except Conflict:
                if attempt == ATTEMPTS_ON_CONFLICT - 1:
                    raise
        raise AssertionError("unreachable")  # the loop returns or raises

    def put_back(self, item: Written) -> tuple[Clash, ...]:
        """Take one write of this transaction back: a step of its roll-back."""
        return self._invert(item, rollback=True, force=False)

    def invert(self, item: Written, *, force: bool) -> tuple[Clash, ...]:
        """Take a write of an earlier transaction back: a step of an undo.

        The clashes: fields that somebody else changed; then nothing is written.
        """
        return self._invert(item, rollback=False, force=force)

    def _invert(self, item: Written, *, rollback: bool, force: bool) -> tuple[Clash, ...]:
        for attempt in range(ATTEMPTS_ON_CONFLICT):
            live = self.ports.cluster.get(item.ref)
            clashes, change = inverse_on(item, live, force=force)
            if clashes or change is None:
                return clashes
            try:
                self._write(
                    item.number, change, live, change.after, _word(change), rollback=rollback
                )
            except Conflict:
                if attempt == ATTEMPTS_ON_CONFLICT - 1:
                    raise
                continue
            return ()
        return ()

    def roll_back(self) -> tuple[Mapping[str, Any], ...]:
        """Everything written, newest first, then read again. What could not be restored."""
        left: list[Mapping[str, Any]] = []
        for item in reversed(self.written):
            try:
                self._with_patience(item)
            except ClusterAnswer as error:
                left.append(_difference(item.ref, "", "as before", f"{error.what}"))
        for item in reversed(self.written):
            left.extend(entry for entry in self.unlike_before(item) if entry not in left)
        return tuple(left)

    def unlike_before(self, item: Written) -> tuple[Mapping[str, Any], ...]:
        """Read one object again: the fields of ours that are not as before."""
        live = self._read_patiently(item.ref)
        return differences(item, live)

    def end(
        self, state: TransactionState, why: str, unrestored: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Close it for good."""
        now = self.ports.clock.now()
        self.journal.append(End(self.id, now, state, why, self.writes, tuple(unrestored)))

    def _write(
        self,
        number: int,
        change: Change,
        live: Item | None,
        after: Mapping[str, Any] | None,
        kubectl: str,
        *,
        rollback: bool = False,
    ) -> Written:
        """Intent on disk, one API call, its fate on disk."""
        clock, ref = self.ports.clock, change.ref
        self.guard()
        before = None if live is None else normal_form(live)
        wanted = None if after is None else normal_form(after)
        self.journal.append(
            Intent(self.id, clock.now(), number, ref, before, wanted, kubectl, rollback)
        )
        try:
            answer = self._call(ref, live, after, change)
        except RequestTimeout as error:
            answer = self._settle_fate(number, ref, before, wanted, error, rollback=rollback)
        except StratusError as error:
            known = None if isinstance(error, ClusterUnreachable) else False
            self.journal.append(
                Failed(self.id, clock.now(), number, str(error), known, rollback)
            )
            if known is None:
                answer = self._settle_fate(number, ref, before, wanted, error, rollback=rollback)
            else:
                raise
        meta = (answer or {}).get("metadata") or {}
        uid = str(meta.get("uid", ""))
        form = None if answer is None else normal_form(answer)
        done = Written(
            number, ref, before, form, kubectl, uid, int(meta.get("generation") or 0)
        )
        # From here the cluster has it: a journal that fails now must not make us forget it.
        self.writes += 1
        if not rollback:
            self.written.append(done)
        self.journal.append(Done(self.id, clock.now(), number, uid, form, rollback))
        return done

    def _call(
        self, ref: Ref, live: Item | None, after: Mapping[str, Any] | None, change: Change
    ) -> Item | None:
        cluster = self.ports.cluster
        if after is None:
            meta = (live or {}).get("metadata") or {}
            cluster.delete(
                ref, uid=str(meta.get("uid", "")), resource_version=_version(change, meta)
            )
            self._wait_gone(ref, str(meta.get("uid", "")), change)
            return None
        if live is None:
            return cluster.create(fresh(after))
        return cluster.replace(after)

    def _wait_gone(self, ref: Ref, uid: str, change: Change) -> None:
        """A deleted object may linger; what follows must find it gone."""
        if change.reversibility is Reversibility.COMPENSABLE:
            return  # a pod's place is taken by another one; settling waits for that
        clock = self.ports.clock
        started = clock.monotonic()
        while (live := self.ports.cluster.get(ref)) is not None:
            waited = clock.monotonic() - started
            if live["metadata"].get("uid") != uid or waited > GONE_WITHIN_S:
                return
            self.ports.progress.waiting(f"{ref} to be gone", waited, GONE_WITHIN_S)
            clock.sleep(self.ports.limits.poll_s)

    def _settle_fate(
        self,
        number: int,
        ref: Ref,
        before: Mapping[str, Any] | None,
        wanted: Mapping[str, Any] | None,
        error: StratusError,
        *,
        rollback: bool,
    ) -> Item | None:
        """No answer came: one read says whether the write was made. The error, where it was not."""
        live = self._read_patiently(ref)
        fate = fate_of(before, wanted, live)
        if fate is True:
            return live
        now = self.ports.clock.now()
        self.journal.append(Failed(self.id, now, number, str(error), fate, rollback))
        raise error

    def _with_patience(self, item: Written) -> None:
        """Put one write back, waiting for an API server that is away."""
        clock = self.ports.clock
        started = clock.monotonic()
        while True:
            try:
                self.put_back(item)
                return
            except (ClusterUnreachable, RequestTimeout):
                waited = clock.monotonic() - started
                if waited > RETRY_FOR_S:
                    raise
                self.ports.progress.waiting("the API server, to roll back", waited, RETRY_FOR_S)
                clock.sleep(self.ports.limits.poll_s)

    def _read_patiently(self, ref: Ref) -> Item | None:
        clock = self.ports.clock
        started = clock.monotonic()
        while True:
            try:
                return self.ports.cluster.get(ref)
            except (ClusterUnreachable, RequestTimeout):
                waited = clock.monotonic() - started
                if waited > RETRY_FOR_S:
                    raise
                self.ports.progress.waiting("the API server, to read back", waited, RETRY_FOR_S)
                clock.sleep(self.ports.limits.poll_s)


def after_on(step: Step, live: Item | None) -> Mapping[str, Any] | None:
    """What the step makes of the object as it is now. Drifted when it is not as planned for."""
    change = step.change
    if change.before is None:
        if live is not None:
            raise _drift(step, "it exists by now")
        return change.after
    if live is None:
        raise _drift(step, "it is gone")
    if step.uid and live["metadata"].get("uid") != step.uid:
        raise _drift(step, "it was deleted and made anew")
    if fields_digest(live, step.depends) != step.digest:
        moved = [
            path
            for path in step.depends
            if value_at(live, path) != value_at(change.before, path)
        ]
        raise _drift(step, f"changed since: {', '.join(moved) or 'a field it depends on'}")
    if change.after is None:
        return None
    return apply_edits(live, diff(change.before, change.after))


def inverse_on(
    item: Written, live: Item | None, *, force: bool = False
) -> tuple[tuple[Clash, ...], Change | None]:
    """(clashes, the change that takes the write back now, or None when nothing is left to do)."""
    ref = item.ref
    if item.before is None:  # we created it
        if live is None:
            return (), None
        if item.uid and live["metadata"].get("uid") != item.uid and not force:
            return (Clash("", ABSENT, "made by us", "made anew by somebody else"),), None
        return (), Change(ref, live, None)
    if item.after is None:  # we deleted it
        if live is None:
            return (), Change(ref, None, item.before)
        return differences_as_clashes(item, live), None
    if live is None:
        return (Clash("", "there", "there", ABSENT),), None
    back = take_back(item.before, item.after, live, force=force)
    if back.conflicts and not force:
        return back.conflicts, None
    if not back.restored and not (force and back.conflicts):
        return (), None
    return (), Change(ref, live, back.wanted)


def differences(item: Written, live: Item | None) -> tuple[Mapping[str, Any], ...]:
    """The fields of this write that are not as before, as journal data; () when restored."""
    ref, before = item.ref, item.before
    if before is None:
        if live is None or (live["metadata"].get("uid") != item.uid and item.uid):
            return ()
        gone = live["metadata"].get("deletionTimestamp")
        return () if gone else (_difference(ref, "", "(absent)", "still there"),)
    if live is None:
        return (_difference(ref, "", "there", "(absent)"),)
    now = normal_form(live)
    edits: Sequence[FieldEdit]
    # A write of ours touched only these fields; others may have moved, and are not ours.
    edits = diff(before, item.after) if item.after is not None else diff(before, now)
    return tuple(
        _difference(ref, edit.path, edit.before, value_at(now, edit.path))
        for edit in edits
        if value_at(now, edit.path) != edit.before
    )


def differences_as_clashes(item: Written, live: Item) -> tuple[Clash, ...]:
    """A deleted object that is there again: what in it is not as we knew it."""
    edits = diff(item.before or {}, normal_form(live))
    return tuple(Clash(edit.path, edit.before, ABSENT, edit.after) for edit in edits)


def fate_of(
    before: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None, live: Item | None
) -> bool | None:
    """Whether a write whose answer is unknown was made: True, False, or None (drifted)."""
    if wanted is None:
        return live is None or bool(live["metadata"].get("deletionTimestamp"))
    if before is None:
        return live is not None
    if live is None:
        return None
    now = normal_form(live)
    edits = diff(before, wanted)
    if all(value_at(now, edit.path) == edit.after for edit in edits):
        return True
    if all(value_at(now, edit.path) == edit.before for edit in edits):
        return False
    return None


def new_id(ports: Ports, title: str, plan: str) -> str:
    """A transaction id: eight hex digits, unique in this journal."""
    number = len(journal_of(ports).entries())
    key = f"{ports.clock.now().isoformat()} {ports.who} {title} {plan} {number}"
    return f"tx-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def journal_of(ports: Ports) -> Journal:
    """The journal, which a flow that writes cannot be without."""
    if ports.journal is None:
        raise JournalError("no journal is open", "", "This is a reading command.")
    return ports.journal


def _drift(step: Step, what: str) -> Drifted:
    return Drifted(
        f"{step.change.ref} is not as it was when the plan was made ({what})",
        step.kubectl,
        "Nothing was written to it. Make a new plan.",
    )


def _version(change: Change, meta: Mapping[str, Any]) -> str:
    """Status updates move a pod's version all the time; its uid says enough."""
    if change.reversibility is Reversibility.COMPENSABLE:
        return ""
    return str(meta.get("resourceVersion", ""))


def _word(change: Change) -> str:
    return {"create": "create again", "delete": "delete what was created"}.get(
        change.operation, "put the fields back"
    ) + f": {change.ref}"


def _difference(ref: Ref, path: str, wanted: object, found: object) -> Mapping[str, Any]:
    return {
        "ref": str(ref),
        "field": path,
        "wanted": None if wanted is ABSENT else wanted,
        "found": None if found is ABSENT else found,
    }

