"""What `stratus doctor` found, for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratus_cli.render.page import Page
from stratus_cli.render.safe import clean, count


@dataclass(frozen=True)
class Check:
    """One thing looked at. ok: None = works without it. hint: what to do. exit_code: if not ok."""

    name: str
    ok: bool | None
    detail: str
    hint: str = ""
    exit_code: int = 1


def checks_page(checks: Sequence[Check]) -> Page:
    """First line the answer, then one line per check."""
    page = Page()
    failed = [check for check in checks if check.ok is False]
    first = f"{count(len(failed), 'problem')}: " + ", ".join(check.name for check in failed)
    page.line((first if failed else "ready", "bold"))
    for check in checks:
        word, style = {True: ("ok", "green"), False: ("FAIL", "bold red"), None: ("-", "yellow")}[
            check.ok
        ]
        page.line((f"{word:<5}", style), f"{check.name:<13} {clean(check.detail)}")
        if check.hint and check.ok is not True:
            page.line((f"next: {clean(check.hint)}", "dim"), indent=19)
    return page
