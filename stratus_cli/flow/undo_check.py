"""Before an undo writes: which steps are left, what each would do, and what forbids it.

Reads only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.flow import pre_image
from stratus_cli.flow.inverse import Written, inverse_on, is_replaced_by_owner
from stratus_cli.flow.lineage import Lineage
from stratus_cli.flow.policy import protected
from stratus_cli.flow.transaction import journal_of
from stratus_cli.flow.undoable import needing_human, steps_taken_back, written_by
from stratus_cli.journal.replay import RecordedTransaction, transactions
from stratus_cli.kube.apart import Names, apart, below, joined
from stratus_cli.kube.diff import diff
from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.three_way import Clash
from stratus_cli.kube.told import told
from stratus_cli.model.change import ABSENT, Change
from stratus_cli.model.errors import Refused
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan, Risk, Step
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref

UNDO_OF, REDO_OF = "undo of ", "redo of "
REPLACED = "stays gone; its controller makes another one in its place"

Inverse = tuple[Written, tuple[Clash, ...], Change | None]
"""A write, what of it somebody else changed, and the change that takes the rest back."""


@dataclass
class Foresight:
    """Inverses one after the other, each on what the earlier ones will have left."""

    ports: Ports
    live: dict[Ref, dict[str, Any] | None] = field(default_factory=dict)
    taken: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By step of the present transaction: what its inverse deletes."""

    def of(self, items: Sequence[Written], *, force: bool) -> tuple[Inverse, ...]:
        """The inverses of one transaction's writes. StratusError as the reads are answered."""
        heirs = Lineage.of(journal_of(self.ports).entries())
        self.taken.clear()  # steps are numbered anew in each transaction
        return tuple(self._next(item, heirs, force=force) for item in items)

    def _next(self, item: Written, heirs: Lineage, *, force: bool) -> Inverse:
        if item.ref not in self.live:
            self.live[item.ref] = self.ports.cluster.get(item.ref)
        now = self.live[item.ref]
        clashes, change = inverse_on(item, now, heirs=heirs, force=force, taken=self.taken)
        if change is not None and change.after is None:
            self.taken[item.number] = normal_form(change.before or {})
        if change is not None:
            self.live[item.ref] = None if change.after is None else dict(change.after)
        return item, clashes, change


def left_of(
    recorded: RecordedTransaction, only: tuple[int, ...], ports: Ports
) -> tuple[Written, ...]:
    """Its steps that are in force. Refused when none is, or one that was asked for is not."""
    back = steps_taken_back(recorded.id, transactions(journal_of(ports).entries()))
    items = written_by(recorded, only)
    left = tuple(item for item in items if item.number not in back)
    if (
        recorded.state is TransactionState.COMMITTED
        and items
        and (not left or (only and len(left) < len(items)))
    ):
        by = recorded.undone_by or "parts"
        raise Refused(
            "the transaction was taken back already",
            f"{recorded.id} by {by}",
            f"To do it again: stratus undo {by}",
        )
    return left


def check(recorded: RecordedTransaction, inverses: Sequence[Inverse], ports: Ports) -> None:
    """Refused before anything is written: protected, given to a human, or changed by others."""
    items = [item for item, _, _ in inverses]
    if recorded.state is not TransactionState.COMMITTED:
        state = recorded.state.value if recorded.state else "open"
        raise Refused(
            f"the transaction is {state}, so there is nothing to take back",
            recorded.id,
            "See: stratus journal list",
        )
    closed = needing_human(transactions(journal_of(ports).entries()))
    for item in items:
        refusal = protected(item.ref, ports.policy)
        if refusal is not None:
            raise Refused(refusal.reason, str(item.ref), f"Nothing was written. {refusal.lift}.")
        if item.ref in closed:
            raise Refused(
                f"transaction {closed[item.ref]} could not restore it, and nobody accepted that",
                str(item.ref),
                f"Nothing was written. First: stratus recover --accept {closed[item.ref]}",
            )
    _check_whole(recorded, items)
    known = pre_image.recall(ports.cluster, (*items, *recorded.intents))
    for item, clashes, change in inverses:
        if change is not None:
            _check_values(change, known, ports)
        if clashes:
            raise Refused(
                "somebody else changed what would be taken back",
                "; ".join(shown(item, clashes)),
                "Nothing was written. --force restores it all the same, --only N takes a part.",
            )


