"""One command's run: options, signals, ports, the notice of an open transaction, the output.

Every command opens a Session, calls one flow, and finishes with a report. The session must not
know what a command is about.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from stratus_cli.cli import exits
from stratus_cli.cli.folders import write_whole
from stratus_cli.cli.interrupt import SignalInterrupt
from stratus_cli.cli.operator import TerminalOperator
from stratus_cli.cli.options import Options, resolve
from stratus_cli.cli.wiring import Wiring
from stratus_cli.model.errors import JournalError, StratusError, UsageError
from stratus_cli.model.ports import Cluster, Journal, Limits, Policy, Ports
from stratus_cli.model.ref import ClusterIdentity
from stratus_cli.model.report import Report
from stratus_cli.render.page import Page
from stratus_cli.render.progress import StreamProgress

if TYPE_CHECKING:
    from stratus_cli.journal.replay import RecordedTransaction
    from stratus_cli.knowledge.runbook import Runbook


class Session:
    """What a command needs. Everything is built at first use."""

    def __init__(self, command: str, wiring: Wiring, options: Options, *, auto: bool) -> None:
        self.command = command
        self.wiring = wiring
        self.options = options
        self.auto = auto
        self.interrupt = SignalInterrupt(at_once=True)
        self.limits = Limits(read_timeout_s=options.timeout)
        self.progress = StreamProgress(wiring.stderr, verbose=options.verbose > 0)
        self.held: Journal | None = None
        self.agents: dict[str, Any] = {}
        self.rehearse = False  # the commands that plan say otherwise
        self.use_lease = True
        self.irreversible = False
        self.fast = False
        self.pause_owner = False

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster or recording."""
        return self.wiring.cluster(self.options)

    @cached_property
    def identity(self) -> ClusterIdentity:
        """Which cluster, as whom."""
        return self.cluster.identity()

    @cached_property
    def runbooks(self) -> tuple[Runbook, ...]:
        """Own and shipped runbooks."""
        return self.wiring.runbooks(self.options)

    @cached_property
    def operator(self) -> TerminalOperator:
        """The person at the terminal, or --auto."""
        return TerminalOperator(
            self.wiring.terminal(),
            self.interrupt,
            self.identity,
            auto=self.auto,
            protected=self.options.protected,
            context_spelled_out="context" in self.options.flags,
        )

    @property
    def ports(self) -> Ports:
        """Everything a flow may use."""
        options = self.options
        good = self.wiring.recorded(options.known_good) if options.known_good else None
        return Ports(
            cluster=self.cluster,
            clock=self.wiring.clock(),
            operator=self.operator,
            progress=self.progress,
            interrupt=self.interrupt,
            who=self.wiring.who(),
            journal=self.held,
            sources=self.wiring.sources(options, self.cluster),
            rehearsal=self.wiring.rehearsal() if self.rehearse else None,
            known_good=good,
            manifests=self.wiring.manifests(options),
            limits=self.limits,
            policy=Policy(
                protected_namespaces=options.protected_namespaces,
                protected_names=options.protected_names,
                use_lease=self.use_lease,
                rehearse=self.rehearse,
                auto=self.auto,
                pause_owner=self.pause_owner,
                irreversible=self.irreversible,
                fast=self.fast,
            ),
            **self.agents,
        )

    @property
    def journal_path(self) -> Path:
        """The journal of this cluster."""
        return self.wiring.journal_path(self.options, self.identity)

    @property
    def journal_shown(self) -> str:
        """The journal's path for undo lines, where there is one."""
        return "" if self.options.recording else str(self.journal_path)

    @property
    def recover_line(self) -> str:
        """The command that closes what is open in this journal."""
        named = f" --journal {shlex.quote(self.options.journal)}" if self.options.journal else ""
        return f"stratus recover{named}"

    def open_transactions(self) -> tuple[RecordedTransaction, ...]:
        """Transactions without an end, read without taking the journal's lock."""
        from stratus_cli.flow.recover import open_transactions
        from stratus_cli.journal.file import read_entries

        path = self.journal_path
        return open_transactions(read_entries(path)) if path.exists() else ()

    def limit(self, **changes: float | None) -> None:
        """Limits from this command's own flags; None leaves the default."""
        given = {name: value for name, value in changes.items() if value is not None}
        self.limits = replace(self.limits, **given)  # type: ignore[arg-type]  # names are fields

    def say(self, text: str) -> None:
        """Chatter, on stderr."""
        from stratus_cli.render.safe import clean

        self.progress.close()
        print(clean(text, longest=None), file=self.wiring.stderr, flush=True)

    def show(self, page: Page) -> None:
        """A page that is no report, on stdout or in --out."""
        if self.options.out:
            write_whole(Path(self.options.out), page.text)
        else:
            page.show(self.wiring.stdout)

    def write(self, text: str) -> None:
        """Text as it is, on stdout or in --out."""
        if self.options.out:
            write_whole(Path(self.options.out), text)
            self.say(f"written to {self.options.out}")
        else:
            self.wiring.stdout.write(text)
            self.wiring.stdout.flush()

    def finish(
        self, report: Report, *, dry_run: bool = False, out_is_taken: bool = False
    ) -> NoReturn:
        """Show the report in the format asked for, keep it, and end with its exit code."""
        from stratus_cli.render.document import document
        from stratus_cli.render.json import render as as_json
        from stratus_cli.render.text import report_page

        self.progress.close()
        content = document(report, journal=self.journal_shown)
        if self.options.output == "text":
            page = report_page(report, journal=self.journal_shown, verbose=self.options.verbose > 0)
            if self.options.out and not out_is_taken:
                write_whole(Path(self.options.out), page.text)
            else:
                page.show(self.wiring.stdout)
        else:
            from stratus_cli.render.formats import machine

            text = machine(self.options.output, content)
            if self.options.out and not out_is_taken:
                write_whole(Path(self.options.out), text)
            else:
                self.wiring.stdout.write(text)
                self.wiring.stdout.flush()
        if any(tx.open for tx in report.transactions):
            self.say(f"a transaction is OPEN; next: {self.recover_line}")
        self._keep(as_json(content))
        code = exits.exit_code(report, fail_on=self.options.fail_severity, dry_run=dry_run)
        raise typer.Exit(self._interrupted(code))

    def _interrupted(self, code: int) -> int:
        """A signal that led to a roll-back has its own code; one that kept the commit has not."""
        if self.interrupt.requested and code not in (exits.OK, exits.NOT_RESTORED):
            return exits.INTERRUPTED[self.interrupt.signum]  # type: ignore[index]  # IntEnum key
        return code

    def _keep(self, text: str) -> None:
        """For `stratus report`. A report that cannot be kept is said, and fails nothing."""
        path = self.wiring.last_report()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(path, text, mode=0o600)
        except (OSError, UsageError) as error:
            self.say(f"the report was not kept for `stratus report`: {error}")


