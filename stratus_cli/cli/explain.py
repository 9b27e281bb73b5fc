"""stratus explain"""

from __future__ import annotations

import json
from types import ModuleType
from typing import Annotated, Any

import typer

from stratus_cli.cli.near import did_you_mean
from stratus_cli.cli.session import Session, session
from stratus_cli.model.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def explain(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Rule code, cause id, runbook or incident id.")
    ],
) -> None:
    """Explain a rule (POD101), a cause (image-not-found), a runbook or a recent incident."""
    with session(ctx, "explain", watch_journal=False) as run:
        text = _rule(name) or _cause(name, run) or _runbook(name, run) or _incident(name, run)
        if not text:
            hint = did_you_mean(name, _known(run), "See: stratus runbook list, stratus detect")
            raise UsageError("nothing has this id", name, hint)
        run.write(text)


def _known(run: Session) -> list[str]:
    from stratus_cli import causes, rules

    return [
        *(rule.META.code for rule in rules.ALL),
        *(cause.META.id for cause in causes.ALL),
        *(runbook.slug for runbook in run.runbooks),
    ]


def _rule(name: str) -> str:
    from stratus_cli import rules

    for rule in rules.ALL:
        if name.upper() == rule.META.code or name.lower() == rule.META.name:
            needs = ", ".join(rule.META.needs)
            return f"{_document(rule)}\n\nSeverity: {rule.META.severity.label}. Reads: {needs}.\n"
    return ""


def _cause(name: str, run: Session) -> str:
    from stratus_cli import causes

    for cause in causes.ALL:
        if name.lower() == cause.META.id:
            treats = [item.slug for item in run.runbooks if name.lower() in item.causes]
            remedy = f"Runbooks: {', '.join(treats)}." if treats else "No runbook treats it."
            return f"{cause.META.id}: {_document(cause)}\n\n{remedy}\n"
    return ""


def _runbook(name: str, run: Session) -> str:
    from stratus_cli.cli.runbook import as_text

    return next((as_text(item) for item in run.runbooks if item.slug == name.lower()), "")


def _incident(name: str, run: Session) -> str:
    """From the last run's report."""
    from stratus_cli.render.markdown import incident_report

    try:
        document: dict[str, Any] = json.loads(run.wiring.last_report().read_text())
    except (OSError, ValueError):
        return ""
    matching = [item for item in document["incidents"] if item["id"].startswith(name)]
    if len(name) < 4 or not matching:
        return ""
    return incident_report({**document, "incidents": matching, "findings": []})


def _document(module: ModuleType) -> str:
    import inspect

    return inspect.cleandoc(module.__doc__ or "")
