"""The transaction: the only place that changes a cluster's objects (Leases and Events aside).

[journal intent -> write -> journal done]*, and the way back by the same records. An intent, with
the whole object before and after, is on disk before its API call, and is itself the permission to
roll back. Must not judge whether a change is good: see flow.mitigate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stratus_cli.actions.dependents import DEPENDENTS
from stratus_cli.flow import pre_image
from stratus_cli.flow.adoption import adopted_some, until_adopted
from stratus_cli.flow.confirm import fresh
from stratus_cli.flow.fate import answer_lost, being_deleted, fate_of, is_refusal, uid_of
from stratus_cli.flow.forward import Drifted, after_on, anew_on
from stratus_cli.flow.giving_back import former_owners, give_back
from stratus_cli.flow.inverse import (
    Difference,
    Written,
    difference,
    inverse_on,
    is_replaced_by_owner,
    paired,
    unrestored,
)
from stratus_cli.flow.lineage import Lineage
from stratus_cli.flow.patience import patiently
from stratus_cli.flow.way_back import way_back
from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.three_way import Clash
from stratus_cli.model.change import ABSENT, EVICTION, ORPHAN, Change, Reversibility
from stratus_cli.model.entry import Begin, Done, End, Failed, Intent
from stratus_cli.model.errors import (
    ClusterAnswer,
    Conflict,
    JournalError,
    Refused,
    StratusError,
)
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Step
from stratus_cli.model.ports import Journal, Ports
from stratus_cli.model.ref import Ref

ATTEMPTS_ON_CONFLICT = 5  # DESIGN.md, Preconditions
PER_WRITE, CLOSING = 4, 2
"""Records: of a write there and back; of the verdict and the end."""

GONE_WITHIN_S = 60.0  # how long a deleted object may take to go before it is created again

__all__ = ["Drifted", "Transaction", "Written", "after_on", "journal_of", "new_id"]

Item = dict[str, Any]


@dataclass
class Transaction:
    """One open transaction. Made by `begin`, or by flow.recover from the journal's records."""

    id: str
    ports: Ports
    journal: Journal
    guard: Callable[[], None]
    """Called before each write and while waiting: raises when the lock is lost."""
    written: list[Written] = field(default_factory=list)
    doubtful: list[tuple[Intent, str]] = field(default_factory=list)
    """Writes without an answer, each with the resourceVersion from before it."""
    put_back: set[int] = field(default_factory=set)
    """Numbers of the steps whose inverse was made already."""
    taken: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    """By step: what it had made, as the way back found and deleted it."""
    gone: dict[Ref, tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=dict)
    """What was deleted to be made anew: as the plan saw it, and as it was."""
    writes: int = 0
    heirs: Lineage = field(default_factory=Lineage)
    spare: int = 0
    """The first number that no step has: for pre-images that an undo makes."""

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
        spare: int = 0,
    ) -> Transaction:
        """Make room for every record, then write the first. JournalError: nothing was done."""
        journal = journal_of(ports)
        at = ports.clock.now()
        journal.reserve(CLOSING + 2 + PER_WRITE * writes)  # two: Begin and Baseline
        heirs = Lineage.of(journal.entries())
        journal.append(Begin(tx, at, kind, incident, title, ports.who, plan, undoes))
        return cls(tx, ports, journal, guard, heirs=heirs, spare=spare)

    def write(self, number: int, step: Step) -> Written:
        """One step. Drifted: the object moved, nothing written; else StratusError as answered."""
        change = step.change
        for attempt in range(ATTEMPTS_ON_CONFLICT):
            live = self.ports.cluster.get(change.ref)
            after = after_on(step, live)
            if after is not None and change.ref in self.gone:
                after = anew_on(step, *self.gone[change.ref])
            try:
                done = self._write(number, change, live, after, step.kubectl)
            except Conflict:
                if attempt == ATTEMPTS_ON_CONFLICT - 1:
                    raise
                continue
            if change.via == ORPHAN and change.before is not None and done.before is not None:
                self.gone[change.ref] = change.before, done.before
            alone = self._taken_over(done.ref, done.uid)
            if alone:
                raise Refused(
                    f"{change.ref} did not adopt {', '.join(alone)}", step.kubectl, "Look at both."
                )
            return done
        raise AssertionError("unreachable")  # the loop returns or raises

    def make_room(self) -> None:
        """For one write that the plan does not have. JournalError: there is none, so not made."""
        self.journal.reserve(CLOSING + PER_WRITE * (1 + len(self.written)))

    def invert(self, item: Written, *, force: bool) -> tuple[Clash, ...]:
        """Take a write of an earlier transaction back: a step of an undo.

        The clashes: fields that somebody else changed; then nothing is written.
        """
        return self._invert(item, rollback=False, force=force)

    def roll_back(self) -> tuple[Difference, ...]:
        """Everything written, by flow.way_back, then read again. What could not be restored.

        Raises only when that cannot be known or done now: no API server, no journal, no lock.
        """
        self._resolve_doubts()
        for item in way_back(paired(self.written)):
            if item.number in self.put_back:
                continue
            if self._is_needed(item):
                self.ports.progress.note(f"{item.ref} is kept: it holds what was not put back")
                continue
            self._with_patience(item)
        for item in self._late_arrivals():
            self._with_patience(item)
        return self.unrestored(self.written)

    def unrestored(self, items: Sequence[Written]) -> tuple[Difference, ...]:
        """Read every object again. items: in the order in which they were written."""
        left: list[Difference] = []
        for ref in dict.fromkeys(item.ref for item in items):
            ours = [item for item in items if item.ref == ref]
            try:
                live = self._read(ref)
            except ClusterAnswer as error:
                left.append(difference(ref, "", "as before", f"not readable: {error.what}"))
                continue
            left.extend(unrestored(ours, live, heirs=self.heirs, taken=self.taken))
            if live is not None and any(item.after is None for item in ours):
                left.extend(self._left_alone(ref))
        return tuple(left)

    def end(self, state: TransactionState, why: str, unrestored: Sequence[Difference] = ()) -> None:
        """Close it for good."""
        now = self.ports.clock.now()
        self.journal.append(End(self.id, now, state, why, self.writes, tuple(unrestored)))

    def settle(self, intent: Intent, live: Item | None, version: str = "") -> bool | None:
        """Take a write into account whose answer is not known, by how the object is now.

        The fate (see flow.fate) is journaled; unless it is False the way back covers the write.
        """
        fate = fate_of(intent.ref, intent.before, intent.after, live, version)
        if fate is True:
            self._done(intent, answer_lost(intent, live))
            return True
        words = "found not applied" if fate is False else "found neither as before nor as written"
        now = self.ports.clock.now()
        self.journal.append(Failed(self.id, now, intent.step, words, fate, intent.rollback))
        if fate is None and not intent.rollback:
            self.written.append(
                Written(
                    intent.step,
                    intent.ref,
                    intent.before,
                    intent.after,
                    intent.kubectl,
                    intent.ref.uid,
                    owners=intent.owners,
                )
            )
        return fate

    def _invert(self, item: Written, *, rollback: bool, force: bool) -> tuple[Clash, ...]:
        for attempt in range(ATTEMPTS_ON_CONFLICT):
            live = self.ports.cluster.get(item.ref)
            if item.after is None and being_deleted(live) and not is_replaced_by_owner(item):
                self._wait_gone(item.ref, uid_of(live))
                live = self.ports.cluster.get(item.ref)
            clashes, change = inverse_on(
                item, live, heirs=self.heirs, force=force, taken=self.taken
            )
            if change is not None and live is not None and change.after is None:
                # Its own pods go with it. What was there before it stays, for the one that returns.
                stays = adopted_some(self.ports.cluster, item.ref, live)
                change = replace(change, via=ORPHAN) if stays else change
                self.taken[item.number] = normal_form(live)
            if change is None or (clashes and not rollback):
                if not clashes:
                    give_back(item, self.ports)  # a crash may have come between the two requests
                return clashes
            if not rollback:
                self._keep(change)
            try:
                made = self._write(
                    item.number, change, live, change.after, _word(change), rollback=rollback
                )
            except Conflict:
                if attempt == ATTEMPTS_ON_CONFLICT - 1:
                    raise
                continue
            if live is None and item.after is not None:
                self.heirs.heirs[item.uid] = made.uid  # forced: somebody else had deleted it
            if live is None:
                self._taken_over(made.ref, made.uid)  # what was left alone shows at the end
            give_back(item, self.ports)
            return clashes
        return ()

    def _keep(self, change: Change) -> None:
        """Before values of a Secret are overwritten, they are put where a later undo finds them."""
        step = pre_image.keeping(change, self.id, self.written)
        if step is not None:
            self.write(self.spare, step)
            self.spare += 1

    def _is_needed(self, item: Written) -> bool:
        """Whether this write made the pre-image of a Secret that is not as before yet."""
        secret = pre_image.keeps_for(item)
        ours = [other for other in self.written if other.ref == secret]
        return bool(ours) and bool(self.unrestored(ours))

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
        self.guard()
        meta = (live or {}).get("metadata") or {}
        ref = replace(change.ref, uid=uid_of(live))
        before = None if live is None else normal_form(live)
        wanted = None if after is None else normal_form(after)
        now = self.ports.clock.now()
        owners = former_owners(before, wanted, live)
        intent = Intent(self.id, now, number, ref, before, wanted, kubectl, rollback, owners)
        self.journal.append(intent)
        # From here until an answer the cluster may have it.
        self.doubtful.append((intent, str(meta.get("resourceVersion", ""))))
        try:
            answer = self._call(ref, live, after, change)
        except StratusError as error:
            done = self._without_answer(error)
        else:
            done = self._done(intent, answer)
        if after is None and change.reversibility is not Reversibility.COMPENSABLE:
            # A pod's place is taken by another one; what else is deleted must be found gone.
            self._wait_gone(ref, ref.uid)
        return done

    def _left_alone(self, ref: Ref) -> tuple[Difference, ...]:
        """What an object that was put back selects and does not own, after a while."""
        alone = until_adopted(self.ports, ref, self.guard, with_pods=False)
        return tuple(difference(ref, "adopted", name, ABSENT) for name in alone)

    def _taken_over(self, ref: Ref, uid: str) -> tuple[str, ...]:
        """Wait until an object made anew owns what it selects; what it did not take."""
        if ref.kind not in DEPENDENTS or uid not in self.heirs.heirs.values():
            return ()
        return until_adopted(self.ports, ref, self.guard)

    def _without_answer(self, error: StratusError) -> Written:
        """The newest write failed. It may have been made all the same, unless it was refused."""
        intent, version = self.doubtful[-1]
        if is_refusal(error):
            self.doubtful.pop()
            now = self.ports.clock.now()
            self.journal.append(
                Failed(self.id, now, intent.step, str(error), False, intent.rollback)
            )
            raise error
        live = self._read(intent.ref)
        if fate_of(intent.ref, intent.before, intent.after, live, version) is True:
            return self._done(intent, answer_lost(intent, live))
        raise error  # the way back asks again

    def _done(self, intent: Intent, answer: Item | None) -> Written:
        """The cluster has it. A journal that fails now must not make us forget it."""
        meta = (answer or {}).get("metadata") or {}
        uid = str(meta.get("uid", ""))
        form = None if answer is None else normal_form(answer)
        done = Written(
            intent.step,
            intent.ref,
            intent.before,
            form,
            intent.kubectl,
            uid,
            int(meta.get("generation") or 0),
            intent.owners,
        )
        self.doubtful = [entry for entry in self.doubtful if entry[0] is not intent]
        self.writes += 1
        self.heirs.take(intent, uid)
        if intent.rollback:
            self.put_back.add(intent.step)
        else:
            self.written.append(done)
        now = self.ports.clock.now()
        self.journal.append(Done(self.id, now, intent.step, uid, form, intent.rollback))
        return done

    def _call(
        self, ref: Ref, live: Item | None, after: Mapping[str, Any] | None, change: Change
    ) -> Item | None:
        cluster = self.ports.cluster
        if after is None:
            meta = (live or {}).get("metadata") or {}
            version = _version(change, meta)
            evict, orphan = change.via == EVICTION, change.via == ORPHAN
            cluster.delete(ref, uid=ref.uid, resource_version=version, orphan=orphan, evict=evict)
            return None
        return cluster.create(fresh(after)) if live is None else cluster.replace(after)

    def _resolve_doubts(self) -> None:
        for entry in list(self.doubtful):
            intent, version = entry
            if intent.rollback:
                self.doubtful.remove(entry)  # the way back reads everything again itself
                continue
            live = self._read(intent.ref)
            if self.settle(intent, live, version) is None:
                self.doubtful.remove(entry)

    def _late_arrivals(self) -> tuple[Written, ...]:
        """A request that was on its way, and found not applied, may have arrived meanwhile."""
        known = len(self.written)
        for intent, version in list(self.doubtful):
            live = self._read(intent.ref)
            if fate_of(intent.ref, intent.before, intent.after, live, version) is True:
                self._done(intent, answer_lost(intent, live))
        return tuple(self.written[known:])

    def _wait_gone(self, ref: Ref, uid: str) -> None:
        """A deleted object may linger; what follows must find it gone."""
        clock = self.ports.clock
        started = clock.monotonic()
        while uid_of(self.ports.cluster.get(ref)) == uid:
            waited = clock.monotonic() - started
            if waited > GONE_WITHIN_S:
                return
            self.guard()
            self.ports.progress.waiting(f"{ref} to be gone", waited, GONE_WITHIN_S)
            clock.sleep(self.ports.limits.poll_s)

    def _with_patience(self, item: Written) -> None:
        """Put one write back. A refusal shows when all is read again."""
        try:
            patiently(
                self.ports, "roll back", lambda: self._invert(item, rollback=True, force=False)
            )
        except ClusterAnswer as error:
            self.ports.progress.note(f"{item.ref} was not put back: {error}")

    def _read(self, ref: Ref) -> Item | None:
        return patiently(self.ports, "read back", lambda: self.ports.cluster.get(ref))


def new_id(ports: Ports, title: str, plan: str) -> str:
    """A transaction id: eight hex digits, unique in this journal."""
    entries = journal_of(ports).entries()
    known = {entry.tx for entry in entries}
    number = len(entries)
    while True:
        key = f"{ports.clock.now().isoformat()} {ports.who} {title} {plan} {number}"
        tx = f"tx-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        if tx not in known:
            return tx
        number += 1


def journal_of(ports: Ports) -> Journal:
    """The journal, which a flow that writes cannot be without."""
    if ports.journal is None:
        raise JournalError("no journal is open", "", "This is a reading command.")
    return ports.journal


def _version(change: Change, meta: Mapping[str, Any]) -> str:
    """Status updates move a pod's version all the time; its uid says enough."""
    if change.reversibility is Reversibility.COMPENSABLE:
        return ""
    return str(meta.get("resourceVersion", ""))


def _word(change: Change) -> str:
    return {"create": "create again", "delete": "delete what was created"}.get(
        change.operation, "put the fields back"
    ) + f": {change.ref}"
