"""stratus diagnose"""

from __future__ import annotations

from typing import Annotated

import typer

from stratus_cli.cli.choices import AgentsOption, IncidentOption, ModelOption
from stratus_cli.cli.session import session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def diagnose(
    ctx: typer.Context,
    incident: IncidentOption = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Read again and say whether each evidence still holds.")
    ] = False,
    agents: AgentsOption = False,
    model: ModelOption = "",
) -> None:
    """Show why it is broken, with evidence you can re-check. Changes nothing."""
    with session(ctx, "diagnose") as run:
        from stratus_cli.cli.agents import use_agents
        from stratus_cli.flow.assemble import chosen, look, report, verified
        from stratus_cli.flow.observe import ScopeRequest

        if agents:
            use_agents(run, model)
        request = ScopeRequest(run.options.asked)
        # Only agents read runbooks here; without them the files need not be opened.
        seen = look(run.ports, request, runbooks=run.runbooks if agents else ())
        incidents = chosen(seen, incident)
        notes = verified(run.ports, request, incidents) if verify else ()
        run.finish(report("diagnose", seen, incidents=incidents, notes=notes))
