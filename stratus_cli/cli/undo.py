"""stratus undo"""

from __future__ import annotations

from typing import Annotated

import typer

from stratus_cli.cli import choices
from stratus_cli.cli.session import session
from stratus_cli.model.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def undo(
    ctx: typer.Context,
    tx: Annotated[
        str, typer.Argument(metavar="[TX]", help="Transaction; see: stratus journal list.")
    ] = "",
    last: Annotated[
        bool, typer.Option("--last", help="The newest mitigation not yet undone (an undo: by id).")
    ] = False,
    incident: Annotated[
        str, typer.Option(metavar="ID", help="All transactions of this incident, newest first.")
    ] = "",
    only: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Only this step (may be repeated).")
    ] = None,
    dry_run: choices.DryRunOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Restore also fields that somebody else changed since.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Do not ask when health is expected to fall.")
    ] = False,
    auto: choices.AutoOption = False,
) -> None:
    """Take a committed transaction back, field by field; appended to the journal as a new one."""
    if sum((bool(tx), last, bool(incident))) != 1:
        raise UsageError(
            "say what to undo, once", "", "stratus undo TX, or --last, or --incident ID"
        )
    with session(ctx, "undo", writes=True, auto=auto) as run:
        from stratus_cli.flow.observe import ScopeRequest, observe
        from stratus_cli.flow.undo import Selector
        from stratus_cli.flow.undo import undo as take_back

        ports = run.ports
        request = ScopeRequest(run.options.asked)
        report = take_back(
            ports,
            Selector(tx=tx, last=last, incident=incident),
            only=tuple(only or ()),
            dry_run=dry_run,
            force=force,
            accept_loss=accept_loss,
            observe=lambda: observe(ports, request),
        )
        run.finish(report, dry_run=dry_run)
