"""The command line: a lazy command table, global options, and the one place errors are caught.

Importing this must stay cheap: `stratus --help` and `--version` load no command, adapter or
renderer, and not typer either (under 150 ms). A command's module is imported when it is called.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from stratus_cli import __version__
from stratus_cli.cli.options import SETTINGS, Json, Setting
from stratus_cli.model.errors import StratusError, UsageError

if TYPE_CHECKING:
    from stratus_cli.cli.wiring import Wiring

COMMANDS = {
    "detect": "Show what is wrong. Changes nothing.",
    "diagnose": "Show why, with evidence you can re-check. Changes nothing.",
    "plan": "Show the repair: commands, diff, inverse, risk. Changes nothing.",
    "mitigate": "Repair one incident in a transaction; kept only when it helps.",
    "undo": "Take a committed transaction back.",
    "run": "Detect, diagnose, mitigate, validate; roll back and try the next when needed.",
    "recover": "Close a transaction that was left open.",
    "journal": "List, show, verify, export or tidy the journal.",
    "health": "Measure each workload, Service and node.",
    "record": "Write a redacted recording of the cluster to a file.",
    "explain": "Explain a rule, cause, runbook or incident.",
    "runbook": "List, show or check runbooks.",
    "doctor": "Check access, permissions, telemetry and journal.",
    "report": "Incident report or notification draft of the last run.",
    "drill": "Game days: known faults in apps of its own, and a scoreboard of the repair.",
    "demo": "The whole loop on a simulated cluster inside this process.",
}
EPILOG = "Reading commands change nothing. Exit codes and safety: README; start with: stratus demo"


class LazyGroup(click.Group):
    """Commands by name; help comes from the table, the module only when it is run."""

    def _main_shell_completion(
        self,
        ctx_args: MutableMapping[str, Any],
        prog_name: str,
        complete_var: str | None = None,
    ) -> None:
        """Completion as typer's scripts ask for it; nothing is loaded when nobody asks."""
        variable = complete_var or f"_{prog_name}_COMPLETE".replace("-", "_").upper()
        if variable in os.environ:
            from typer._completion_classes import completion_init
            from typer.core import _typer_main_shell_completion

            completion_init()
            _typer_main_shell_completion(
                self, ctx_args=ctx_args, prog_name=prog_name, complete_var=complete_var
            )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and add the global options to its own."""
        if cmd_name not in COMMANDS:
            return None
        from typer.main import get_command

        module = importlib.import_module(f"stratus_cli.cli.{cmd_name}")
        command = get_command(module.app)
        command.name = cmd_name
        with_global_options(command)
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands first: they are what a person looks for."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A did-you-mean for a mistyped command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"Did you mean `stratus {near[0]}`?" if near else "See: stratus --help"
            raise UsageError("no such command", args[0], hint)
        return super().resolve_command(ctx, args)


def with_global_options(command: click.Command) -> None:
    """Let a command, and the commands below it, take the global options after its name."""
    taken = {flag for param in command.params for flag in param.opts}
    shared = [item for item in SETTINGS if item.flags and not taken & {*item.flags}]
    command.params.extend(_option(setting, hidden=True) for setting in shared)
    command.epilog = f"Global options: {' '.join(item.flags[0] for item in shared)} (stratus -h)"
    if isinstance(command, click.Group):
        for child in command.commands.values():
            with_global_options(child)


def main(arguments: Sequence[str] | None = None, *, wiring: Wiring | None = None) -> int:
    """Run one command. Returns its exit code; every expected error ends here as a few lines.

    wiring: other adapters than the real ones (tests, the demo).
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    stderr = wiring.stderr if wiring else sys.stderr
    try:
        outcome = _root().main(
            args=arguments,
            prog_name="stratus",
            standalone_mode=False,
            obj={"wiring": wiring} if wiring else {},
        )
        return outcome if isinstance(outcome, int) else 0
    except StratusError as error:
        return _say(error, stderr)
    except click.exceptions.Abort:
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except click.ClickException as error:
        return _say(_usage(error), stderr)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away (| head); Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001  # the last resort: what gets here is a defect
        return _defect(error, verbose=bool({"-v", "--verbose"} & {*arguments}))