def _check_whole(recorded: RecordedTransaction, items: Sequence[Written]) -> None:
    """A pre-image is not taken away while its Secret's change stays."""
    numbers = {item.number for item in items}
    for item in items:
        secret = pre_image.keeps_for(item)
        left = [it for it in recorded.applied if it.ref == secret and it.step not in numbers]
        if left:
            raise Refused(
                f"step {item.number} holds what taking back step {left[0].step} needs",
                str(item.ref),
                f"Nothing was written. Take step {left[0].step} back, alone or with it.",
            )


def _check_values(change: Change, known: frozenset[str], ports: Ports) -> None:
    """Refused where a Secret's values from before are lost, or what it holds now would be."""
    lacking = pre_image.lacking(change, known)
    if lacking:
        raise Refused(
            f"the pre-image of {change.ref} is gone, or is not what the journal's digests say",
            f"keys {', '.join(lacking)}",
            "Nothing was written. Put the values back by hand; digests tell only on the machine"
            " that made the change.",
        )
    step = pre_image.keeping(change, "tx", ())
    if step is not None and ports.cluster.allowed("create", step.change.ref) is False:
        raise Refused(
            f"you may not create a Secret for what an undo would overwrite in {change.ref}",
            "check: permission",
            f"Nothing was written. Ask for the verb create on Secret in {change.ref.namespace}.",
        )


def preview(
    recorded: RecordedTransaction, inverses: Sequence[Inverse], ports: Ports
) -> tuple[bool, list[str]]:
    """(whether an undo would be refused, what it would do line by line)."""
    refused = False
    lines = [f"would take back {recorded.id}: {recorded.title}"]
    try:
        check(recorded, inverses, ports)
    except Refused as error:
        refused = True
        lines = [f"would be refused: {error.what} ({recorded.id}: {recorded.title})", error.hint]
    for item, clashes, change in inverses:
        if clashes:
            lines.extend(f"refused: {text}" for text in shown(item, clashes))
        else:
            lines.extend(f"{item.number}. {text}" for text in _foretold(item, change))
    return refused, lines


def _foretold(item: Written, change: Change | None) -> list[str]:
    if change is None:
        made_good = is_replaced_by_owner(item)
        return [f"{item.ref}: {REPLACED if made_good else 'as before already'}"]
    if change.before is None or change.after is None:
        return [f"{item.ref}: {'create again' if change.before is None else 'delete'}"]
    return [
        f"{item.ref} {edit.path}: {_text(edit.path, edit.before)} -> {_text(edit.path, edit.after)}"
        for edit in diff(normal_form(change.before), normal_form(change.after))
    ]


def shown(item: Written, clashes: Sequence[Clash]) -> list[str]:
    """Each field that somebody else changed, with all three values where they differ."""
    return [
        f"{item.ref} {_three(joined(clash.path, names), clash, names)}"
        for clash in clashes
        for names in [*apart(clash.after, clash.live)] or [()]
    ]


def _three(path: str, clash: Clash, names: Names) -> str:
    was, ours, now = (
        _text(path, below(told(clash.path, value), names))
        for value in (clash.before, clash.after, clash.live)
    )
    return f"{path} was {was}, we wrote {ours}, now {now}"


def _text(path: str, value: object) -> str:
    text = "(absent)" if value is None or value is ABSENT else str(told(path, value))
    return text if len(text) <= 80 else f"{text[:79]}…"


def _title(recorded: RecordedTransaction) -> str:
    """What it takes back. An undo of an undo does the first one again, and is called so."""
    for word, opposite in ((UNDO_OF, REDO_OF), (REDO_OF, UNDO_OF)):
        if recorded.undoes and recorded.title.startswith(word):
            return opposite + recorded.title.removeprefix(word)
    return f"{UNDO_OF}{recorded.id}: {recorded.title}"


def plan_of(recorded: RecordedTransaction, items: Sequence[Written], ports: Ports) -> Plan:
    """The inverse as a plan to look at. It is executed from the records, not from this."""
    now = ports.clock.now()
    steps = tuple(
        Step(
            kubectl=f"undo of: {item.kubectl}",
            change=Change(item.ref, item.after, item.before),
            depends=(),
            digest="",
            uid=item.uid,
            confirmed=True,
        )
        for item in items
    )
    return Plan(
        id=f"undo-{recorded.id}",
        incident=recorded.incident,
        title=_title(recorded),
        runbook="",
        candidate=f"the inverse of {recorded.id}",
        cluster=ports.cluster.identity(),
        steps=steps,
        targets=(),
        roots=(),
        blast_radius=tuple(sorted({item.ref for item in items})),
        risk=Risk.MEDIUM,
        success="every field reads back as before",
        created_at=now,
        expires_at=now,
    )
