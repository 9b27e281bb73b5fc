"""stratus record"""

from __future__ import annotations

from pathlib import Path

import typer

from stratus_cli.cli.folders import write_whole
from stratus_cli.cli.session import session
from stratus_cli.model.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def record(ctx: typer.Context) -> None:
    """Write a redacted recording of the cluster to --out FILE (compressed when it ends in .gz).

    Secret values are never read; values that look like credentials become keyed digests.
    detect, diagnose, health and plan read it with --from; --known-good takes one made when well.
    """
    with session(ctx, "record") as run:
        from stratus_cli.flow.observe import ScopeRequest
        from stratus_cli.flow.record import record as make

        if not run.options.out:
            raise UsageError("record needs a file to write", "", "stratus record --out FILE")
        content = make(
            run.ports,
            ScopeRequest(run.options.asked),
            compressed=run.options.out.endswith(".gz"),
        )
        write_whole(Path(run.options.out), content, mode=0o600)
        run.say(f"recorded {len(content)} bytes to {run.options.out}")
