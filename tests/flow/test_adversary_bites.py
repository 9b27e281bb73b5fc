"""The test of the test: with any one of the safeguards switched off, an invariant does not hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stratus_cli.flow import gate, transaction
from stratus_cli.flow.forward import after_on
from stratus_cli.flow.inverse import inverse_on
from stratus_cli.flow.transaction import Transaction
from stratus_cli.journal.file import FileJournal
from stratus_cli.kube.diff import apply_edits, diff
from stratus_cli.model.entry import Entry, Intent
from stratus_cli.model.health import Decision, Verdict
from tests.fakes.adversary import Adversary
from tests.flow.ordeal import Scenario, ordeal
from tests.flow.small import NEW

BREAK_WEB = "kubectl -n shop set image deployment/web app=stratus/app:never"
LABEL = "kubectl -n shop label configmap/settings a=1 --overwrite"
LABEL_AGAIN = "kubectl -n shop label configmap/settings a=2 --overwrite"
DELETE = "kubectl -n shop delete quota/room"
CALLS = range(1, 30)

Patch = Callable[[pytest.MonkeyPatch], None]


def no_precondition(patch: pytest.MonkeyPatch) -> None:
    """Neither the fields nor the version are compared."""

    def blind(step: Any, live: Any) -> Any:
        change = step.change
        if change.before is None or change.after is None:
            return change.after
        return apply_edits(live, diff(change.before, change.after))

    replace = Adversary.replace

    def without_version(self: Adversary, item: Any, *, dry_run: bool = False) -> Any:
        meta = {k: v for k, v in item["metadata"].items() if k not in ("uid", "resourceVersion")}
        return replace(self, {**item, "metadata": meta}, dry_run=dry_run)

    patch.setattr(transaction, "after_on", blind)
    patch.setattr(Adversary, "replace", without_version)


def no_three_way(patch: pytest.MonkeyPatch) -> None:
    """The way back overwrites what somebody else wrote."""

    def forced(item: Any, live: Any, **options: Any) -> Any:
        return inverse_on(item, live, **{**options, "force": True})

    patch.setattr(transaction, "inverse_on", forced)


def no_intent(patch: pytest.MonkeyPatch) -> None:
    """The journal learns of a write afterwards."""
    append = FileJournal.append

    def late(self: FileJournal, entry: Entry) -> None:
        if not isinstance(entry, Intent):
            append(self, entry)

    patch.setattr(FileJournal, "append", late)


def no_roll_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Transaction, "roll_back", lambda self: ())


def no_reading_again(patch: pytest.MonkeyPatch) -> None:
    """What was put back is believed."""
    patch.setattr(Transaction, "unrestored", lambda self, items: ())


def no_judge(patch: pytest.MonkeyPatch) -> None:
    def pleased(self: gate.Watch) -> gate.Outcome:
        now = datetime.fromtimestamp(0, UTC)
        return gate.Outcome(Verdict(Decision.COMMIT, ("fine",)), None, 0.0, now)

    patch.setattr(gate.Watch, "until_sure", pleased)


def no_doubt(patch: pytest.MonkeyPatch) -> None:
    """A write without an answer counts as not made."""
    patch.setattr(transaction, "is_refusal", lambda error: True)


def no_plan(patch: pytest.MonkeyPatch) -> None:
    """One field more than planned is written."""

    def more(step: Any, live: Any) -> Any:
        made = after_on(step, live)
        if made is None:
            return made
        meta = {**made["metadata"], "labels": {"touched-by": "stratus"}}
        return {**made, "metadata": meta}

    patch.setattr(transaction, "after_on", more)


CASES: dict[Patch, tuple[Scenario, ...]] = {
    no_precondition: tuple(Scenario((LABEL,), {call: "drift-same-before"}) for call in CALLS),
    no_three_way: tuple(Scenario((LABEL, BREAK_WEB), {call: "drift-same-after"}) for call in CALLS),
    no_intent: (Scenario((LABEL,)),),
    no_roll_back: (Scenario((BREAK_WEB,)),),
    no_reading_again: tuple(
        Scenario((LABEL, BREAK_WEB), {call: "forbidden"}) for call in range(20, 45)
    ),
    no_judge: (Scenario(("kubectl -n shop scale deployment/web --replicas=0",)),),
    no_doubt: tuple(Scenario((LABEL, DELETE), {call: "timeout-applied"}) for call in CALLS),
    no_plan: (Scenario((LABEL_AGAIN, NEW)),),
}


@pytest.mark.parametrize("switched_off", CASES, ids=lambda patch: patch.__name__)
def test_an_invariant_breaks_when_a_safeguard_is_switched_off(
    switched_off: Patch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the safeguard the same scenario passes."""
    for scenario in CASES[switched_off]:
        with monkeypatch.context() as patch:
            switched_off(patch)
            try:
                ordeal(scenario)
            except AssertionError:
                break
    else:
        pytest.fail("nothing was noticed")
    ordeal(scenario)
