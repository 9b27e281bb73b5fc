"""`stratus diagnose --agents` from a recording to the report, with a model over real HTTP."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stratus_cli.cli.app import main
from stratus_cli.cli.wiring import Wiring
from stratus_cli.cluster.recording import SCHEMA, Recording, encode
from stratus_cli.kube.kinds import OBSERVED
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import LogTail, Scope, Signals
from tests.agents.marks import needs_litellm
from tests.agents.scenes import DOWN, EXITS, WEB, cause
from tests.agents.server import Scripted, failing, model_server, saying
from tests.cases.loader import AT, CLUSTER, raw_objects

pytestmark = needs_litellm


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording of a web that crashes, and no cause found without a model says why."""
    body = {
        "given": ["shop-healthy.yaml"],
        "set": {
            "Deployment/web": DOWN,
            "Pod/*": {
                "status.conditions[type=Ready].status": "False",
                "status.containerStatuses": [EXITS],
            },
        },
    }
    objects: dict[str, list[msgspec.Raw]] = {info.kind: [] for info in OBSERVED}
    for item in raw_objects(body):
        objects[item["kind"]].append(msgspec.Raw(json.dumps(item).encode()))
    tail = LogTail(Ref("Pod", "shop", "web-7d4b9c-aaaaa"), "web", True, ("fatal: I want 3",))
    content = Recording(
        schema=SCHEMA,
        taken_at=datetime.fromisoformat(AT).astimezone(UTC),
        cluster=CLUSTER,
        scope=Scope(),
        gaps=(),
        signals=Signals(logs=(tail,)),
        objects=objects,
    )
    path = tmp_path / "shop.json"
    path.write_bytes(encode(content, compressed=False))
    return path


def diagnose(recording: Path, *answers: Scripted) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and stderr of the command. Without answers: without agents."""
    out, err = io.StringIO(), io.StringIO()
    words = ["--from", str(recording), "-o", "json", "diagnose"]
    with model_server(*(answers or (failing(500),))) as server:
        home = str(recording.parent)
        env = {"HOME": home, "XDG_STATE_HOME": home, "STRATUS_MODEL_URL": server.url}
        if answers:
            words += ["--agents", "--model", "scripted"]
        code = main(words, wiring=Wiring(env, io.StringIO(), out, err))
    return code, json.loads(out.getvalue()), err.getvalue()


def test_a_grounded_cause_reaches_the_report(recording: Path) -> None:
    """With its evidence; the note goes to stderr, and the report stays one document."""
    answer = {"causes": [cause({"ref": WEB, "field": "spec.replicas", "value": 2}, "E9999")]}
    code, report, err = diagnose(recording, saying(answer))
    assert code == 1
    (incident,) = report["incidents"]
    (root,) = incident["roots"]
    assert (root["cause"], root["ref"], root["field"]) == ("too-few-replicas", WEB, "spec.replicas")
    assert root["confidence"] <= 0.5
    assert "1 wrong reference struck out (1 call, tokens in/out 1200/80)" in err


@pytest.mark.parametrize(
    "answer", [failing(500), saying("no JSON"), saying({"causes": [cause("E9999")]})]
)
def test_a_model_of_no_use_changes_no_report(recording: Path, answer: Scripted) -> None:
    """The same incidents as without --agents, the same exit code, and a line that says why."""
    code, report, err = diagnose(recording, answer)
    code_without, without, _ = diagnose(recording)
    assert without["incidents"][0]["roots"][0]["cause"] == "unexplained"
    assert (code, report["incidents"]) == (code_without, without["incidents"])
    assert "agent scripted: " in err
