"""stratus run"""

from __future__ import annotations

import typer

from stratus_cli.cli import choices
from stratus_cli.cli.session import session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def run(
    ctx: typer.Context,
    dry_run: choices.DryRunOption = False,
    auto: choices.AutoOption = False,
    max_attempts: choices.AttemptsOption = None,
    max_writes: choices.WritesOption = None,
    budget: choices.BudgetOption = "",
    watch_for: choices.WatchOption = "",
    no_lease: choices.NoLeaseOption = False,
    no_rehearsal: choices.NoRehearsalOption = False,
    fast: choices.FastOption = False,
    pause_owner: choices.PauseOwnerOption = False,
    agents: choices.AgentsOption = False,
    model: choices.ModelOption = "",
) -> None:
    """Detect, diagnose, mitigate, validate; roll back and try the next candidate when needed."""
    with session(ctx, "run", writes=not dry_run, auto=auto) as opened:
        from stratus_cli.cli.limits import apply_limits
        from stratus_cli.flow.run import RunRequest
        from stratus_cli.flow.run import run as loop

        apply_limits(opened, max_attempts, max_writes, budget, watch_for)
        opened.use_lease, opened.rehearse, opened.fast = not no_lease, not no_rehearsal, fast
        opened.pause_owner = pause_owner
        if agents:
            from stratus_cli.cli.agents import use_agents

            use_agents(opened, model)
        request = RunRequest(scope=opened.options.asked, dry_run=dry_run, runbooks=opened.runbooks)
        opened.finish(loop(opened.ports, request), dry_run=dry_run)
