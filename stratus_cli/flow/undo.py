"""Undo: a new transaction that inverts a committed one, judged by fidelity and not by health.

It is COMMITTED when every field that the old one changed reads back as before. Fields that somebody
else changed since are never overwritten unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratus_cli.flow.announce import announce
from stratus_cli.flow.gate import Observe, look
from stratus_cli.flow.lease import LeaseLost, Leases
from stratus_cli.flow.mitigate import close_by_roll_back
from stratus_cli.flow.policy import protected
from stratus_cli.flow.transaction import (
    Transaction,
    Written,
    differences,
    inverse_on,
    journal_of,
    new_id,
)
from stratus_cli.health.measure import unit_of
from stratus_cli.health.records import to_json
from stratus_cli.health.settle import unsettled
from stratus_cli.journal.replay import RecordedTransaction, transactions
from stratus_cli.kube.three_way import Clash
from stratus_cli.model.change import ABSENT, Change
from stratus_cli.model.entry import Baseline, Judged
from stratus_cli.model.errors import JournalError, Refused, StratusError, UsageError
from stratus_cli.model.health import Decision, TransactionState
from stratus_cli.model.plan import Plan, Risk, Step
from stratus_cli.model.ports import Ports
from stratus_cli.model.report import Report, TransactionReport

SHOWS_WITHIN_S = 30.0  # our choice: an image pull fails, or a rollout ends, well within


@dataclass(frozen=True)
class Selector:
    """Which transactions: one by id (its first characters do), the last one, or an incident's."""

    tx: str = ""
    last: bool = False
    incident: str = ""


def undo(
    ports: Ports,
    which: Selector,
    *,
    only: tuple[int, ...] = (),
    dry_run: bool = False,
    force: bool = False,
    accept_loss: bool = False,
    observe: Observe,
) -> Report:
    """Take committed transactions back, newest first. Refused: nothing was written."""
    chosen = selected(transactions(journal_of(ports).entries()), which)
    done: list[TransactionReport] = []
    notes: list[str] = []
    for recorded in chosen:
        items = written_by(recorded, only)
        if dry_run:
            notes.extend(_preview(recorded, items, ports, force=force))
            continue
        report = take_back(
            recorded, items, ports, observe, force=force, accept_loss=accept_loss
        )
        done.append(report)
        if report.state is not TransactionState.COMMITTED:
            break
    health = look(observe).health if done else None
    return Report(
        "undo",
        ports.cluster.identity(),
        ports.clock.now(),
        health=health,
        transactions=tuple(done),
        notes=tuple(notes),
    )


def selected(
    recorded: Sequence[RecordedTransaction], which: Selector
) -> tuple[RecordedTransaction, ...]:
    """The transactions to take back, newest first. UsageError when there is none."""
    undoable = [
        tx for tx in recorded if tx.state is TransactionState.COMMITTED and not tx.undone_by
    ]
    if which.tx:
        return (_one(recorded, which.tx),)
    if which.incident:
        found = [
            tx
            for tx in undoable
            if tx.kind == "mitigate" and tx.incident.startswith(which.incident)
        ]
    else:
        found = undoable[-1:]
    if not found:
        raise UsageError(
            "the journal has nothing that can be taken back",
            which.incident and f"incident {which.incident}",
            "See: stratus journal list",
        )
    return tuple(reversed(found))


def take_back(
    recorded: RecordedTransaction,
    items: Sequence[Written],
    ports: Ports,
    observe: Observe,
    *,
    force: bool,
    accept_loss: bool,
    asked: bool = False,
) -> TransactionReport:
    """One transaction, by a new one. asked: somebody has agreed already (late regression)."""
    plan = _plan(recorded, items, ports)
    _check(recorded, items, ports, force=force)
    if not (accept_loss or asked):
        _ask(recorded, plan, ports)
    tx = new_id(ports, plan.title, recorded.id)
    ports.progress.stage("Undo")
    with Leases(ports, tx, {item.ref.namespace for item in items}) as leases:
        before = look(observe)
        transaction = Transaction.begin(
            ports,
            tx,
            kind="undo",
            title=plan.title,
            incident=recorded.incident,
            plan={"id": plan.id, "undoes": recorded.id, "steps": [i.number for i in items]},
            writes=len(items),
            undoes=recorded.id,
            guard=leases.check,
        )
        now = ports.clock.now()
        transaction.journal.append(Baseline(tx, now, {"samples": [to_json(before.health)]}))
        done = _execute(transaction, plan, items, force=force)
    if done.state is TransactionState.COMMITTED and not done.open:
        _until_it_shows(transaction, ports, observe)
    return done


