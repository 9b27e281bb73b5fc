"""The causes of last resort, alone: from what changed or is gone to a repair that is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stratus_cli import causes
from stratus_cli.causes import object_absent, object_changed, template_changed
from stratus_cli.cluster.manifests import ManifestFolder
from stratus_cli.flow.run import RunRequest, run
from stratus_cli.kube.known_good import creatable
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.health import TransactionState
from stratus_cli.model.report import Report
from tests.flow.stand import CART, RUNBOOKS, Stand
from tests.flow.worlds import app, set_box, world

GENERAL = (object_absent, object_changed, template_changed)


@pytest.fixture(autouse=True)
def only_general_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nobody knew these faults."""
    monkeypatch.setattr(causes, "ALL", GENERAL)


def go(stand: Stand, manifests: ManifestFolder | None = None) -> Report:
    with stand.ports() as ports:
        request = RunRequest(scope=("shop",), runbooks=RUNBOOKS)
        return run(replace(ports, manifests=manifests), request)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"image": "stratus/app:never"}, "image"),
        ({"args": ["no-such-file"], "command": ["python3"]}, "command"),
        ({"env": [{"name": "PORT", "value": "none"}]}, "env"),
    ],
    ids=["image", "command", "env"],
)
def test_a_changed_field_is_put_back(tmp_path: Path, fields: dict[str, Any], field: str) -> None:
    """Whatever it is: the root is the field, and the transaction is kept."""
    scene = set_box("cart", 30, **fields)
    stand = Stand.make(tmp_path, world(app("cart", replicas=2), [scene], settle=100))
    before = stand.look()
    (incident,) = before.incidents
    named = {root.field.rpartition(".")[2].partition("[")[0] for root in incident.roots}
    assert field in named
    report = go(stand)
    assert [tx.state for tx in report.transactions] == [TransactionState.COMMITTED]
    assert not stand.look().incidents


def test_a_deleted_workload_is_made_again_from_its_manifest(tmp_path: Path) -> None:
    """Its Service is called, and nothing serves it."""
    caller = app("front", env={"UPSTREAMS": "http://cart:80"})
    stand = Stand.make(tmp_path, world([*app("cart"), *caller], settle=60))
    folder = tmp_path / "deploy"
    folder.mkdir()
    item = stand.twin.get(CART)
    assert item is not None
    (folder / "cart.json").write_text(json.dumps(creatable(item)))
    stand.twin.delete(CART, uid=item["metadata"]["uid"])
    stand.twin.advance(60)
    report = go(stand, ManifestFolder(str(folder), Redactor(b"test")))
    assert [tx.state for tx in report.transactions] == [TransactionState.COMMITTED]
    assert stand.twin.get(CART) is not None
    assert "manifest cart.json" in repr(report.candidates)


def test_without_a_source_nothing_is_written(tmp_path: Path) -> None:
    """What is gone and nowhere declared is left to a person."""
    caller = app("front", env={"UPSTREAMS": "http://cart:80"})
    stand = Stand.make(tmp_path, world([*app("cart"), *caller], settle=60))
    stand.twin.delete(CART, uid="")
    stand.twin.advance(60)
    go(stand)
    assert stand.cluster.writes == 0
