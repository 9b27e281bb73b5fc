"""A plan file for its reviewer: as text, as Markdown, and as it is in JSON and YAML."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import datetime

from stratus_cli.flow.planfile import digest_of, document, dump
from stratus_cli.model.plan import Plan
from stratus_cli.render import json
from stratus_cli.render.page import Page
from stratus_cli.render.plan_markdown import plan_markdown
from stratus_cli.render.plan_text import plan_page
from stratus_cli.render.safe import clean, count


def file_page(plan: Plan, file: str, now: datetime) -> Page:
    """What it would do, on which cluster, until when; then the whole plan."""
    page = Page()
    expired = now > plan.expires_at
    until = f"{plan.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    state = f"EXPIRED at {until}" if expired else f"valid until {until}"
    writes = count(len(plan.steps), "write")
    page.line((f"{clean(plan.title)}: {writes}, risk {plan.risk.value}, {state}", "bold"))
    cluster = plan.cluster
    page.field("cluster", f"{clean(cluster.context)}  {clean(cluster.server)}  {cluster.uid}")
    page.field("made", f"{plan.created_at:%Y-%m-%d %H:%M:%S} UTC")
    page.field("digest", digest_of(plan))
    page.blank()
    page.add(plan_page(plan))
    page.blank()
    page.field("next", _next(plan, file, expired=expired))
    return page


def as_markdown(plan: Plan, file: str) -> str:
    """For the description of a pull request: the same whenever it is asked for."""
    return plan_markdown(plan, digest_of(plan), file=file)


def as_json(plan: Plan, _file: str) -> str:
    """The document of the file (plan.schema.json)."""
    return json.render(document(plan))


def as_yaml(plan: Plan, _file: str) -> str:
    """The file as it was written."""
    return dump(plan)


FORMATS: dict[str, Callable[[Plan, str], str]] = {
    "markdown": as_markdown,
    "json": as_json,
    "yaml": as_yaml,
}


def _next(plan: Plan, file: str, *, expired: bool) -> str:
    if expired:
        return "make a new one: stratus plan --out FILE"
    return f"stratus mitigate --plan {shlex.quote(file)} --digest {digest_of(plan)}"