@contextmanager
def session(
    ctx: typer.Context,
    command: str,
    *,
    writes: bool = False,
    auto: bool = False,
    tolerate_open: bool = False,
    watch_journal: bool = True,
) -> Iterator[Session]:
    """Open a command's session. writes: say where first, hold the journal, roll back on signals.

    tolerate_open: an open transaction does not stop this command (recover). watch_journal: False
    for commands that ask no cluster; they look into every journal that is here.
    """
    root = ctx.find_root()
    given = dict(root.ensure_object(dict))
    wiring: Wiring = given.pop("wiring", None) or Wiring()
    options = resolve(given, wiring.env, wiring.config_file())
    run = Session(command, wiring, options, auto=auto)
    with ExitStack() as stack:
        stack.enter_context(run.interrupt.installed())
        try:
            if writes:
                _start_writing(run, stack, tolerate_open=tolerate_open)
            elif not watch_journal:
                _notice_of_any(run)
            elif not options.recording:
                _notice(run)
            yield run
        except KeyboardInterrupt:
            run.progress.close()
            raise typer.Exit(_left(run)) from None
        finally:
            run.progress.close()


def _start_writing(run: Session, stack: ExitStack, *, tolerate_open: bool) -> None:
    if run.options.recording:
        raise UsageError(
            "a recording cannot be written to",
            run.options.recording,
            "Leave --from out, or use `stratus plan --from` to see what would be done.",
        )
    header = run.operator.header(run.options.asked, str(run.journal_path))
    header.show(run.wiring.stderr)
    run.held = stack.enter_context(run.wiring.journal(run.options, run.identity))
    run.interrupt.at_once = False
    for note in run.held.notes:
        run.say(f"journal: {note}")
    left = run.open_transactions()
    if left and not tolerate_open:
        raise TransactionIsOpenError(
            f"transaction {left[0].id} ({left[0].title}) was left open; nothing was done",
            str(run.journal_path),
            f"Close it first: {run.recover_line}",
        )


class TransactionIsOpenError(StratusError):
    """A writing command found an open transaction in the journal."""

    exit_code = exits.NOT_RESTORED


def _notice(run: Session) -> None:
    """Say first when the journal holds an open transaction; an unreadable journal is said too."""
    if not run.options.journal and not run.wiring.has_journals():
        return
    try:
        left = run.open_transactions()
    except JournalError as error:
        run.say(f"journal: {error}")
        return
    except StratusError:
        return  # the command itself will meet it, and say it once
    for tx in left:
        run.say(_open_line(tx, run.journal_path, run.recover_line))


def _notice_of_any(run: Session) -> None:
    """The same without a cluster: of the journal named, or of every one that is here."""
    from stratus_cli.flow.recover import open_transactions
    from stratus_cli.journal.file import read_entries

    for path in run.wiring.journals(run.options):
        try:
            left = open_transactions(read_entries(path))
        except StratusError:
            continue  # whoever works with this journal is told
        for tx in left:
            recover = f"stratus recover --journal {shlex.quote(str(path))}"
            run.say(_open_line(tx, path, recover))


def _open_line(tx: RecordedTransaction, path: Path, recover: str) -> str:
    """Left open by a crash, or being made at this moment by somebody else."""
    from stratus_cli.journal.lock import held_by

    holder = held_by(path)
    if holder:
        return f"transaction {tx.id} ({tx.title}) is being made now by {holder}"
    return f"OPEN transaction {tx.id} ({tx.title}): {recover}"


def _left(run: Session) -> int:
    """After Ctrl-C: 6 with the way out when a transaction is open, else the signal's code."""
    left = run.open_transactions() if run.held is not None else ()
    if not left:
        run.say("interrupted; nothing is left half-done")
        return exits.INTERRUPTED[run.interrupt.signum]  # type: ignore[index]  # IntEnum key
    for tx in left:
        run.say(f"transaction {tx.id} is OPEN; next: {run.recover_line}")
    return exits.NOT_RESTORED