def _execute(
    transaction: Transaction, plan: Plan, items: Sequence[Written], *, force: bool
) -> TransactionReport:
    ports = transaction.ports
    try:
        try:
            for item in items:
                if ports.interrupt.requested:
                    return close_by_roll_back(transaction, plan, ("interrupted",))
                ports.progress.note(f"{item.number}. {item.ref}")
                clashes = transaction.invert(item, force=force)
                if clashes:
                    return close_by_roll_back(transaction, plan, _shown(item, clashes))
            left = [
                entry for item in items for entry in transaction.unlike_before(item)
            ]
            if left:
                reasons = [f"{entry['ref']} {entry['field']} does not read back" for entry in left]
                return close_by_roll_back(transaction, plan, reasons)
        except (LeaseLost, JournalError):
            raise
        except StratusError as error:
            return close_by_roll_back(transaction, plan, (str(error),))
        why = "every field reads back as before"
        now = ports.clock.now()
        transaction.journal.append(Judged(transaction.id, now, Decision.COMMIT.value, (why,), {}))
        transaction.end(TransactionState.COMMITTED, why)
        announce(ports, transaction.id, transaction.written)
        return _report(transaction, plan, TransactionState.COMMITTED, why)
    except StratusError as error:
        why = f"left open: {error.what}"
        ports.progress.note(why)
        return _report(transaction, plan, TransactionState.NEEDS_HUMAN, why, is_open=True)


def _until_it_shows(transaction: Transaction, ports: Ports, observe: Observe) -> None:
    """Wait a little until what runs is what the fields say, so that the next look tells the truth.

    Nothing depends on it: an undo is judged by its fields.
    """
    written = {item.ref: item.generation for item in transaction.written}
    started = ports.clock.monotonic()
    while (waited := ports.clock.monotonic() - started) < SHOWS_WITHIN_S:
        if ports.interrupt.requested:
            return
        try:
            seen = look(observe)
        except StratusError as error:
            ports.progress.note(f"what came of it could not be read: {error.what}")
            return
        units = {unit_of(seen.detection.graph, ref) for ref in written}
        problems = [seen.health.units[ref].problems for ref in units if ref in seen.health.units]
        waiting = unsettled(seen.detection.graph, written)
        if not waiting or any(problems):
            return
        ports.progress.waiting(waiting[0], waited, SHOWS_WITHIN_S)
        ports.clock.sleep(ports.limits.poll_s)


def _check(
    recorded: RecordedTransaction, items: Sequence[Written], ports: Ports, *, force: bool
) -> None:
    """Refused before anything is written: already undone, protected, or changed by others."""
    if recorded.state is not TransactionState.COMMITTED:
        state = recorded.state.value if recorded.state else "open"
        raise Refused(
            f"the transaction is {state}, so there is nothing to take back",
            recorded.id,
            "See: stratus journal list",
        )
    if recorded.undone_by:
        raise Refused(
            "the transaction was taken back already",
            f"{recorded.id} by {recorded.undone_by}",
            f"To do it again: stratus undo {recorded.undone_by}",
        )
    for item in items:
        refusal = protected(item.ref, ports.policy)
        if refusal is not None:
            raise Refused(refusal.reason, str(item.ref), f"Nothing was written. {refusal.lift}.")
        clashes, _ = inverse_on(item, ports.cluster.get(item.ref), force=force)
        if clashes:
            raise Refused(
                "somebody else changed what would be taken back",
                "; ".join(_shown(item, clashes)),
                "Nothing was written. --force restores it all the same, --only N takes a part.",
            )


