"""stratus doctor"""

from __future__ import annotations

import typer

from stratus_cli.cli.session import session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(ctx: typer.Context) -> None:
    """Check access, permissions per stage, clock, telemetry and journal. Changes nothing."""
    with session(ctx, "doctor", watch_journal=False) as run:
        from stratus_cli.cli.checks import all_checks
        from stratus_cli.render.checks_text import checks_page

        checks = all_checks(run)
        run.show(checks_page(checks))
        raise typer.Exit(max((check.exit_code for check in checks if not check.ok), default=0))
