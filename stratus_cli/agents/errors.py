"""What can go wrong between an agent and its model. None of it stops a run."""

from __future__ import annotations

from stratus_cli.model.errors import StratusError


class AgentError(StratusError):
    """Base: the agent gives no answer, and the result without it stands."""


class ModelUnreachable(AgentError):
    """No usable response: no connection, no credentials, an error status, no answer in time."""


class MalformedAnswer(AgentError):
    """The model answered with something else than what was asked for."""


class BudgetSpent(AgentError):
    """The calls of this run are used up, or the model failed so often that it is left alone."""


class PromptError(AgentError):
    """A prompt file is missing, or its placeholders are not those its agent fills."""
