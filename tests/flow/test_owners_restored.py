"""After an undo or a roll-back the same managers own the same fields as before (managedFields)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.flow.giving_back import give_back
from stratus_cli.flow.inverse import Written
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.model.errors import Conflict, Forbidden
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from tests.fakes.faulty import FaultyCluster
from tests.flow.small import CART, SETTINGS, WEB, get, plain, recorded, run, small, world
from tests.flow.stand import Stand

Item = dict[str, Any]
Owned = dict[tuple[str, str], set[tuple[str, ...]]]

LINES = [
    (WEB, "kubectl -n shop set image deployment/web app=stratus/app:2"),
    (WEB, "kubectl -n shop scale deployment/web --replicas=3"),
    (WEB, "kubectl -n shop set env deployment/web NEW=1"),
    (SETTINGS, "kubectl -n shop label configmap/settings team=x"),
    (SETTINGS, "kubectl -n shop annotate configmap/settings note=x"),
    (SETTINGS, """kubectl -n shop patch cm/settings --type=merge -p '{"data":{"mode":"x"}}'"""),
    (SETTINGS, "kubectl -n shop delete configmap/settings"),
]


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """Where a pipeline applied the image, and a person set the rest."""
    made = small(tmp_path)
    for ref in (WEB, SETTINGS):
        item = get(made, ref)
        item["metadata"]["labels"] = {**(item["metadata"].get("labels") or {}), "by": "ci"}
        made.twin.apply(_applied(item), "ci", server_side=True)
    return made


def owned(stand: Stand, ref: Ref) -> Owned:
    """The test's own reading: (manager, operation) -> the fields; times and statuses aside."""
    found: Owned = {}
    for entry in get(stand, ref)["metadata"]["managedFields"]:
        if not entry.get("subresource"):
            key = (entry["manager"], entry["operation"])
            found.setdefault(key, set()).update(_fields(entry["fieldsV1"], ()))
    return found


@pytest.mark.parametrize(("ref", "line"), LINES)
def test_undo_gives_the_fields_back(stand: Stand, ref: Ref, line: str) -> None:
    """Do, undo, redo: each with its owners."""
    before = owned(stand, ref)
    assert ("ci", "Apply") in before
    assert run(stand, line).state is TransactionState.COMMITTED
    if stand.twin.get(ref) is not None:
        changed = owned(stand, ref)
        assert ("stratus", "Update") in changed
    undone = recorded(stand)[-1].id
    taken_back(stand, undone)
    assert owned(stand, ref) == before
    taken_back(stand, recorded(stand)[-1].id)
    if stand.twin.get(ref) is not None:
        assert owned(stand, ref) == changed


def test_a_roll_back_does_so_too(stand: Stand) -> None:
    """What did not help leaves no trace of ours."""
    before = owned(stand, CART)
    done = run(stand, "kubectl -n shop set image deployment/cart app=stratus/app:none")
    assert done.state is TransactionState.UNDONE, done.why
    assert owned(stand, CART) == before


def test_two_writes_to_one_field_go_back_to_the_first_owner(stand: Stand) -> None:
    """Newest first: the older one's record is the one that stays."""
    before = owned(stand, WEB)
    for number in (3, 4):
        done = run(stand, f"kubectl -n shop scale deployment/web --replicas={number}")
        assert done.state is TransactionState.COMMITTED, done.why
    for tx in [tx.id for tx in reversed(recorded(stand))]:
        taken_back(stand, tx)
    assert owned(stand, WEB) == before


def test_the_former_manager_meets_no_conflict(stand: Stand) -> None:
    """Its next server-side apply of another value; before the undo it is refused."""
    for image in ("stratus/app:2", "stratus/app:1"):  # so that it is the only owner
        wanted = _applied(get(stand, WEB))
        wanted["spec"]["template"]["spec"]["containers"][0]["image"] = image
        stand.twin.apply(wanted, "ci", server_side=True)
        stand.twin.advance(10)
    line = "kubectl -n shop set image deployment/web app=stratus/app:2"
    assert run(stand, line).state is TransactionState.COMMITTED
    with pytest.raises(Conflict, match='conflict with "stratus"'):
        stand.twin.apply(wanted, "ci", server_side=True, force=False)
    taken_back(stand, recorded(stand)[-1].id)
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "stratus/app:3"
    stand.twin.apply(wanted, "ci", server_side=True, force=False)


def test_where_it_may_not_be_written_it_is_said(stand: Stand) -> None:
    """The fields are as before all the same: an undo is judged by them."""
    assert run(stand, LINES[1][1]).state is TransactionState.COMMITTED

    class NoOwners(FaultyCluster):
        def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
            now = self.inner.get(WEB)
            if now is not None and now["spec"] == item["spec"] and not dry_run:
                raise Forbidden(403, "Forbidden", "not for you", "web")
            return super().replace(item, dry_run=dry_run)

    stand.cluster = NoOwners(stand.twin)
    taken_back(stand, recorded(stand)[-1].id)
    assert any("stay owned by stratus" in text for text in stand.progress.said)


def taken_back(stand: Stand, tx: str) -> None:
    with stand.ports() as ports:
        [done] = undo(ports, Selector(tx=tx), accept_loss=True, observe=stand.observe).transactions
    assert done.state is TransactionState.COMMITTED, done.why


def _applied(item: Item) -> Item:
    """What a pipeline has in its repository."""
    meta = {k: item["metadata"][k] for k in ("name", "namespace", "labels")}
    kept = {k: v for k, v in item.items() if k not in ("metadata", "status")}
    return {**kept, "metadata": meta}


def _fields(tree: Item, path: tuple[str, ...]) -> set[tuple[str, ...]]:
    if not tree:
        return {path}
    return {leaf for key, below in tree.items() for leaf in _fields(below, (*path, key))}


def test_a_secret_whose_values_may_not_be_read_is_never_written(tmp_path: Path) -> None:
    """Without its data a PUT would lose them; its fields stay ours."""
    twin = Twin(world(), read_secrets=False)
    twin.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "db", "namespace": "shop"},
            "data": {"password": "aHVudGVyMg=="},
        },
        "stratus",
    )
    stand = Stand(twin, FaultyCluster(twin), tmp_path)
    ref = Ref("Secret", "shop", "db", "v1")
    before = plain(get(stand, ref))
    after = {**before, "metadata": {**before["metadata"], "labels": {"a": "b"}}}
    give_back(Written(1, ref, before, after, "", "", owners=()), stand.reading())
    give_back(Written(1, ref, before, None, "", "", owners=()), stand.reading())
    [kept] = twin.peek("Secret", "shop")
    assert kept["data"] == {"password": "aHVudGVyMg=="}
