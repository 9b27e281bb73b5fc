"""C. Durability, concurrency and security of the reference agent."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.model.entry import Begin
from stratus_cli.model.errors import Refused
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref
from tests.cli.stage import Stage
from tests.fakes.faulty import FaultyCluster
from tests.flow.small import entries, plan_of, run, small, state
from tests.flow.stand import Stand
from tests.prior_art.common import COMMITTED, FIX, LABEL, NOTE, Told, repair, take_back

PLANTED = "cGxhbnRlZC1wYXNzd29yZA"  # also what its base64 form begins with
WORD = "planted-password"
READING = (
    ("detect",),
    ("diagnose",),
    ("plan",),
    ("health",),
    ("doctor",),
    ("mitigate", "--dry-run"),
    ("run", "--dry-run"),
    ("record", "--out", "recording.json"),
    ("explain", "POD101"),
    ("runbook", "list"),
    ("journal", "list"),
)


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(tmp_path)


def test_undo_works_hours_later_from_another_process(stand: Stand, tmp_path: Path) -> None:
    """C1: nothing is kept in memory or for ten minutes; a copy of the journal is enough."""
    before = state(stand.twin)
    done = run(stand, LABEL)
    assert done.state is COMMITTED
    stand.twin.advance(6 * 3600)
    home = tmp_path / "another machine"
    home.mkdir()
    shutil.copy(stand.folder / "journal.jsonl", home)
    other = Stand(stand.twin, FaultyCluster(stand.twin), home, limits=stand.limits)
    assert take_back(other, done.id).transactions[0].state is COMMITTED
    assert state(stand.twin) == before


def test_the_way_back_needs_no_telemetry(stand: Stand) -> None:
    """C2: sources inside the failing cluster may be gone; the API server is enough."""
    before = state(stand.twin)
    assert repair(stand, FIX, sources=(Told(answers=2), Told("prometheus", answers=2))).writes == 2
    assert state(stand.twin) == before
    stand.twin.advance(60)  # until the fault shows again
    assert repair(stand, FIX, sources=(Told(answers=0),)).state is COMMITTED
    assert take_back(stand).transactions[0].state is COMMITTED
    assert state(stand.twin) == before


@pytest.mark.parametrize("command", [*READING, ("run", "--auto")], ids=" ".join)
def test_no_command_listens_on_a_port(
    stage: Stage, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """C2, C6: there is no server, so none without authentication."""

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was bound")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(socket.socket, "listen", refuse)
    assert stage.run(*command).code in (0, 1)


def test_two_agents_cannot_write_at_once(stand: Stand, tmp_path: Path) -> None:
    """C3: the second one is refused by the Lease, with the holder's name."""
    home = tmp_path / "other"
    home.mkdir()
    other = Stand(stand.twin, FaultyCluster(stand.twin), home, limits=stand.limits)
    plan = plan_of(other, NOTE)

    def intrude(ref: Ref) -> None:
        with pytest.raises(Refused, match="alice@test"), other.ports() as ports:
            execute_plan(plan, ports, other.observe)

    stand.cluster.after_write = intrude
    assert run(stand, LABEL).state is COMMITTED
    assert other.cluster.writes == 0


def test_a_secret_is_never_shown_or_kept(stage: Stage, tmp_path: Path) -> None:
    """C4: not in a report, plan, recording, journal or log; nor is the kubeconfig."""
    stage.twin.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "planted", "namespace": "shop"},
            "data": {"password": f"{PLANTED}=="},
        }
    )
    ref = Ref("Deployment", "shop", "cart", "apps/v1")
    item = stage.twin.get(ref)
    assert item is not None
    box = item["spec"]["template"]["spec"]["containers"][0]
    box["env"] = [*(box.get("env") or ()), {"name": "DB_PASSWORD", "value": WORD}]
    stage.twin.replace(item)
    stage.twin.advance(60)
    said = []
    for command in (*READING, ("run", "--auto"), ("undo", "--last", "--accept-loss", "--auto")):
        for output in ((), ("-o", "json")) if command[0] in ("detect", "run", "plan") else ((),):
            outcome = stage.run(*command, *output, "-v")
            said.append(outcome.out + outcome.err)
    files = [path.read_text("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert any('"type":"intent"' in text for text in files)
    for text in (*said, *files):
        assert WORD not in text
        assert PLANTED not in text


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_reading_command_writes_nothing(
    stage: Stage, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """C5: not by a prefix of its text: no writing request leaves the process but dry runs."""
    for verb in ("create", "replace", "delete"):
        monkeypatch.setattr(stage.twin, verb, dry_only(getattr(stage.twin, verb)))
    assert stage.run(*command).code in (0, 1)


def dry_only(call: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*words: Any, dry_run: bool = False, **more: Any) -> Any:
        assert dry_run, "a writing request"
        return call(*words, dry_run=dry_run, **more)

    return guarded


@pytest.mark.parametrize(
    "text",
    [
        "kubectl -n shop delete deployment cart; kubectl delete ns shop",
        "kubectl -n shop set image deployment/cart app=$(id)",
        "kubectl -n shop get pods | sh",
        "rm -rf /",
        "kubectl -n shop get pods -w",
        "kubectl cluster-info dump --output-directory=/tmp/x",
        "kubectl -n shop attach cart",
        "kubectl proxy --address=0.0.0.0",
        "kubectl -n shop port-forward svc/cart 80 --address 0.0.0.0",
        "kubectl --kubeconfig=/tmp/theirs -n shop delete deployment cart",
        "kubectl -n shop get secret -o yaml",
        "kubectl config view --raw",
        "kubectl -n shop exec cart -- sh",
    ],
)
def test_what_a_log_line_could_talk_a_model_into_is_refused(text: str) -> None:
    """C4, C5, C6, C8: model text is lines of the closed grammar; nothing else has any effect."""
    refusal = parse_line(text, "shop")
    assert isinstance(refusal, Refusal)
    assert refusal.reason


def test_who_and_why_is_on_record(stage: Stage, tmp_path: Path, stand: Stand) -> None:
    """C7: in the journal, and as an Event on the object."""
    done = repair(stand, FIX)
    assert done.state is COMMITTED
    begin = entries(stand)[0]
    assert isinstance(begin, Begin)
    assert (begin.who, begin.incident) == ("alice@test", done.incident)
    assert begin.title
    (event,) = (
        item for item in stand.twin.peek("Event", "shop") if item["reason"] == "StratusCommitted"
    )
    assert "alice@test" in event["message"]
    assert done.id in event["message"]
    assert "image" in event["message"]


def test_a_journal_that_was_edited_is_noticed(stand: Stand) -> None:
    """C7: records are chained, so that a changed name or value shows."""
    assert run(stand, LABEL).state is COMMITTED
    path = stand.folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"alice@test", b"mallo@test"))
    with pytest.raises(Refused, match="broken at line 2"), stand.ports():
        pass
    assert json.loads(path.read_bytes().splitlines()[1])["who"] == "mallo@test"