def _ask(recorded: RecordedTransaction, plan: Plan, ports: Ports) -> None:
    """Undoing a good fix restores its fault: that is a person's decision."""
    expected_loss = recorded.kind == "mitigate"
    if ports.operator.approve(plan, None).choice != "yes":
        raise Refused("not taken back: declined", recorded.id, "Nothing was written.")
    if expected_loss and not ports.operator.confirm(
        f"{recorded.id} made the cluster better; taking it back is expected to restore the fault."
        " Go on?"
    ):
        raise Refused(
            "not taken back: the fault would come back, and nobody agreed to that",
            recorded.id,
            "Nothing was written. Add --accept-loss.",
        )


def written_by(recorded: RecordedTransaction, only: tuple[int, ...] = ()) -> tuple[Written, ...]:
    """What the transaction wrote, newest first; only: these steps of it."""
    dones = {done.step: done for done in recorded.dones if not done.rollback}
    items = [
        Written(
            intent.step,
            intent.ref,
            intent.before,
            dones[intent.step].answer,
            intent.kubectl,
            dones[intent.step].uid,
        )
        for intent in recorded.applied
    ]
    unknown = [number for number in only if number not in {item.number for item in items}]
    if unknown:
        raise UsageError(
            f"the transaction has no step {unknown[0]}",
            recorded.id,
            f"See: stratus journal show {recorded.id}",
        )
    return tuple(item for item in reversed(items) if not only or item.number in only)


def _plan(recorded: RecordedTransaction, items: Sequence[Written], ports: Ports) -> Plan:
    """The inverse as a plan to look at. It is executed from the records, not from this."""
    now = ports.clock.now()
    steps = tuple(
        Step(
            kubectl=f"undo of: {item.kubectl}",
            change=Change(item.ref, item.after, item.before),
            depends=(),
            digest="",
            uid=item.uid,
            confirmed=True,
        )
        for item in items
    )
    return Plan(
        id=f"undo-{recorded.id}",
        incident=recorded.incident,
        title=f"undo of {recorded.id}: {recorded.title}",
        runbook="",
        candidate=f"the inverse of {recorded.id}",
        cluster=ports.cluster.identity(),
        steps=steps,
        targets=(),
        roots=(),
        blast_radius=tuple(sorted({item.ref for item in items})),
        risk=Risk.MEDIUM,
        success="every field reads back as before",
        created_at=now,
        expires_at=now,
    )


def _preview(
    recorded: RecordedTransaction, items: Sequence[Written], ports: Ports, *, force: bool
) -> list[str]:
    lines = [f"would take back {recorded.id}: {recorded.title}"]
    for item in items:
        live = ports.cluster.get(item.ref)
        clashes, change = inverse_on(item, live, force=force)
        if clashes:
            lines.extend(f"refused: {text}" for text in _shown(item, clashes))
        elif change is None:
            lines.append(f"{item.number}. {item.ref}: as before already")
        else:
            for entry in differences(item, live):
                lines.append(
                    f"{item.number}. {item.ref} {entry['field']}:"
                    f" {_text(entry['found'])} -> {_text(entry['wanted'])}"
                )
    return lines


def _one(recorded: Sequence[RecordedTransaction], prefix: str) -> RecordedTransaction:
    matching = [tx for tx in recorded if tx.id.startswith(prefix)]
    if len(matching) == 1:
        return matching[0]
    what = "several transactions start so" if matching else "the journal has no such transaction"
    raise UsageError(what, prefix, "See: stratus journal list")


def _shown(item: Written, clashes: Sequence[Clash]) -> list[str]:
    return [
        f"{item.ref} {clash.path} was {_text(clash.before)}, we wrote {_text(clash.after)},"
        f" now {_text(clash.live)}"
        for clash in clashes
    ]


def _text(value: object) -> str:
    text = "(absent)" if value is None or value is ABSENT else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _report(
    transaction: Transaction,
    plan: Plan,
    state: TransactionState,
    why: str,
    *,
    is_open: bool = False,
) -> TransactionReport:
    return TransactionReport(
        transaction.id, plan.incident, state, transaction.writes, why, plan, 0.0, (), is_open
    )
