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
        from stratus_cli.render.health_text import compare_page, health_page, worse_since

        request = ScopeRequest(run.options.asked)
        seen = look(run.ports, request)
        if run.options.output != "text":
            run.finish(report("health", seen))
        if not compare:
            run.show(health_page(seen.health))
            found = report("health", seen)
            raise typer.Exit(exits.exit_code(found, fail_on=run.options.fail_severity))
        past = replace(run.ports, cluster=run.wiring.recorded(compare), sources=())
        before = look(past, request).health
        run.show(compare_page(before, seen.health))
        raise typer.Exit(exits.PROBLEMS if worse_since(before, seen.health) else exits.OK)
