"""Puts the language-model agents into a session, where they are installed and asked for."""

from __future__ import annotations

import importlib.util

from stratus_cli.cli.session import Session
from stratus_cli.model.errors import UsageError

INSTALL = "pipx inject stratus-cli 'stratus-cli[agents]'   (or: pip install 'stratus-cli[agents]')"


def installed() -> bool:
    """Whether the extra is there, without importing it (it takes seconds)."""
    return importlib.util.find_spec("litellm") is not None


def use_agents(run: Session, model: str) -> None:
    """Set the ports diagnoser and planner. Without the extra: one line, and on without agents."""
    if not installed():
        run.say(f"--agents: the extra is not installed; going on without it. Add it: {INSTALL}")
        return
    name = model or run.options.model
    if not name:
        raise UsageError(
            "--agents needs a model", "", "Add --model NAME, or set `model` in the configuration."
        )
    from stratus_cli.agents.wiring import agent_ports

    run.agents.update(agent_ports(name, run.options.model_url, run.wiring.env, say=run.say))
