"""Builds the agents for a session. Imports no model library; that happens at the first call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from stratus_cli.agents.ask import Notes, Say
from stratus_cli.agents.diagnoser import ModelDiagnoser
from stratus_cli.agents.model import LitellmModel, ModelLimits
from stratus_cli.agents.planner import ModelPlanner
from stratus_cli.model.ports import Diagnoser, Planner


class AgentPorts(TypedDict):
    """The ports that agents implement, by their names in model.ports.Ports."""

    diagnoser: Diagnoser
    planner: Planner


def agent_ports(
    name: str,
    model_url: str,
    env: Mapping[str, str],
    *,
    say: Say,
    limits: ModelLimits | None = None,
) -> AgentPorts:
    """Both agents on one model, and so on one budget of calls. model_url: "" for the model's own.

    env: where keys are. say: gets one line for each question put to the model.
    """
    model = LitellmModel(name, model_url, env, limits)
    notes = Notes(say)
    return {"diagnoser": ModelDiagnoser(model, notes), "planner": ModelPlanner(model, notes)}