def script() -> None:
    """Entry point of `stratus` and `kubectl-stratus`."""
    sys.exit(main())


def _root() -> click.Command:
    group = LazyGroup(
        name="stratus",
        no_args_is_help=True,
        epilog=EPILOG,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Find what is broken in a Kubernetes cluster, say why, repair it, and undo it.",
    )
    group.params.extend((_switch("--version", _show_version), *_completion()))
    group.params.extend(_option(setting) for setting in SETTINGS if setting.flags)
    return group


def _completion() -> tuple[click.Option, ...]:
    """The two options that typer gives a program, without loading typer for them."""

    def install(ctx: click.Context, param: click.Parameter, value: Json) -> None:
        if value:
            from typer._completion_classes import completion_init
            from typer.completion import install_callback

            completion_init()
            install_callback(ctx, param, value)

    def show(ctx: click.Context, param: click.Parameter, value: Json) -> None:
        if value:
            from typer._completion_classes import completion_init
            from typer.completion import show_callback

            completion_init()
            show_callback(ctx, param, value)

    return (
        _switch("--install-completion", install, "Install completion for the current shell."),
        _switch(
            "--show-completion",
            show,
            "Show completion for the current shell, to copy it or customize the installation.",
        ),
    )


def _show_version(ctx: click.Context, param: click.Parameter, value: Json) -> None:
    if value:
        click.echo(f"stratus {__version__}")
        ctx.exit(0)


def _switch(
    flag: str, callback: Callable[[click.Context, click.Parameter, Json], None], text: str = ""
) -> click.Option:
    """A flag that does its work at once."""
    return click.Option(
        [flag],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=callback,
        help=text or None,
    )


def _option(setting: Setting, *, hidden: bool = False) -> click.Option:
    """A click option that keeps its value in the root context, the later place winning."""

    def keep(ctx: click.Context, param: click.Parameter, value: Json) -> None:
        if value not in (None, (), False, 0):
            ctx.find_root().ensure_object(dict)[setting.name] = value

    shape: dict[str, Any] = {"metavar": setting.metavar or None}
    if setting.kind == "flag":
        shape = {"is_flag": True, "default": False}
    elif setting.kind == "count":
        shape = {"count": True}
    elif setting.kind == "list":
        shape |= {"multiple": True}
    elif setting.kind == "choice":
        shape = {"type": click.Choice(setting.choices), "default": None}
    return click.Option(
        [setting.name, *setting.flags],
        help=setting.help,
        hidden=hidden,
        expose_value=False,
        callback=keep,
        **shape,
    )


def _usage(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    where = context.command_path if context else ""
    return UsageError(
        error.format_message().rstrip("."), where, f"See: {where or 'stratus'} --help"
    )


def _say(error: StratusError, stderr: TextIO) -> int:
    """What, where and what to do next: at most three short lines on stderr."""
    from stratus_cli.render.safe import clean

    print(f"stratus: {clean(error.what)}", file=stderr)
    if error.where:
        print(f"  where: {clean(error.where)}", file=stderr)
    if error.hint:
        print(f"  next:  {clean(error.hint)}", file=stderr)
    return error.exit_code


def _defect(error: Exception, *, verbose: bool) -> int:
    from stratus_cli.render.safe import clean

    if verbose:
        import traceback

        traceback.print_exc()
    summary = f"{type(error).__name__}: {error}"
    print(f"stratus: a defect of Stratus: {clean(summary)}", file=sys.stderr)
    print(
        "  next:  Repeat with -v and report the traceback and `stratus --version` as an issue;"
        " `stratus recover` says whether a transaction is open.",
        file=sys.stderr,
    )
    return 70
