"""Keys of a Secret are changed, taken back and done again; no value leaves the two Secrets."""

from __future__ import annotations

from pathlib import Path

from stratus_cli.model.health import TransactionState
from tests.flow.secret_stand import (
    NEW,
    OLD,
    OTHER,
    RENAME,
    SET,
    USER,
    bytes_of,
    executed,
    planned,
    pre_images,
    stand_with_secrets,
    undone,
)
from tests.flow.small import WEB, get

COMMITTED = TransactionState.COMMITTED
BEFORE = {"password": OLD, "user": USER}


def test_keys_are_set_and_the_pre_image_holds_what_was_lost(tmp_path: Path) -> None:
    """Replaced and added keys; beside it an immutable Secret of ours with the replaced value."""
    stand = stand_with_secrets(tmp_path)
    found_before = {finding.key for finding in stand.look().detection.findings}
    done = executed(stand, SET)
    assert (done.state, done.writes) == (COMMITTED, 2)
    assert {finding.key for finding in stand.look().detection.findings} == found_before
    [name] = pre_images(stand)
    assert name == f"stratus-pre-{done.id}"
    found = bytes_of(stand)
    assert found["db"] == {**BEFORE, "password": NEW, "extra": OTHER}
    assert found[name] == {"password": OLD}
    [image] = [it for it in stand.twin.peek("Secret", "shop") if it["metadata"]["name"] == name]
    assert image["immutable"] is True
    assert image["type"] == "Opaque"
    assert image["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "stratus"


def test_undo_and_redo_from_other_processes(tmp_path: Path) -> None:
    """Each restores exactly, by values that only the pre-images have; one pre-image is left."""
    stand = stand_with_secrets(tmp_path)
    tx = executed(stand, SET).id
    after = bytes_of(stand)["db"]
    for wanted in (BEFORE, after, BEFORE, after):
        done = undone(stand, tx)
        assert done.state is COMMITTED, done.why
        assert bytes_of(stand)["db"] == wanted
        assert len(pre_images(stand)) == 1
        tx = done.id


def test_a_key_is_renamed_and_back(tmp_path: Path) -> None:
    """JSON move within one Secret."""
    stand = stand_with_secrets(tmp_path)
    done = executed(stand, RENAME)
    assert done.state is COMMITTED, done.why
    assert bytes_of(stand)["db"] == {"pass": OLD, "user": USER}
    assert undone(stand, done.id).state is COMMITTED
    assert bytes_of(stand)["db"] == BEFORE


def test_the_plan_shows_digests_only(tmp_path: Path) -> None:
    """Neither step nor diff has a value, and the same value has the same digest."""
    made = planned(stand_with_secrets(tmp_path), SET)
    assert made.plan is not None
    text = repr(made)
    assert not [value for value in (OLD, NEW, USER, OTHER) if value in text]
    keep, change = (step.change for step in made.plan.steps)
    assert keep.after is not None
    assert change.before is not None
    assert keep.after["data"] == {"password": change.before["data"]["password"]}


def test_who_reads_it_is_restarted_and_runs_the_old_value_again(tmp_path: Path) -> None:
    """After the write, and after the way back; the pre-image goes last."""
    stand = stand_with_secrets(tmp_path)
    reader = get(stand, WEB)
    source = {"secretKeyRef": {"name": "db", "key": "password"}}
    env = reader["spec"]["template"]["spec"]["containers"][0]["env"]
    env.append({"name": "PASSWORD", "valueFrom": source})
    stand.twin.replace(reader)
    stand.twin.advance(30)
    done = executed(stand, SET)
    assert (done.state, done.writes) == (COMMITTED, 3), done.why
    seen: list[str] = []
    stand.cluster.after_write = lambda ref: seen.append(f"{ref.kind}/{ref.name}")
    assert undone(stand, done.id).state is COMMITTED
    first, *order, last = seen
    assert first.startswith("Secret/stratus-pre-")
    assert [name for name in order if not name.startswith("Secret/stratus")][:1] == ["Secret/db"]
    assert "Deployment/web" in order
    assert last == f"Secret/stratus-pre-{done.id}"
    assert bytes_of(stand)["db"] == BEFORE
