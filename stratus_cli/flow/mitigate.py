"""Mitigation: one plan, one transaction, kept only when the cluster is better and nowhere worse.

Order (DESIGN.md, CLI contract): lock, re-read, baseline, preflight, write, settle, judge. Asking
comes before this. Everything but a positive verdict rolls back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stratus_cli.flow.announce import announce
from stratus_cli.flow.fresh import count_since
from stratus_cli.flow.gate import (
    Baseline,
    Observe,
    Outcome,
    Watch,
    baseline,
    gate_of,
    look,
)
from stratus_cli.flow.lease import LeaseLost, Leases
from stratus_cli.flow.old_value import until_it_runs
from stratus_cli.flow.planfile import body
from stratus_cli.flow.pre_image import named
from stratus_cli.flow.preflight import refusals, still_broken, unseen
from stratus_cli.flow.resealing import resealed
from stratus_cli.flow.stranded import stranded
from stratus_cli.flow.stuck import free_stuck
from stratus_cli.flow.transaction import Transaction, journal_of, new_id
from stratus_cli.health.records import to_json
from stratus_cli.health.verdict import judge
from stratus_cli.model.entry import Baseline as BaselineEntry
from stratus_cli.model.entry import Begin, End, Judged
from stratus_cli.model.errors import JournalError, StratusError
from stratus_cli.model.health import Decision, Health, TransactionState
from stratus_cli.model.plan import Plan, Refusal
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport

WATCH_POLL_S = 5.0  # between looks after the commit; a regression must hold for the window anyway


def execute_plan(
    plan: Plan, ports: Ports, observe: Observe, *, left_s: float | None = None
) -> TransactionReport:
    """Run an approved plan. left_s: what is left of the run's budget, if there is one.

    Never raises once something was written, but for a second signal (KeyboardInterrupt), which
    leaves the transaction open.
    """
    ports.progress.stage("Mitigation")
    started = ports.clock.monotonic()
    until = started + (ports.limits.budget_s if left_s is None else left_s)
    tx = new_id(ports, plan.title, plan.id)
    plan = named(resealed(plan, ports), tx)
    namespaces = {step.change.ref.namespace for step in plan.steps}
    with Leases(ports, tx, namespaces) as leases:
        before = baseline(ports, observe)
        refused = tuple(_refused(plan, ports, before))
        if ports.interrupt.requested:
            refused = (Refusal("interrupted", "before anything was written"),)
        if refused:
            return _blocked(tx, plan, ports, refused)
        transaction = _open(tx, plan, ports, leases, before)
        report = _attempt(transaction, plan, before, observe, until)
        if report.state is not TransactionState.COMMITTED:
            count_since(ports, None)
    waited = ports.clock.monotonic() - started
    return replace(report, incident=plan.incident, plan=plan, waited_s=waited)


def watch_after(plan: Plan, ports: Ports, observe: Observe, seconds: float) -> tuple[str, ...]:
    """Watch a commit. Reasons why it is worse by now and stayed so; () when it holds.

    The first signal ends the watch and keeps the commit.
    """
    if seconds <= 0:
        count_since(ports, None)
        return ()
    ports.progress.stage("Watch")
    kept = look(observe).health  # with the traffic since the change converged
    try:
        count_since(ports, ports.clock.now())
        return _watched(plan, ports, observe, seconds, kept)
    finally:
        count_since(ports, None)


def _watched(
    plan: Plan, ports: Ports, observe: Observe, seconds: float, kept: Health
) -> tuple[str, ...]:
    started = ports.clock.monotonic()
    bad_since: float | None = None
    while (now := ports.clock.monotonic() - started) < seconds:
        if ports.interrupt.requested:
            ports.progress.note("the watch was ended; the commit is kept")
            return ()
        ports.progress.waiting("nothing to get worse after the commit", now, seconds)
        ports.clock.sleep(min(WATCH_POLL_S, seconds))
        try:
            reasons = _worse_than(plan, kept, look(observe).health)
        except StratusError as error:
            ports.progress.note(f"the watch could not look: {error.what}")
            continue
        if not reasons:
            bad_since = None
        elif bad_since is None:
            bad_since = now
        elif now - bad_since >= ports.limits.stability_s:
            return reasons
    return ()


def settle_and_close(
    transaction: Transaction,
    plan: Plan,
    before: Sequence[Health],
    observe: Observe,
    *,
    left_s: float | None = None,
) -> TransactionReport:
    """Judge what was written and close: COMMITTED, UNDONE or NEEDS_HUMAN. Used by recover, too."""
    ports = transaction.ports
    ports.progress.stage("Validation")
    written = {item.ref: item.generation for item in transaction.written}
    for text in free_stuck(transaction):
        ports.progress.note(text)
    watch = Watch(plan, ports, observe, before, written, guard=transaction.guard, left_s=left_s)
    outcome = watch.until_sure()
    _journal_verdict(transaction, outcome)
    if outcome.verdict.decision is Decision.COMMIT:
        why = "; ".join(outcome.verdict.reasons) or plan.success
        transaction.end(TransactionState.COMMITTED, why)
        ports.progress.note(f"COMMITTED {transaction.id}: {why}")
        announce(ports, transaction.id, transaction.written)
        kept = _report(transaction, plan, TransactionState.COMMITTED, why)
        return replace(kept, settled_at=outcome.since)
    return close_by_roll_back(transaction, plan, outcome.verdict.reasons)


def close_by_roll_back(
    transaction: Transaction, plan: Plan | None, reasons: Iterable[str]
) -> TransactionReport:
    """Take everything back, read it again, and close as UNDONE or NEEDS_HUMAN.

    BLOCKED where nothing was written at all: there was nothing to take back.
    """
    ports = transaction.ports
    ports.progress.stage("Rollback")
    why = "; ".join(reasons)
    left = transaction.roll_back()
    why = "; ".join((why, *free_stuck(transaction), *until_it_runs(transaction)))
    if left:
        state = TransactionState.NEEDS_HUMAN
    else:
        state = TransactionState.UNDONE if transaction.writes else TransactionState.BLOCKED
    transaction.end(state, why, left)
    ports.progress.note(f"{state.value} {transaction.id}: {why}")
    shown = tuple(
        f"{item['ref']} {item['field']}: {item['found']}, wanted {item['wanted']}" for item in left
    )
    return _report(transaction, plan, state, why, shown)


def _attempt(
    transaction: Transaction,
    plan: Plan,
    before: Baseline,
    observe: Observe,
    until: float,
) -> TransactionReport:
    """Write, settle, close. What cannot be closed (no API, no disk, no lock) is left open."""
    ports = transaction.ports
    try:
        try:
            for number, step in enumerate(plan.steps, 1):
                if ports.interrupt.requested:
                    return close_by_roll_back(transaction, plan, ("interrupted",))
                ports.progress.note(step.kubectl)
                transaction.write(number, step)
            return settle_and_close(
                transaction,
                plan,
                before.healths,
                observe,
                left_s=until - ports.clock.monotonic(),
            )
        except (LeaseLost, JournalError):
            raise
        except StratusError as error:
            return close_by_roll_back(transaction, plan, (str(error),))
        except Exception as error:  # noqa: BLE001  # whatever went wrong, the cluster is put back
            defect = f"a defect of Stratus: {type(error).__name__}: {error}"
            return close_by_roll_back(transaction, plan, (defect,))
    except StratusError as error:
        where = f": {error.where}" if error.where else ""
        ports.progress.note(f"left open: {error.what}{where}")
        return _report(
            transaction,
            plan,
            TransactionState.NEEDS_HUMAN,
            f"left open: {error.what}{where}",
            is_open=True,
        )


def _refused(plan: Plan, ports: Ports, before: Baseline) -> Iterable[Refusal]:
    seen = unseen(plan, before.last.detection.snap)
    healed = still_broken(plan, before.last.detection, before.last.health)
    gone = stranded(plan, before.last.detection.graph)
    yield from (item for item in (seen, healed, gone) if item is not None)
    yield from refusals(plan, ports)


def _blocked(tx: str, plan: Plan, ports: Ports, refused: Sequence[Refusal]) -> TransactionReport:
    """Journaled too: that something was refused, and why, is part of the history."""
    journal = journal_of(ports)
    now = ports.clock.now()
    why = "; ".join(map(str, refused))
    journal.append(Begin(tx, now, "mitigate", plan.incident, plan.title, ports.who, body(plan)))
    journal.append(End(tx, now, TransactionState.BLOCKED, why, 0))
    ports.progress.note(f"BLOCKED {tx}: {why}")
    checks = tuple(item.check for item in refused)
    return TransactionReport(
        tx, plan.incident, TransactionState.BLOCKED, 0, why, plan, checks=checks
    )


def _open(tx: str, plan: Plan, ports: Ports, leases: Leases, before: Baseline) -> Transaction:
    transaction = Transaction.begin(
        ports,
        tx,
        kind="mitigate",
        title=plan.title,
        incident=plan.incident,
        plan=body(plan),
        writes=len(plan.steps),
        guard=leases.check,
    )
    samples = [to_json(health) for health in before.healths]
    alerts = [
        {"name": alert.name, "labels": dict(alert.labels), "starts_at": alert.starts_at}
        for alert in before.last.detection.snap.signals.alerts
    ]
    now = ports.clock.now()
    transaction.journal.append(
        BaselineEntry(transaction.id, now, {"samples": samples, "alerts": alerts})
    )
    return transaction


def _journal_verdict(transaction: Transaction, outcome: Outcome) -> None:
    health = to_json(outcome.health) if outcome.health is not None else {}
    verdict = outcome.verdict
    now = transaction.ports.clock.now()
    transaction.journal.append(
        Judged(transaction.id, now, verdict.decision.value, verdict.reasons, health)
    )


def _worse_than(plan: Plan, kept: Health, now: Health) -> tuple[str, ...]:
    """Late regressions of the units that this plan is about or reaches."""
    near: set[Ref] = {*plan.targets, *plan.blast_radius}
    verdict = judge(gate_of(plan), (kept,), now, (), ())
    worse = [ref for ref in verdict.worse if ref in near]
    return tuple(f"{ref} is worse than at the commit" for ref in worse)


def _report(
    transaction: Transaction,
    plan: Plan | None,
    state: TransactionState,
    why: str,
    unrestored: tuple[str, ...] = (),
    *,
    is_open: bool = False,
) -> TransactionReport:
    return TransactionReport(
        transaction.id,
        plan.incident if plan else "",
        state,
        transaction.writes,
        why,
        plan,
        0.0,
        unrestored,
        is_open,
    )
