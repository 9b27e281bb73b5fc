"""Recover: close a transaction that a crash left open. One read says what was applied.

Then it is rolled back, or finished and judged like any other. One older than 15 minutes is asked
about first: others may have gone on since. One whose verdict COMMIT is on disk only gets its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from stratus_cli.flow.announce import announce
from stratus_cli.flow.gate import Observe
from stratus_cli.flow.inverse import Written
from stratus_cli.flow.lease import LeaseLost, Leases
from stratus_cli.flow.lineage import Lineage
from stratus_cli.flow.mitigate import close_by_roll_back, settle_and_close
from stratus_cli.flow.planfile import from_body
from stratus_cli.flow.pre_image import recall
from stratus_cli.flow.transaction import Transaction, journal_of
from stratus_cli.flow.undoable import written_by
from stratus_cli.health.records import from_json
from stratus_cli.journal.replay import RecordedTransaction, transactions
from stratus_cli.model.change import ORPHAN
from stratus_cli.model.entry import Accepted, Baseline, Done, Entry
from stratus_cli.model.errors import JournalError, Refused, StratusError, UsageError
from stratus_cli.model.health import Decision, Health, TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import Report, TransactionReport

OLD = timedelta(minutes=15)  # DESIGN.md, Recover


@dataclass
class _Found:
    """An open transaction as the cluster shows it. drifted: the fate of a write is not known."""

    transaction: Transaction
    plan: Plan | None
    drifted: bool


def open_transactions(entries: Sequence[Entry]) -> tuple[RecordedTransaction, ...]:
    """Transactions without an end, oldest first."""
    return tuple(tx for tx in transactions(entries) if tx.state is None)


def recover(ports: Ports, mode: str, observe: Observe) -> Report:
    """mode: "finish", "rollback", or "ask" (roll back; an old one only when a person agrees)."""
    left = open_transactions(journal_of(ports).entries())
    done: list[TransactionReport] = []
    for recorded in reversed(left):  # newest first: an older one may lie below it
        ports.progress.note(f"transaction {recorded.id} ({recorded.title}) was left open")
        if not _is_decided(recorded) and mode == "ask" and not _may(recorded, ports):
            done.append(_left(recorded, "older than 15 minutes, and nobody agreed to close it"))
            continue
        report = (
            _as_judged(recorded, ports)
            if _is_decided(recorded)
            else _close(recorded, ports, mode, observe)
        )
        if not report.open:
            Leases(ports, recorded.id, _reach(recorded, ports), who=recorded.who).give_back()
        done.append(report)
    notes = () if left else ("no transaction is open",)
    return Report(
        "recover",
        ports.cluster.identity(),
        ports.clock.now(),
        transactions=tuple(done),
        notes=notes,
    )


def accept(ports: Ports, prefix: str) -> Report:
    """A person says that a NEEDS_HUMAN transaction is well as it is now."""
    journal = journal_of(ports)
    matching = [tx for tx in transactions(journal.entries()) if tx.id.startswith(prefix)]
    if len(matching) != 1 or matching[0].state is not TransactionState.NEEDS_HUMAN:
        raise UsageError(
            "there is no such transaction that needs a human", prefix, "See: stratus journal list"
        )
    tx = matching[0]
    if not tx.accepted:
        journal.append(Accepted(tx.id, ports.clock.now(), ports.who))
    return Report(
        "recover",
        ports.cluster.identity(),
        ports.clock.now(),
        notes=(f"accepted as it is: {tx.id} ({tx.title})",),
    )


def _is_decided(recorded: RecordedTransaction) -> bool:
    """Whether the verdict to keep it is on disk, and only the end is missing."""
    verdicts = recorded.verdicts
    return bool(verdicts) and verdicts[-1].decision == Decision.COMMIT.value


def _as_judged(recorded: RecordedTransaction, ports: Ports) -> TransactionReport:
    """Write the end that the crash left out. A commit is final: what takes it back is an undo."""
    journal = journal_of(ports)
    transaction = Transaction(recorded.id, ports, journal, lambda: None)
    transaction.writes = len({done.step for done in recorded.dones})
    why = "; ".join(("recovered: it was judged before the crash", *recorded.verdicts[-1].reasons))
    try:
        transaction.end(TransactionState.COMMITTED, why)
    except StratusError as error:
        return _left(recorded, str(error))
    ports.progress.note(f"COMMITTED {recorded.id}: {why}")
    announce(ports, recorded.id, written_by(recorded)[::-1])
    return TransactionReport(
        recorded.id,
        recorded.incident,
        TransactionState.COMMITTED,
        transaction.writes,
        why,
        _plan_of(recorded),
    )


def _may(recorded: RecordedTransaction, ports: Ports) -> bool:
    age = ports.clock.now() - recorded.at
    if age <= OLD:
        return True
    minutes = int(age.total_seconds() // 60)
    lines = "; ".join(intent.kubectl for intent in recorded.intents) or "nothing written yet"
    return ports.operator.confirm(
        f"{recorded.id} ({recorded.title}) was left open {minutes} minutes ago by {recorded.who}:"
        f" {lines}. Roll it back now?"
    )


def _close(
    recorded: RecordedTransaction, ports: Ports, mode: str, observe: Observe
) -> TransactionReport:
    plan = _plan_of(recorded)
    namespaces = {intent.ref.namespace for intent in recorded.intents}
    if mode == "finish":
        if plan is None or recorded.kind != "mitigate":
            raise Refused(
                "only a mitigation can be finished",
                recorded.id,
                "Nothing was written. Close it: stratus recover --rollback",
            )
        namespaces |= {step.change.ref.namespace for step in plan.steps}
    try:
        with Leases(ports, recorded.id, namespaces) as leases:
            recall(ports.cluster, (*recorded.intents, *(plan.steps if plan else ())))
            found = _reopened(recorded, plan, ports, leases)
            if plan is not None and mode == "finish":
                report = _finish(recorded, found, plan, observe)
            elif found.transaction.written:
                report = close_by_roll_back(found.transaction, plan, ("recovered: rolled back",))
            else:
                report = _nothing_written(recorded, found)
    except StratusError as error:
        return _left(recorded, str(error))
    return replace(report, incident=recorded.incident)


def _reach(recorded: RecordedTransaction, ports: Ports) -> set[str]:
    """Every namespace whose Lease it may have held."""
    plan = _plan_of(recorded)
    older = transactions(journal_of(ports).entries()) if recorded.undoes else ()
    undone = (intent for tx in older if tx.id == recorded.undoes for intent in tx.intents)
    steps = plan.steps if plan else ()
    refs = [intent.ref for intent in (*recorded.intents, *undone)]
    return {ref.namespace for ref in (*refs, *(step.change.ref for step in steps))}


def _reopened(
    recorded: RecordedTransaction, plan: Plan | None, ports: Ports, leases: Leases
) -> _Found:
    """Settle each intent whose fate is not in the journal, by one read, and write it down."""
    journal = journal_of(ports)
    transaction = Transaction(
        recorded.id, ports, journal, leases.check, heirs=Lineage.of(journal.entries())
    )
    transaction.writes = len(recorded.dones)
    transaction.gone = dict(_gone(recorded, plan))
    dones = {(done.step, done.rollback): done for done in recorded.dones}
    transaction.put_back = {step for step, rollback in dones if rollback}
    transaction.taken = {
        intent.step: intent.before
        for intent in recorded.intents
        if intent.rollback and intent.after is None and intent.before is not None
    }
    refused = {(item.step, item.rollback) for item in recorded.failures if item.applied is False}
    drifted = False
    for intent in recorded.intents:
        key = (intent.step, intent.rollback)
        done = dones.get(key)
        if done is None and key not in refused:
            fate = transaction.settle(intent, ports.cluster.get(intent.ref))
            drifted |= fate is None
            newest = journal.entries()[-1]
            if isinstance(newest, Done) and not intent.rollback:
                # As masked as what it was before: else each mask would look like a change of ours.
                transaction.written[-1].after = newest.answer
        elif done is not None and not intent.rollback:
            transaction.written.append(
                Written(
                    intent.step,
                    intent.ref,
                    intent.before,
                    done.answer,
                    intent.kubectl,
                    done.uid,
                    owners=intent.owners,
                )
            )
    return _Found(transaction, plan, drifted)


def _gone(
    recorded: RecordedTransaction, plan: Plan | None
) -> Iterator[tuple[Ref, tuple[Mapping[str, Any], Mapping[str, Any]]]]:
    """What the first halves of re-creations have deleted, for `finish`."""
    for number, step in enumerate(plan.steps if plan is not None else (), 1):
        planned = step.change.before
        for intent in recorded.intents:
            if step.change.via == ORPHAN and intent.step == number and not intent.rollback:
                if planned is not None and intent.before is not None:
                    yield step.change.ref, (planned, intent.before)


def _nothing_written(recorded: RecordedTransaction, found: _Found) -> TransactionReport:
    """Never applied."""
    why = "recovered: nothing was written"
    found.transaction.end(TransactionState.BLOCKED, why)
    return TransactionReport(
        recorded.id, recorded.incident, TransactionState.BLOCKED, 0, why, found.plan
    )


def _finish(
    recorded: RecordedTransaction, found: _Found, plan: Plan, observe: Observe
) -> TransactionReport:
    """Make the writes that are missing, then judge against the journaled baseline."""
    transaction = found.transaction
    before = _baseline(recorded.id, journal_of(transaction.ports).entries())
    if found.drifted or before is None or _rolling_back(recorded):
        reasons = ("recovered: it cannot be finished any more",)
        return close_by_roll_back(transaction, plan, reasons)
    made = {item.number for item in transaction.written}
    try:
        for number, step in enumerate(plan.steps, 1):
            if number not in made:
                transaction.write(number, step)
        return settle_and_close(transaction, plan, before, observe)
    except (LeaseLost, JournalError):
        raise
    except StratusError as error:
        return close_by_roll_back(transaction, plan, (str(error),))
    except Exception as error:  # noqa: BLE001  # whatever went wrong, the cluster is put back
        defect = f"a defect of Stratus ({type(error).__name__}: {error})"
        return close_by_roll_back(transaction, plan, (defect,))


def _baseline(tx: str, entries: Sequence[Entry]) -> tuple[Health, ...] | None:
    for entry in entries:
        if isinstance(entry, Baseline) and entry.tx == tx:
            return tuple(from_json(item) for item in entry.health.get("samples", ()))
    return None


def _rolling_back(recorded: RecordedTransaction) -> bool:
    return any(intent.rollback for intent in recorded.intents)


def _plan_of(recorded: RecordedTransaction) -> Plan | None:
    try:
        return from_body(recorded.plan)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # an undo's plan is its records


def _left(recorded: RecordedTransaction, why: str) -> TransactionReport:
    return TransactionReport(
        recorded.id,
        recorded.incident,
        TransactionState.NEEDS_HUMAN,
        len(recorded.dones),
        why,
        open=True,
    )
