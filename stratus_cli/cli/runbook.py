"""stratus runbook list | show | lint"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stratus_cli.cli.near import did_you_mean
from stratus_cli.cli.session import session
from stratus_cli.model.errors import UsageError

if TYPE_CHECKING:
    from stratus_cli.knowledge.runbook import Runbook

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="List, show or check runbooks.")


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """One line per runbook: slug, risk, causes it treats."""
    with session(ctx, "runbook", watch_journal=False) as run:
        for item in run.runbooks:
            run.write(f"{item.slug:<32} {item.risk.value:<7} {', '.join(item.causes)}\n")


@app.command()
def show(ctx: typer.Context, slug: Annotated[str, typer.Argument(metavar="SLUG")]) -> None:
    """One runbook as text."""
    with session(ctx, "runbook", watch_journal=False) as run:
        for item in run.runbooks:
            if item.slug == slug:
                run.write(as_text(item))
                return
        hint = did_you_mean(slug, (it.slug for it in run.runbooks), "See: stratus runbook list")
        raise UsageError("there is no such runbook", slug, hint)


@app.command()
def lint(
    ctx: typer.Context,
    folder: Annotated[
        str, typer.Argument(metavar="[DIR]", help="Folder to check; by default those in use.")
    ] = "",
) -> None:
    """Check front matter, sections, variables and that every line is in the kubectl grammar."""
    with session(ctx, "runbook", watch_journal=False) as run:
        from stratus_cli.knowledge.runbook import lint as check
        from stratus_cli.knowledge.runbook import load

        items = load(Path(folder)) if folder else run.runbooks
        problems = [f"{item.slug}: {problem}" for item in items for problem in check(item)]
        for problem in problems:
            run.write(f"{problem}\n")
        run.say(f"{len(items)} runbooks, {len(problems)} problems")
        raise typer.Exit(1 if problems else 0)


def as_text(runbook: Runbook) -> str:
    """Title, what it treats, and its sections."""
    lines = [f"# {runbook.title}", "", f"Treats: {', '.join(runbook.causes)}"]
    if runbook.alerts:
        lines.append(f"Answers alerts: {', '.join(runbook.alerts)}")
    lines.append(f"Risk: {runbook.risk.value}")
    for name, body in runbook.sections.items():
        lines += ["", f"## {name}", "", body.strip()]
    return "\n".join(lines) + "\n"
