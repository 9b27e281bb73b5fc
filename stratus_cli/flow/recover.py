"""Recover: close a transaction that a crash left open. One read says what was applied.

Then it is rolled back, or finished and judged like any other. One older than 15 minutes is asked
about first: others may have gone on since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from stratus_cli.flow.gate import Observe
from stratus_cli.flow.lease import LeaseLost, Leases
from stratus_cli.flow.mitigate import close_by_roll_back, settle_and_close
from stratus_cli.flow.planfile import from_body
from stratus_cli.flow.transaction import Transaction, Written, fate_of, journal_of
from stratus_cli.health.records import from_json
from stratus_cli.journal.replay import RecordedTransaction, transactions
from stratus_cli.kube.normal import normal_form
from stratus_cli.model.entry import Accepted, Baseline, Done, Entry, Failed, Intent
from stratus_cli.model.errors import JournalError, Refused, StratusError, UsageError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Ports
from stratus_cli.model.report import Report, TransactionReport

OLD = timedelta(minutes=15)  # DESIGN.md, Recover


@dataclass
class _Found:
    """An open transaction as the cluster shows it. drifted: intents of which neither is true."""

    transaction: Transaction
    plan: Plan | None
    drifted: tuple[Intent, ...]


def open_transactions(entries: Sequence[Entry]) -> tuple[RecordedTransaction, ...]:
    """Transactions without an end, oldest first."""
    return tuple(tx for tx in transactions(entries) if tx.state is None)


def recover(ports: Ports, mode: str, observe: Observe) -> Report:
    """mode: "finish", "rollback", or "ask" (roll back; an old one only when a person agrees)."""
    left = open_transactions(journal_of(ports).entries())
    done: list[TransactionReport] = []
    for recorded in reversed(left):  # newest first: an older one may lie below it
        ports.progress.note(f"transaction {recorded.id} ({recorded.title}) was left open")
        if mode == "ask" and not _may(recorded, ports):
            done.append(_left(recorded, "older than 15 minutes, and nobody agreed to close it"))
            continue
        done.append(_close(recorded, ports, mode, observe))
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
    namespaces = {intent.ref.namespace for intent in recorded.intents}
    try:
        with Leases(ports, recorded.id, namespaces) as leases:
            found = _classify(recorded, ports, leases)
            if mode == "finish":
                return _finish(recorded, found, observe)
            if not found.transaction.written and not found.drifted:
                return _nothing_written(recorded, found)
            return _roll_back(found)
    except (LeaseLost, JournalError, Refused):
        raise
    except StratusError as error:
        return _left(recorded, f"{error.what}: {error.where}")


def _classify(recorded: RecordedTransaction, ports: Ports, leases: Leases) -> _Found:
    """Settle each intent whose fate is not in the journal, by one read, and write it down."""
    transaction = Transaction(recorded.id, ports, journal_of(ports), leases.check)
    transaction.writes = len(recorded.dones)
    dones = {(done.step, done.rollback): done for done in recorded.dones}
    known = {(item.step, item.rollback) for item in recorded.failures if item.applied is not None}
    drifted: list[Intent] = []
    put_back: set[int] = {step for step, rollback in dones if rollback}
    for intent in recorded.intents:
        key = (intent.step, intent.rollback)
        done = dones.get(key)
        if done is None and key not in known:
            done = _ask_cluster(intent, ports, transaction, drifted)
            if done is not None and intent.rollback:
                put_back.add(intent.step)
        if done is not None and not intent.rollback:
            transaction.written.append(
                Written(
                    intent.step,
                    intent.ref,
                    intent.before,
                    done.answer,
                    intent.kubectl,
                    done.uid,
                )
            )
    transaction.written = [item for item in transaction.written if item.number not in put_back]
    return _Found(transaction, _plan_of(recorded), tuple(drifted))


def _ask_cluster(
    intent: Intent, ports: Ports, transaction: Transaction, drifted: list[Intent]
) -> Done | None:
    live = ports.cluster.get(intent.ref)
    fate = fate_of(intent.before, intent.after, live)
    now = ports.clock.now()
    if fate is True:
        meta = (live or {}).get("metadata") or {}
        form = None if live is None or intent.after is None else normal_form(live)
        done = Done(
            transaction.id, now, intent.step, str(meta.get("uid", "")), form, intent.rollback
        )
        transaction.journal.append(done)
        transaction.writes += 1
        return done
    reason = "found not applied" if fate is False else "found neither as before nor as written"
    transaction.journal.append(
        Failed(transaction.id, now, intent.step, reason, fate, intent.rollback)
    )
    if fate is None:
        drifted.append(intent)
    return None


def _roll_back(found: _Found) -> TransactionReport:
    transaction = found.transaction
    for intent in found.drifted:
        # Ours where it is still ours, theirs elsewhere: the same three-way as everywhere.
        uid = intent.ref.uid
        transaction.written.append(
            Written(intent.step, intent.ref, intent.before, intent.after, intent.kubectl, uid)
        )
    transaction.written.sort(key=lambda item: item.number)
    return close_by_roll_back(transaction, found.plan, ("recovered: rolled back",))


def _nothing_written(recorded: RecordedTransaction, found: _Found) -> TransactionReport:
    """Never applied, or all of it put back already."""
    state = TransactionState.UNDONE if recorded.dones else TransactionState.BLOCKED
    why = "recovered: " + ("all was put back already" if recorded.dones else "nothing was written")
    found.transaction.end(state, why)
    return TransactionReport(
        recorded.id, recorded.incident, state, found.transaction.writes, why, found.plan
    )


def _finish(
    recorded: RecordedTransaction, found: _Found, observe: Observe
) -> TransactionReport:
    """Make the writes that are missing, then judge against the journaled baseline."""
    plan, transaction = found.plan, found.transaction
    if plan is None or recorded.kind != "mitigate":
        raise Refused(
            "only a mitigation can be finished",
            recorded.id,
            "Nothing was written. Close it: stratus recover --rollback",
        )
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


def _baseline(tx: str, entries: Sequence[Entry]) -> tuple | None:  # type: ignore[type-arg]
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
