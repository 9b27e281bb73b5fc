"""stratus report"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stratus_cli.cli.session import session
from stratus_cli.model.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def report(
    ctx: typer.Context,
    file: Annotated[
        str,
        typer.Argument(metavar="[FILE]", help="A report saved with -o json; else the last run."),
    ] = "",
    notification: Annotated[
        bool, typer.Option("--notification", help="A short draft for the incident channel.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only the plans, for a pull request.")
    ] = False,
) -> None:
    """The Markdown incident report, with its timeline, of the last run or of a saved report."""
    with session(ctx, "report", watch_journal=False) as run:
        from stratus_cli.render import markdown
        from stratus_cli.render import notification as notifications
        from stratus_cli.render.formats import machine

        document = read_document(Path(file) if file else run.wiring.last_report(), named=bool(file))
        if run.options.output != "text":
            run.write(machine(run.options.output, document))
        elif notification:
            run.write(notifications.draft(document))
        elif plan:
            run.write(markdown.plan_text(document))
        else:
            run.write(markdown.incident_report(document))


def read_document(path: Path, *, named: bool) -> dict[str, Any]:
    """A report document from a file. UsageError when it is none."""
    hint = "Save one: stratus detect -o json --out report.json" if named else "Run: stratus detect"
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        what = "there is no such report" if named else "there is no report of a last run yet"
        raise UsageError(what, str(path), hint) from error
    except (OSError, ValueError) as error:
        raise UsageError("the report cannot be read: it is not JSON", str(path), hint) from error
    if not isinstance(document, dict) or document.get("schema") != "stratus/report/v1":
        raise UsageError("this is not a Stratus report", str(path), hint)
    missing = [
        key for key in ("incidents", "timing", "transactions", "cluster") if key not in document
    ]
    if missing:
        raise UsageError(f"the report is incomplete: no {missing[0]!r}", str(path), hint)
    return document
