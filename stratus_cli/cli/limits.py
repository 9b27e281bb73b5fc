"""Flags that bound a writing command, put into the session's limits."""

from __future__ import annotations

from stratus_cli.cli.options import duration
from stratus_cli.cli.session import Session


def apply_limits(
    run: Session, max_attempts: int | None, max_writes: int | None, budget: str, watch_for: str
) -> None:
    """None and "" leave the default."""
    run.limit(
        max_attempts=max_attempts,
        max_writes=max_writes,
        budget_s=duration(budget, "--budget", bare="m") if budget else None,
        watch_s=duration(watch_for, "--watch-for") if watch_for else None,
    )
