"""One entry of each kind, and a journal of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from stratus_cli.journal.file import FileJournal
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.entry import (
    Accepted,
    Baseline,
    Begin,
    Done,
    End,
    Entry,
    Failed,
    Intent,
    Judged,
)
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import ClusterIdentity, Ref

AT = datetime(2026, 1, 31, 12, 0, 0, 250000, UTC)
HERE = ClusterIdentity("u-1", "test", "https://test:6443", "tester")
ELSEWHERE = ClusterIdentity("u-2", "other", "https://other:6443", "tester")
CART = Ref("Deployment", "shop", "cart", "apps/v1", "uid-cart")
OLD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"name": "web", "image": "a:2"}]}},
    },
}
NEW = {
    **OLD,
    "spec": {
        "replicas": 2,
        "template": {"spec": {"containers": [{"name": "web", "image": "a:1"}]}},
    },
}
REDACTOR = Redactor(b"test")


def transaction(
    tx: str = "tx-1",
    at: datetime = AT,
    *,
    state: TransactionState | None = TransactionState.COMMITTED,
    undoes: str = "",
    rolled_back: bool = False,
) -> list[Entry]:
    """The records of one transaction; state None leaves it open."""
    kind = "undo" if undoes else "mitigate"
    entries: list[Entry] = [
        Begin(tx, at, kind, "i-1", "image not found", "alice@test", {"id": "p-1"}, undoes),
        Baseline(tx, at, {"samples": []}),
        Intent(tx, at, 1, CART, OLD, NEW, "kubectl set image"),
        Done(tx, at, 1, "uid-cart", NEW),
    ]
    if rolled_back:
        entries += [
            Intent(tx, at, 1, CART, NEW, OLD, "put back", rollback=True),
            Done(tx, at, 1, "uid-cart", OLD, rollback=True),
        ]
    if state is not None:
        entries += [
            Judged(tx, at, "commit", ("better",), {"units": []}),
            End(tx, at + timedelta(seconds=9), state, "better", 1),
        ]
    return entries


def one_of_each() -> list[Entry]:
    """Every kind of record, every field set."""
    at = AT
    return [
        Begin("tx-1", at, "undo", "i-1", "undo of tx-0", "alice@test", {"id": "p-1"}, "tx-0"),
        Baseline("tx-1", at, {"samples": [{"score": 0.5}]}),
        Intent("tx-1", at, 1, CART, OLD, None, "kubectl delete", rollback=True),
        Done("tx-1", at, 1, "uid-cart", None, rollback=True),
        Failed("tx-1", at, 2, "409 conflict", None, rollback=False),
        Judged("tx-1", at, "roll back", ("worse", "no better"), {"score": None}),
        End(
            "tx-1",
            at,
            TransactionState.NEEDS_HUMAN,
            "could not put back",
            1,
            ({"ref": "shop/Deployment/cart", "field": "spec.replicas", "wanted": 2, "found": 3},),
        ),
        Accepted("tx-1", at, "bob@test"),
    ]


def opened(path: Path, identity: ClusterIdentity = HERE) -> FileJournal:
    """The journal with a clock that stands still."""
    return FileJournal(path, identity, redactor=REDACTOR, now=lambda: AT)


def written(path: Path, *entries: Entry) -> bytes:
    """The bytes of a journal with these records."""
    with opened(path) as journal:
        for entry in entries:
            journal.append(entry)
    return path.read_bytes()
