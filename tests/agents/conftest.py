"""What the agents' tests share."""

from __future__ import annotations

import pytest

from stratus_cli.agents.model import LitellmModel
from tests.agents.server import model_server, saying


@pytest.fixture(scope="session")
def warm() -> None:
    """One call made before: the first one loads modules for seconds, which no deadline is about."""
    with model_server(saying("{}")) as server:
        LitellmModel("scripted", server.url, {}).complete("s", "u", {"type": "object"})
