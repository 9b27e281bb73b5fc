"""Transactions of a journal as one JSON document, for `journal list` and `journal show`.

Fields are added, never renamed. The values that were written are in `journal export`, not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stratus_cli.flow.undoable import steps_taken_back

if TYPE_CHECKING:
    from stratus_cli.journal.replay import RecordedTransaction

SCHEMA = "stratus/transactions/v1"
Document = dict[str, Any]


def journal_document(
    shown: Sequence[RecordedTransaction], everything: Sequence[RecordedTransaction], path: str
) -> Document:
    """shown: those asked for, newest first in the document. everything: all of the journal."""
    made = [_transaction(tx, everything) for tx in reversed(shown)]
    return {"schema": SCHEMA, "journal": path, "transactions": made}


def _transaction(tx: RecordedTransaction, everything: Sequence[RecordedTransaction]) -> Document:
    dones = {(done.step, done.rollback) for done in tx.dones}
    return {
        "id": tx.id,
        "at": tx.at.isoformat().replace("+00:00", "Z"),
        "kind": tx.kind,
        "state": "OPEN" if tx.state is None else tx.state.value,
        "title": tx.title,
        "incident": tx.incident,
        "who": tx.who,
        "why": tx.why,
        "undoes": tx.undoes,
        "undone_by": tx.undone_by,
        "steps_undone": sorted(steps_taken_back(tx.id, everything)),
        "accepted": tx.accepted,
        "writes": [
            {
                "step": intent.step,
                "ref": str(intent.ref),
                "kubectl": intent.kubectl,
                "rollback": intent.rollback,
                "applied": (intent.step, intent.rollback) in dones,
            }
            for intent in tx.intents
        ],
    }
