"""stratus demo"""

from __future__ import annotations

from typing import Annotated

import typer

from stratus_cli.cli.session import session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def demo(
    ctx: typer.Context,
    step: Annotated[
        bool, typer.Option("--step", help="Wait for Enter before each command.")
    ] = False,
) -> None:
    """The whole loop on a simulated cluster inside this process: no cluster is touched.

    Runs the real commands, one after the other, against the twin, with a journal that is
    thrown away at the end.
    """
    with session(ctx, "demo", watch_journal=False) as run:
        from stratus_cli.cli.demonstration import demonstrate

        raise typer.Exit(demonstrate(run.wiring, step=step))
