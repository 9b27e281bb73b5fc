"""What can go wrong with a drill itself; a wrong answer of Stratus is a result, not an error."""

from __future__ import annotations

from stratus_cli.model.errors import Refused, StratusError


class DrillError(StratusError):
    """The lab could not do its part: the case is an ERROR, which is no verdict on Stratus."""

    exit_code = 1


class DrillRefused(Refused):
    """The drill declines to touch what is not its own."""
