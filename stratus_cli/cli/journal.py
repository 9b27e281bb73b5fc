"""stratus journal list | show | verify | export | rotate | prune"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stratus_cli.cli.session import Session, session
from stratus_cli.model.errors import UsageError

if TYPE_CHECKING:
    from stratus_cli.journal.replay import RecordedTransaction
    from stratus_cli.model.ref import Ref

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="List, show, verify, export or tidy the journal.",
)
TxArgument = Annotated[str, typer.Argument(metavar="TX", help="Its first characters do.")]


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """Every transaction, newest first."""
    with session(ctx, "journal", watch_journal=False) as run:
        from stratus_cli.render.journal_text import list_page

        found = _transactions(run)
        if not _as_document(run, found, found):
            run.show(list_page(found, str(run.journal_path)))


@app.command()
def show(ctx: typer.Context, tx: TxArgument) -> None:
    """One transaction: what was written, each diff and inverse, the verdict."""
    with session(ctx, "journal", watch_journal=False) as run:
        from stratus_cli.flow.undoable import steps_taken_back
        from stratus_cli.render.journal_text import transaction_history

        found = _one(run, tx)
        everything = _transactions(run)
        if not _as_document(run, (found,), everything):
            back = steps_taken_back(found.id, everything)
            run.show(transaction_history(found, str(run.journal_path), back))


@app.command()
def verify(ctx: typer.Context) -> None:
    """Check the hash chain from the first record to the last."""
    with session(ctx, "journal", watch_journal=False) as run:
        from stratus_cli.journal.reading import read_journal

        path = run.journal_path
        contents = read_journal(path) if path.exists() else None
        for note in contents.notes if contents else ():
            run.say(f"journal: {note}")
        count = len(contents.entries) if contents else 0
        run.write(f"the chain is whole: {count} records in {path}\n")


@app.command()
def export(ctx: typer.Context, tx: TxArgument) -> None:
    """One transaction as a journal of its own, enough to undo it from elsewhere."""
    with session(ctx, "journal", watch_journal=False) as run:
        from stratus_cli.journal.file import export as make
        from stratus_cli.journal.reading import read_good

        path = run.journal_path
        for note in read_good(path).notes if path.exists() else ():
            run.say(f"journal: {note}")
        run.write(make(path, _one(run, tx, even_broken=True).id))


@app.command()
def rotate(ctx: typer.Context) -> None:
    """Start a new file that names this one and its last good hash; after a broken chain."""
    with session(ctx, "journal", watch_journal=False) as run:
        from stratus_cli.journal.file import rotate as start_new

        path = run.journal_path
        if run.operator.confirm(f"Set {path} aside and start a new journal?"):
            made = start_new(path, run.identity)
            run.write(f"{made.aside}\n")
            for tx in made.carried:
                run.say(f"carried over, not closed yet: {tx}; next: stratus recover")
            return
        run.say("nothing was changed")
        raise typer.Exit(4)


@app.command()
def prune(
    ctx: typer.Context,
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Closed transactions older than this.")
    ] = "2160h",
) -> None:
    """Set closed transactions older than 90 days aside in an archive file.

    What they kept of Secrets for an undo is deleted from the cluster.
    """
    with session(ctx, "journal", watch_journal=False) as run:
        from stratus_cli.cli.options import duration
        from stratus_cli.flow.pre_image import forget
        from stratus_cli.journal.file import prune as tidy

        age_s = duration(older_than, "--older-than")
        now = run.wiring.clock().now()
        if run.operator.confirm(f"Archive what is older than {older_than} in {run.journal_path}?"):
            deleted: list[Ref] = []
            said = tidy(
                run.journal_path,
                run.identity,
                age_s=age_s,
                now=now,
                before=lambda going: deleted.extend(forget(run.cluster, going)),
            )
            run.write(f"{said}\n")
            for ref in deleted:
                run.say(f"deleted {ref}")
            return
        run.say("nothing was changed")
        raise typer.Exit(4)


def _as_document(
    run: Session, shown: Sequence[RecordedTransaction], everything: Sequence[RecordedTransaction]
) -> bool:
    """Written as JSON or YAML, where that was asked for."""
    output = run.options.output
    if output == "text":
        return False
    if output not in ("json", "yaml"):
        raise UsageError(f"a journal is not shown as {output}", "", "Give -o text | json | yaml.")
    from stratus_cli.render.formats import machine
    from stratus_cli.render.journal_document import journal_document

    run.write(machine(output, journal_document(shown, everything, str(run.journal_path))))
    return True


def _transactions(run: Session, *, even_broken: bool = False) -> tuple[RecordedTransaction, ...]:
    from stratus_cli.journal.reading import read_good, read_journal
    from stratus_cli.journal.replay import transactions

    path = run.journal_path
    if not path.exists():
        if run.options.journal:
            raise UsageError("there is no such journal", str(path), "See: stratus doctor")
        return ()
    return transactions((read_good if even_broken else read_journal)(path).entries)


def _one(run: Session, tx: str, *, even_broken: bool = False) -> RecordedTransaction:
    present = _transactions(run, even_broken=even_broken)
    matching = [item for item in present if item.id.startswith(tx)]
    if len(matching) == 1:
        return matching[0]
    what = "several transactions start so" if matching else "the journal has no such transaction"
    raise UsageError(what, f"{tx} in {run.journal_path}", "See: stratus journal list")
