"""stratus recover"""

from __future__ import annotations

from typing import Annotated

import typer

from stratus_cli.cli import choices
from stratus_cli.cli.session import TransactionIsOpenError, session
from stratus_cli.model.errors import Refused, UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def recover(
    ctx: typer.Context,
    finish: Annotated[
        bool, typer.Option("--finish", help="Make the writes that are missing, then judge.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Take back what was written.")
    ] = False,
    accept: Annotated[
        str, typer.Option(metavar="TX", help="Accept a NEEDS_HUMAN transaction as it is now.")
    ] = "",
    auto: choices.AutoOption = False,
) -> None:
    """Close a transaction that was left open: see what was applied, then finish or roll back."""
    if sum((finish, rollback, bool(accept))) > 1:
        raise UsageError("--finish, --rollback and --accept exclude each other", "", "Give one.")
    with session(ctx, "recover", writes=True, auto=auto, tolerate_open=True) as run:
        from stratus_cli.flow.observe import ScopeRequest, observe
        from stratus_cli.flow.recover import accept as accept_as_is
        from stratus_cli.flow.recover import recover as close

        ports = run.ports
        if accept:
            run.finish(accept_as_is(ports, accept))
        mode = "finish" if finish else "rollback" if rollback else "ask"
        request = ScopeRequest(run.options.asked)
        try:
            report = close(ports, mode, lambda: observe(ports, request))
        except Refused as error:
            left = run.open_transactions()
            if not left:
                raise
            raise TransactionIsOpenError(
                f"{error.what}; {left[0].id} ({left[0].title}) is still open",
                error.where or str(run.journal_path),
                f"Say what to do with it: {run.recover_line} --rollback   (or --finish)",
            ) from error
        run.finish(report)
