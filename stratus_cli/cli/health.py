"""stratus health"""

from __future__ import annotations

from typing import Annotated

import typer

from stratus_cli.cli.session import session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def health(
    ctx: typer.Context,
    compare: Annotated[
        str, typer.Option(metavar="RECORDING", help="Show what moved since this recording.")
    ] = "",
) -> None:
    """Measure each workload, Service and node. Changes nothing."""
    with session(ctx, "health") as run:
        from dataclasses import replace

        from stratus_cli.cli import exits
        from stratus_cli.flow.assemble import look, report
        from stratus_cli.flow.observe import ScopeRequest
        from stratus_cli.render.health_text import compare_page, health_page

        request = ScopeRequest(run.options.asked)
        seen = look(run.ports, request)
        found = report("health", seen)
        if compare:
            past = replace(run.ports, cluster=run.wiring.recorded(compare), sources=())
            found = replace(found, health_before=look(past, request).health)
        if run.options.output != "text":
            run.finish(found)
        if found.health_before is not None:
            run.show(compare_page(found.health_before, seen.health))
        else:
            run.show(health_page(seen.health))
        raise typer.Exit(exits.exit_code(found, fail_on=run.options.fail_severity))
