"""What tests of the agents may need."""

from __future__ import annotations

import importlib.util

import pytest

needs_litellm = pytest.mark.skipif(
    importlib.util.find_spec("litellm") is None,
    reason="needs the extra stratus-cli[agents] (`make test` installs it)",
)
