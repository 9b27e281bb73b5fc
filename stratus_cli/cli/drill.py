"""stratus drill list | show | inject | heal | run"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from stratus_cli.cli import exits
from stratus_cli.cli.session import Session, session
from stratus_cli.model.errors import UsageError

if TYPE_CHECKING:
    from stratus_cli.drill.result import Result

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Game days: put known faults into apps of the drill's own, and score the repair.",
)
FaultArgument = Annotated[str, typer.Argument(metavar="FAULT", help="See: stratus drill list.")]
AppOption = Annotated[str, typer.Option("--app", metavar="NAME", help="The app to put it into.")]
VariantOption = Annotated[str, typer.Option(metavar="NAME", help="Which of its variants.")]
ImageOption = Annotated[
    str,
    typer.Option(
        envvar="STRATUS_DRILL_IMAGE",
        metavar="IMAGE",
        help="Image with Python 3.11 for the apps (default: python:3.11-slim).",
    ),
]
PrefixOption = Annotated[
    str, typer.Option(metavar="TEXT", help="What the drill's namespaces are called: TEXT-APP.")
]
ClusterOption = Annotated[
    bool,
    typer.Option(
        "--cluster",
        help="Also faults outside the drill's namespaces; kube-system must be labelled"
        " stratus.dev/sandbox=true.",
    ),
]


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """Every fault, with the apps it fits."""
    with session(ctx, "drill", watch_journal=False) as run:
        from stratus_cli.cli.drilling import unnamed
        from stratus_cli.drill import fault as faults

        lines = []
        for name in faults.names():
            variants = faults.load(name, unnamed)
            apps = ",".join(dict.fromkeys(item.app for item in variants))
            flags = " (--cluster)" if variants[0].cluster else ""
            lines.append(f"{name:24} {variants[0].family:11} {apps:18} {variants[0].title}{flags}")
        run.write("\n".join(lines) + "\n")


@app.command()
def show(ctx: typer.Context, fault: FaultArgument) -> None:
    """What a fault does, how it shows, what the right answer is, in each of its variants."""
    with session(ctx, "drill", watch_journal=False) as run:
        import json
        from dataclasses import asdict

        from stratus_cli.cli.drilling import unnamed
        from stratus_cli.drill import fault as faults
        from stratus_cli.render.yaml import render

        shown = [{"case": item.id, **asdict(item)} for item in faults.load(fault, unnamed)]
        plain = json.loads(json.dumps(shown))
        run.write("---\n".join(render(item) for item in plain))


@app.command()
def inject(
    ctx: typer.Context,
    fault: FaultArgument,
    app_name: AppOption = "",
    variant: VariantOption = "",
    image: ImageOption = "",
    prefix: PrefixOption = "drill",
    cluster: ClusterOption = False,
) -> None:
    """Deploy the app if need be, put the fault in, and wait until it shows."""
    with session(ctx, "drill", watch_journal=False) as run:
        from stratus_cli.cli.drilling import lab_for, one, taken_back
        from stratus_cli.drill.case import inject as put_in
        from stratus_cli.drill.symptom import wait_visible

        with lab_for(run, image=image, prefix=prefix) as drilling:
            chosen = one(drilling, fault, app_name, variant, cluster=cluster)
            lab = drilling.lab(chosen.app)
            app_, healthy = lab.ready(chosen.app, around=chosen.cluster)
            since = lab.ground.clock.now()
            with taken_back(lab, chosen):
                put_in(lab, chosen)
                door = lab.ground.door(app_)
                wait_visible(lab.ground, chosen, door, healthy.well, healthy.sight, since)
        space = lab.ground.namespace(chosen.app)
        run.say(f"{chosen.id} is in and shows: stratus detect -n {space}")
        run.say(f"to take it back: stratus drill heal {fault} --app {chosen.app}")


@app.command()
def heal(
    ctx: typer.Context,
    fault: FaultArgument,
    app_name: AppOption = "",
    image: ImageOption = "",
    prefix: PrefixOption = "drill",
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete the app's namespaces as well.")
    ] = False,
) -> None:
    """Take a fault back, and whatever else differs from the healthy state since."""
    with session(ctx, "drill", watch_journal=False) as run:
        from stratus_cli.cli.drilling import lab_for, left_in
        from stratus_cli.drill.case import heal as take_back
        from stratus_cli.drill.wellness import Well

        with lab_for(run, image=image, prefix=prefix) as drilling:
            chosen = left_in(drilling, fault, app_name)
            lab = drilling.lab(chosen.app)
            take_back(lab, chosen.app, chosen)
            if remove:
                lab.ground.remove(chosen.app)
            else:
                from stratus_cli.drill.app import load

                well = Well.of(lab.ground.items(chosen.app))
                lab.ground.wait_well(load(chosen.app), well)
        run.say(f"{chosen.id} is healed")


@app.command("run")
def run_(
    ctx: typer.Context,
    fault: Annotated[list[str] | None, typer.Argument(metavar="[FAULT]...")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every fault.")] = False,
    app_name: Annotated[
        list[str] | None, typer.Option("--app", metavar="NAME", help="Only this app (repeatable).")
    ] = None,
    variants: Annotated[
        str, typer.Option(metavar="all", help="all: every variant, not only each fault's first.")
    ] = "",
    use_recording: Annotated[
        bool, typer.Option("--known-good", help="Give Stratus a recording made when all was well.")
    ] = False,
    control: Annotated[
        str, typer.Option(metavar="NAME", help="A control in place of Stratus, or without a fault.")
    ] = "",
    repeat: Annotated[int, typer.Option(min=1, help="Each case so many times.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out the cases that --out has already.")
    ] = False,
    parallel: Annotated[int, typer.Option(min=1, help="So many apps side by side.")] = 1,
    image: ImageOption = "",
    prefix: PrefixOption = "drill",
    cluster: ClusterOption = False,
    has: Annotated[
        list[str] | None, typer.Option(metavar="NEED", help="The cluster has this, take it so.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete an app's namespaces when its cases are over.")
    ] = False,
) -> None:
    """Fault after fault: inject, let Stratus repair, judge, undo, heal; then the scoreboard.

    --out FILE is the scoreboard as JSON; beside it FILE's .md, .svg, one line per case in .jsonl,
    which --resume reads, and the report of each stage of each case in the folder .reports.
    """
    if bool(fault) == every:
        raise UsageError("say which faults to run", "", "stratus drill run FAULT..., or --all")
    if variants not in ("", "all"):
        raise UsageError(f"{variants!r} is not a choice of variants", "--variants", "Say all.")
    with session(ctx, "drill", watch_journal=False) as run:
        from stratus_cli.cli.drilling import can_install, lab_for, publish, score_paths
        from stratus_cli.drill import runs
        from stratus_cli.drill.ground import Stopped
        from stratus_cli.drill.page import text
        from stratus_cli.drill.result import read

        runs.check_control(control)
        lines = score_paths(run)[".jsonl"]
        reports = lines.with_suffix(".reports")
        with lab_for(run, image=image, prefix=prefix, has=has or (), reports=reports) as drilling:
            asked = runs.Asked(
                names=tuple(fault or ()),
                every=every,
                apps=tuple(app_name or ()),
                variants=variants == "all",
                known_good=use_recording or bool(run.options.known_good),
                control=control,
                repeat=repeat,
                cluster=cluster,
            )
            selected = runs.chosen(asked, drilling.ground.values, partial(can_install, drilling))
            if not selected:
                raise UsageError("no fault fits", "", "See: stratus drill list")
            try:
                results = runs.run(
                    asked,
                    selected,
                    drilling.lab,
                    lines,
                    resume=resume,
                    parallel=parallel,
                    remove=remove,
                )
            except Stopped:
                publish(run, read(lines))
                raise
        document = publish(run, results)
        run.progress.close()
        as_json = run.options.output == "json"
        print(document.rstrip() if as_json else text(results), file=run.wiring.stdout)
        raise typer.Exit(_code(run, results))


def _code(run: Session, results: list[Result]) -> int:
    """0: every case that was judged is solved, and at least one was."""
    judged = [item for item in results if item.verdict != "skipped"]
    solved = all(item.verdict == "solved" for item in judged)
    return exits.OK if judged and solved else exits.PROBLEMS
