"""stratus mitigate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stratus_cli.cli import choices
from stratus_cli.cli.session import Session, session
from stratus_cli.model.errors import PlanRefused, Refused, UsageError
from stratus_cli.model.report import Report

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def mitigate(
    ctx: typer.Context,
    incident: choices.IncidentOption = "",
    plan: Annotated[str, typer.Option(metavar="FILE", help="Execute this reviewed plan.")] = "",
    digest: Annotated[str, typer.Option(metavar="D", help="The plan must have this digest.")] = "",
    dry_run: choices.DryRunOption = False,
    auto: choices.AutoOption = False,
    max_attempts: choices.AttemptsOption = None,
    max_writes: choices.WritesOption = None,
    budget: choices.BudgetOption = "",
    watch_for: choices.WatchOption = "",
    irreversible: choices.IrreversibleOption = False,
    no_lease: choices.NoLeaseOption = False,
    no_rehearsal: choices.NoRehearsalOption = False,
    fast: choices.FastOption = False,
    pause_owner: choices.PauseOwnerOption = False,
    agents: choices.AgentsOption = False,
    model: choices.ModelOption = "",
) -> None:
    """Repair one incident (the worst, or --incident ID) in a transaction; kept only if it helps."""
    if digest and not plan:
        raise UsageError(
            "--digest belongs to --plan", "", "stratus mitigate --plan FILE --digest D"
        )
    if irreversible and (auto or not plan):
        raise UsageError(
            "--irreversible is for a reviewed plan and a person, never for --auto",
            "",
            "stratus mitigate --plan FILE --irreversible   (on a terminal, without --auto)",
        )
    with session(ctx, "mitigate", writes=not dry_run, auto=auto) as run:
        from stratus_cli.cli.limits import apply_limits

        apply_limits(run, max_attempts, max_writes, budget, watch_for)
        run.irreversible = irreversible
        run.use_lease, run.rehearse, run.fast = not no_lease, not no_rehearsal, fast
        run.pause_owner = pause_owner
        if agents:
            from stratus_cli.cli.agents import use_agents

            use_agents(run, model)
        made = _execute_file(run, Path(plan), digest) if plan else _repair(run, incident, dry_run)
        run.finish(made, dry_run=dry_run)


def _repair(run: Session, incident: str, dry_run: bool) -> Report:
    from stratus_cli.flow.run import RunRequest
    from stratus_cli.flow.run import run as loop

    return loop(
        run.ports,
        RunRequest(
            command="mitigate",
            scope=run.options.asked,
            incident=incident,
            first_only=True,
            dry_run=dry_run,
            runbooks=run.runbooks,
        ),
    )


def _execute_file(run: Session, path: Path, digest: str) -> Report:
    from stratus_cli.cli.planfiles import read_plan
    from stratus_cli.flow.observe import ScopeRequest
    from stratus_cli.flow.planfile import check_cluster, check_time, digest_of
    from stratus_cli.flow.reviewed import execute_reviewed

    plan = read_plan(path)
    if digest and digest != digest_of(plan):
        raise PlanRefused(
            "the plan is not the one that was reviewed: another digest",
            f"{path}: {digest_of(plan)}",
            "Nothing was written. Review it again: stratus plan show FILE",
        )
    check_cluster(plan, run.identity)
    ports = run.ports
    check_time(plan, ports.clock.now())
    if ports.operator.approve(plan, None).choice != "yes":
        raise Refused("declined", plan.id, "Nothing was written.")
    return execute_reviewed(plan, ports, ScopeRequest(run.options.asked))
