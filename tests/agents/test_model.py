"""The transport, over real HTTP: what is sent, what comes back, and every way it may fail."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from stratus_cli.agents.errors import BudgetSpent, MalformedAnswer, ModelUnreachable
from stratus_cli.agents.model import LitellmModel, ModelLimits
from tests.agents.marks import needs_litellm
from tests.agents.server import ModelServer, Scripted, failing, model_server, saying

pytestmark = needs_litellm
SCHEMA: Mapping[str, object] = {"type": "object"}
HANG = Scripted(b"", hang=True)


def model_at(server: ModelServer, **limits: float) -> LitellmModel:
    """A model on the test server."""
    env = {"OPENAI_API_KEY": "key-of-the-test"}
    return LitellmModel("scripted", server.url, env, ModelLimits(**limits))  # type: ignore[arg-type]  # names are fields


def test_a_good_answer_comes_back_with_its_tokens() -> None:
    """The request carries both messages, the schema, the bounds and the key, and no tools."""
    with model_server(saying({"a": 1})) as server:
        reply = model_at(server, max_tokens=77).complete("be brief", "what?", SCHEMA)
    assert (json.loads(reply.text), reply.tokens_in, reply.tokens_out) == ({"a": 1}, 1200, 80)
    (sent,) = server.requests
    assert sent["model"] == "scripted"
    assert [message["content"] for message in sent["messages"]] == ["be brief", "what?"]
    assert sent["max_tokens"] == 77
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert "tools" not in sent
    assert server.keys == ["Bearer key-of-the-test"]


def test_a_local_server_needs_no_key() -> None:
    """Without a key in the environment some key is sent, since the protocol wants one."""
    with model_server(saying("{}")) as server:
        LitellmModel("openai/scripted", server.url, {}).complete("s", "u", SCHEMA)
    assert server.requests[0]["model"] == "scripted"


def test_a_name_with_a_slash_that_is_no_provider_is_a_name() -> None:
    """Local servers call their models like their makers do: maker/model."""
    with model_server(saying("{}")) as server:
        LitellmModel("somebody/Small-7B", server.url, {}).complete("s", "u", SCHEMA)
    assert server.requests[0]["model"] == "somebody/Small-7B"


def test_a_server_that_cannot_be_held_to_a_schema_is_asked_without() -> None:
    """A 400 leads to one request without what may have caused it, and it is remembered."""
    with model_server(failing(400, "response_format"), saying("{}")) as server:
        model = model_at(server)
        model.complete("s", "u", SCHEMA)
        model.complete("s", "u", SCHEMA)
    for name in ("response_format", "temperature"):
        assert [name in sent for sent in server.requests] == [True, False, False]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_status_is_said(status: int) -> None:
    """Every error status is one kind of failure, and nothing is asked again behind our back."""
    script = failing(status, "the server's own words")
    with model_server(script) as server, pytest.raises(ModelUnreachable) as error:
        model_at(server).complete("s", "u", SCHEMA)
    assert "the server's own words" in error.value.what
    assert len(server.requests) == (2 if status == 400 else 1)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("answer", [HANG, saying("x" * 2000, drip=True)])
def test_no_answer_in_time(answer: Scripted) -> None:
    """The deadline holds for silence, and for a server that drips byte by byte."""
    with model_server(answer) as server:
        model = model_at(server, timeout_s=1)
        started = time.monotonic()
        with pytest.raises(ModelUnreachable, match=r"no answer within 1 s"):
            model.complete("s", "u", SCHEMA)
        assert time.monotonic() - started < 10  # HANG would last longer


def test_nobody_listens() -> None:
    """A refused connection is a failure of the model like another."""
    with model_server(saying("{}")) as server:
        pass
    with pytest.raises(ModelUnreachable):
        model_at(server).complete("s", "u", SCHEMA)


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'{"choices": []}', b"\xff\xfe"])
def test_a_response_that_is_none(body: bytes) -> None:
    """Whatever a server sends, the failure is one of ours."""
    ours = (ModelUnreachable, MalformedAnswer)
    with model_server(Scripted(body)) as server, pytest.raises(ours):
        model_at(server).complete("s", "u", SCHEMA)


def test_a_huge_answer_is_not_read() -> None:
    """Beyond the limit it is no answer."""
    expected = pytest.raises(MalformedAnswer, match="300000 characters")
    with model_server(saying("x" * 300_000)) as server, expected:
        model_at(server).complete("s", "u", SCHEMA)


def test_a_model_that_keeps_failing_is_left_alone() -> None:
    """After two failures in a row nothing more is sent; one success in between starts anew."""
    script = (failing(500), saying("{}"), failing(500), failing(500), saying("{}"))
    with model_server(*script) as server:
        model = model_at(server)
        outcomes = [outcome(model) for _ in range(6)]
    assert outcomes == [
        "ModelUnreachable",
        "",
        "ModelUnreachable",
        "ModelUnreachable",
        "BudgetSpent",
        "BudgetSpent",
    ]
    assert len(server.requests) == 4


def test_calls_are_bounded() -> None:
    """A run asks so often and no more."""
    with model_server(saying("{}")) as server:
        model = model_at(server, max_calls=2)
        assert [outcome(model) for _ in range(3)] == ["", "", "BudgetSpent"]


def test_litellm_connects_nowhere_else(tmp_path: Path) -> None:
    """Loading and calling it reads no .env file, and connects to the given server alone."""
    program = """
import os, sys
seen = []
def watch(event, args):
    if event == "socket.connect":
        seen.append(args[1][:2])
sys.addaudithook(watch)
from stratus_cli.agents.model import LitellmModel
assert "litellm" not in sys.modules
LitellmModel("scripted", sys.argv[1], {}).complete("s", "u", {"type": "object"})
assert "PLANTED" not in os.environ
print(sorted({port for _, port in seen}))
"""
    with model_server(saying("{}")) as server:
        (tmp_path / ".env").write_text("PLANTED=1\n")
        done = subprocess.run(
            [sys.executable, "-c", program, server.url],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path)},
            timeout=300,  # an import of litellm takes seconds, and minutes beside a build
            check=False,
        )
    assert (done.stdout.strip(), done.stderr) == (f"[{server.url.split(':')[2][:-3]}]", "")


def outcome(model: LitellmModel) -> str:
    """Name of the failure of one call, or ""."""
    try:
        model.complete("s", "u", SCHEMA)
    except (ModelUnreachable, BudgetSpent) as error:
        return type(error).__name__
    return ""
