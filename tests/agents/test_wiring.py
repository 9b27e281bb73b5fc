"""--agents in a session: with the extra, without it, and without a model."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
from pathlib import Path

import pytest

from stratus_cli.cli.agents import INSTALL, use_agents
from stratus_cli.cli.options import Options
from stratus_cli.cli.session import Session
from stratus_cli.cli.wiring import Wiring
from stratus_cli.model.errors import UsageError
from tests.agents.marks import needs_litellm

ROOT = Path(__file__).parents[2]


def a_session(stderr: io.StringIO) -> Session:
    """A session that has not read anything."""
    return Session("diagnose", Wiring({}, stderr=stderr), Options(), auto=False)


def test_without_the_extra_one_line_says_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the run goes on without agents."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    stderr = io.StringIO()
    run = a_session(stderr)
    use_agents(run, "some-model")
    (line,) = stderr.getvalue().splitlines()
    assert INSTALL in line
    assert "stratus-cli[agents]" in line
    assert run.agents == {}


@needs_litellm
def test_with_the_extra_both_ports_are_there() -> None:
    """Nothing is said before a model is asked."""
    stderr = io.StringIO()
    run = a_session(stderr)
    use_agents(run, "some-model")
    assert set(run.agents) == {"diagnoser", "planner"}
    assert stderr.getvalue() == ""


@needs_litellm
def test_a_model_has_to_be_named() -> None:
    """No default model: it would send data to somebody that nobody chose."""
    with pytest.raises(UsageError, match="needs a model"):
        use_agents(a_session(io.StringIO()), "")


def test_the_agents_import_nothing_heavy() -> None:
    """litellm is imported at the first call, not before."""
    program = (
        "import sys\n"
        "from stratus_cli.agents.wiring import agent_ports\n"
        "agent_ports('m', '', {}, say=print)\n"
        "heavy = {'litellm', 'openai', 'httpx', 'rich', 'kubernetes'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
