"""A plan that somebody reviewed, executed as it stands: one transaction, and the watch after it."""

from __future__ import annotations

from stratus_cli.flow.late import watch_commit
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Ports
from stratus_cli.model.report import Report, TimelineEntry, Timing
from stratus_cli.model.snapshot import Snapshot


def execute_reviewed(plan: Plan, ports: Ports, scope: ScopeRequest) -> Report:
    """The report of `mitigate --plan`. The plan was agreed to, and is for this cluster and time."""

    def look() -> Snapshot:
        return observe(ports, scope)

    clock, budget = ports.clock, ports.limits.budget_s
    started, began_at = clock.monotonic(), clock.now()
    tx = execute_plan(plan, ports, look)
    took = clock.monotonic() - started
    state = "left open" if tx.open else tx.state.value
    timeline = [
        TimelineEntry(began_at, f"mitigation: {plan.title}"),
        TimelineEntry(clock.now(), f"{state}: {tx.id}"),
    ]
    done, notes = [tx], []
    if tx.state is TransactionState.COMMITTED and not tx.open:
        late = watch_commit(tx, plan, ports, look, budget - took)
        done[0] = late.of(tx)
        if late.reasons:
            regressed = f"regressed after the commit: {'; '.join(late.reasons)}"
            timeline.append(TimelineEntry(clock.now(), regressed))
        if late.undone is not None:
            done.append(late.undone)
        if late.failed:
            notes.append(late.failed)
    return Report(
        "mitigate",
        ports.cluster.identity(),
        clock.now(),
        transactions=tuple(done),
        timing=Timing(mitigate_s=took),
        timeline=tuple(timeline),
        notes=tuple(notes),
    )
