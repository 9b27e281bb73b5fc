"""stratus plan"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stratus_cli.cli.choices import (
    AgentsOption,
    FastOption,
    IncidentOption,
    IrreversibleOption,
    ModelOption,
    NoRehearsalOption,
    PauseOwnerOption,
    WritesOption,
)
from stratus_cli.cli.folders import write_whole
from stratus_cli.cli.session import Session, session
from stratus_cli.model.errors import PlanRefused, UsageError
from stratus_cli.model.plan import Candidate

if TYPE_CHECKING:
    from stratus_cli.flow.assemble import Look

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def plan(
    ctx: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT|FILE|show FILE]",
            help="kubectl lines to plan (quoted), a file of them, or `show` and a plan file.",
        ),
    ] = None,
    incident: IncidentOption = "",
    agents: AgentsOption = False,
    model: ModelOption = "",
    max_writes: WritesOption = None,
    irreversible: IrreversibleOption = False,
    no_rehearsal: NoRehearsalOption = False,
    fast: FastOption = False,
    pause_owner: PauseOwnerOption = False,
) -> None:
    """Show the repair: commands, diff, inverse, blast radius, risk. Changes nothing.

    Without an argument it plans for what is found; with kubectl text, for that text. --out FILE
    writes the first plan for a reviewer; `stratus plan show FILE` shows it, with -o markdown for a
    pull request; `stratus mitigate --plan FILE` executes it.
    """
    words = what or []
    with session(ctx, "plan", watch_journal=words[:1] != ["show"]) as run:
        run.rehearse, run.fast, run.pause_owner = not no_rehearsal, fast, pause_owner
        run.limit(max_writes=max_writes)
        run.irreversible = irreversible
        if words[:1] == ["show"]:
            _show_file(run, words[1:])
            return
        from stratus_cli.flow.assemble import look, report
        from stratus_cli.flow.observe import ScopeRequest

        if agents:
            from stratus_cli.cli.agents import use_agents

            use_agents(run, model)
        seen = look(run.ports, ScopeRequest(run.options.asked), runbooks=run.runbooks)
        candidates = _of_text(run, seen, words) if words else _of_incidents(run, seen, incident)
        asked = {key for key in candidates if key}
        incidents = tuple(item for item in seen.incidents if item.id in asked)
        if run.options.out:
            _write_file(run, [item for items in candidates.values() for item in items])
        run.finish(
            report("plan", seen, incidents=incidents, candidates=candidates), out_is_taken=True
        )


def _of_incidents(run: Session, seen: Look, incident: str) -> dict[str, tuple[Candidate, ...]]:
    from stratus_cli.flow.assemble import chosen
    from stratus_cli.flow.plan import candidates

    ports, graph = run.ports, seen.detection.graph
    return {
        item.id: candidates(item, graph, ports, run.runbooks) for item in chosen(seen, incident)
    }


def _of_text(run: Session, seen: Look, words: list[str]) -> dict[str, tuple[Candidate, ...]]:
    from stratus_cli.flow.plan import plan_from_lines

    namespace = run.options.asked[0] if run.options.asked else "default"
    candidate = plan_from_lines(_lines(words), run.ports, seen.detection.graph, namespace)
    if candidate.plan is None and candidate.refusal is not None:
        refusal = candidate.refusal
        where = candidate.kubectl[0] if len(candidate.kubectl) == 1 else "these lines together"
        raise PlanRefused(refusal.reason, f"{where} (check: {refusal.check})", refusal.lift)
    return {"": (candidate,)}


def _lines(words: list[str]) -> list[str]:
    """kubectl lines from quoted text, from separate words, or from a file of lines."""
    path = Path(words[0])
    if len(words) == 1 and " " not in words[0]:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                "this is neither kubectl text nor a file that can be read",
                words[0],
                'Quote the text: stratus plan "kubectl -n shop scale deploy/cart --replicas=2"',
            ) from error
    elif words[0] == "kubectl":
        import shlex

        text = shlex.join(words)
    else:
        text = "\n".join(words)
    kept = (line.strip() for line in text.splitlines())
    return [line for line in kept if line and not line.startswith("#")]


def _write_file(run: Session, candidates: list[Candidate]) -> None:
    from stratus_cli.flow.planfile import dump

    offered = [item.plan for item in candidates if item.plan is not None]
    if not offered:
        run.say(f"no plan can be made; {run.options.out} was not written")
        return
    write_whole(Path(run.options.out), dump(offered[0]), mode=0o600)
    run.say(f"plan {offered[0].id} written to {run.options.out}")
    run.say(f"to review it: stratus plan show {run.options.out}   (-o markdown: a pull request)")
    run.say(f"to execute it: stratus mitigate --plan {run.options.out}")


def _show_file(run: Session, names: list[str]) -> None:
    from stratus_cli.cli.planfiles import read_plan
    from stratus_cli.render.plan_file import FORMATS, file_page

    if len(names) != 1:
        raise UsageError("plan show needs one plan file", "", "stratus plan show FILE")
    file, output = names[0], run.options.output
    if output == "text":
        run.show(file_page(read_plan(Path(file)), file, run.wiring.clock().now()))
    elif output in FORMATS:
        run.write(FORMATS[output](read_plan(Path(file)), file))
    else:
        given = " | ".join(("text", *FORMATS))
        raise UsageError(f"a plan file is not shown as {output}", file, f"Give -o {given}.")
