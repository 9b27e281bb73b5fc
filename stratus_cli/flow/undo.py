"""Undo: a new transaction that inverts a committed one, judged by fidelity and not by health.

It is COMMITTED when every field that the old one changed reads back as before. Fields that somebody
else changed since are never overwritten unasked.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratus_cli.flow.announce import announce
from stratus_cli.flow.gate import Observe, look
from stratus_cli.flow.inverse import Difference, Written
from stratus_cli.flow.lease import LeaseLost, Leases
from stratus_cli.flow.mitigate import close_by_roll_back
from stratus_cli.flow.old_value import until_it_runs
from stratus_cli.flow.pre_image import keeps_for
from stratus_cli.flow.stuck import free_stuck
from stratus_cli.flow.transaction import Transaction, journal_of, new_id
from stratus_cli.flow.undo_check import Foresight, check, left_of, plan_of, preview, shown
from stratus_cli.flow.undoable import Selector, selected, written_by
from stratus_cli.health.records import to_json
from stratus_cli.health.settle import unsettled
from stratus_cli.journal.replay import RecordedTransaction, transactions
from stratus_cli.kube.alerts import unit_of
from stratus_cli.model.entry import Baseline, Judged
from stratus_cli.model.errors import JournalError, Refused, StratusError
from stratus_cli.model.health import Decision, TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Ports
from stratus_cli.model.report import Report, TransactionReport

__all__ = ["Selector", "selected", "take_back", "undo", "written_by"]

SHOWS_WITHIN_S = 30.0  # our choice: an image pull fails, or a rollout ends, well within


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
    foresight = Foresight(ports)
    is_refused = False
    for recorded in chosen:
        items = left_of(recorded, only, ports)
        if dry_run:
            refused, lines = preview(recorded, foresight.of(items, force=force), ports)
            is_refused |= refused
            notes.extend(lines)
            continue
        try:
            report = take_back(
                recorded, items, ports, observe, force=force, accept_loss=accept_loss
            )
        except Refused as error:
            if not done:
                raise
            # Newer ones are taken back already: that is not to be lost in an error.
            report = TransactionReport(
                recorded.id, recorded.incident, TransactionState.BLOCKED, 0, str(error)
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
        is_refused=is_refused,
    )


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
    plan = plan_of(recorded, items, ports)
    check(recorded, Foresight(ports).of(items, force=force), ports)
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
            writes=len(items) + sum(item.ref.kind == "Secret" for item in items),
            undoes=recorded.id,
            guard=leases.check,
            spare=1 + max((intent.step for intent in recorded.intents), default=0),
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
    """Never raises, but for a second signal: what cannot be closed is left open and said."""
    ports = transaction.ports
    try:
        try:
            wrong = _invert_all(transaction, items, force=force)
        except (LeaseLost, JournalError):
            raise
        except StratusError as error:
            wrong = (str(error),)
        except Exception as error:  # noqa: BLE001  # a defect must not leave writes half done
            wrong = (f"a defect of Stratus ({type(error).__name__}: {error})",)
        if wrong:
            return close_by_roll_back(transaction, plan, wrong)
        said = (*free_stuck(transaction), *until_it_runs(transaction))
        why = "; ".join(("every field reads back as before", *said))
        now = ports.clock.now()
        transaction.journal.append(Judged(transaction.id, now, Decision.COMMIT.value, (why,), {}))
        transaction.end(TransactionState.COMMITTED, why)
        announce(ports, transaction.id, transaction.written)
        return _report(transaction, plan, TransactionState.COMMITTED, why)
    except StratusError as error:
        why = f"left open: {error.what}"
        ports.progress.note(why)
        return _report(transaction, plan, TransactionState.NEEDS_HUMAN, why, is_open=True)


def _invert_all(
    transaction: Transaction, items: Sequence[Written], *, force: bool
) -> tuple[str, ...]:
    """Why it has to be taken back again; () when every field reads back as before."""
    ports = transaction.ports
    for place, item in enumerate(items):
        if ports.interrupt.requested:
            return ("interrupted",)
        if keeps_for(item) is not None:  # its values go only when they read back
            left = transaction.unrestored(tuple(reversed(items[:place])))
            if left:
                return tuple(map(_not_read_back, left))
        ports.progress.note(f"{item.number}. {item.ref}")
        clashes = transaction.invert(item, force=force)
        if clashes:
            return tuple(shown(item, clashes))
    left = transaction.unrestored(tuple(reversed(items)))
    return tuple(map(_not_read_back, left))


def _not_read_back(entry: Difference) -> str:
    return f"{entry['ref']} {entry['field']} does not read back"


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
