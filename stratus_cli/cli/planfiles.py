"""Reading plan files for the commands that take one."""

from __future__ import annotations

from pathlib import Path

from stratus_cli.model.errors import PlanRefused, UsageError
from stratus_cli.model.plan import Plan


def read_plan(path: Path) -> Plan:
    """The plan in a file. PlanRefused when it is edited, expired or of another schema."""
    from stratus_cli.flow.planfile import load

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(
            f"the plan file cannot be read ({reason})",
            str(path),
            "Make one: stratus plan --out plan.yaml",
        ) from error
    try:
        return load(text)
    except PlanRefused as error:
        raise PlanRefused(error.what, error.where or str(path), error.hint) from error
