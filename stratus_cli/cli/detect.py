"""stratus detect"""

from __future__ import annotations

from typing import Annotated

import typer

from stratus_cli.cli.session import session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def detect(
    ctx: typer.Context,
    compare: Annotated[
        str, typer.Option(metavar="RECORDING", help="Show what is new, worse and fixed since.")
    ] = "",
) -> None:
    """Show what is wrong. Changes nothing."""
    with session(ctx, "detect") as run:
        from stratus_cli.flow.assemble import compared, look, report
        from stratus_cli.flow.observe import ScopeRequest

        request = ScopeRequest(run.options.asked)
        seen = look(run.ports, request)
        notes: tuple[str, ...] = ()
        if compare:
            notes = compared(run.ports, run.wiring.recorded(compare), request, seen)
        run.finish(report("detect", seen, notes=notes))
