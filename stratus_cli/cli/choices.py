"""Options that several commands share, each said once."""

from __future__ import annotations

from typing import Annotated

import typer

IncidentOption = Annotated[
    str, typer.Option("--incident", metavar="ID", help="Only this incident (its first digits do).")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Write nothing; show everything that would happen.")
]
AutoOption = Annotated[bool, typer.Option("--auto", help="Do not ask.")]
AgentsOption = Annotated[
    bool, typer.Option("--agents", help="Let language-model agents propose, too.")
]
ModelOption = Annotated[
    str, typer.Option("--model", metavar="NAME", help="Model of the agents, as litellm names it.")
]
AttemptsOption = Annotated[
    int | None,
    typer.Option("--max-attempts", min=1, help="Candidates tried per incident (default 3)."),
]
WritesOption = Annotated[
    int | None,
    typer.Option("--max-writes", min=1, max=20, help="Writes per transaction (at most 20)."),
]
BudgetOption = Annotated[
    str,
    typer.Option(
        metavar="MINUTES",
        help="Time for the whole run, way back included (default 15; also 90s, 1h).",
    ),
]
WatchOption = Annotated[
    str, typer.Option("--watch-for", metavar="DURATION", help="Watch after the commit; 0 = none.")
]
NoLeaseOption = Annotated[
    bool, typer.Option("--no-lease", help="Go on where Leases may not be written.")
]
IrreversibleOption = Annotated[
    bool,
    typer.Option(
        "--irreversible",
        help="Also delete what cannot be put back (claim, volume, namespace, CRD): asks for its"
        " name on a terminal, never with --auto.",
    ),
]
NoRehearsalOption = Annotated[
    bool, typer.Option("--no-rehearsal", help="Do not try the plan on the twin first.")
]
PauseOwnerOption = Annotated[
    bool,
    typer.Option(
        "--pause-owner", help="Suspend who would put the change back (Argo CD, Flux), first."
    ),
]
FastOption = Annotated[
    bool,
    typer.Option("--fast", help="Restart also who would see a new ConfigMap value by itself."),
]
