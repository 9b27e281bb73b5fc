"""A plan for a reviewer: numbered steps, diff, inverse, blast radius, risk, check of success."""

from __future__ import annotations

import difflib

from stratus_cli.kube.by_hand import inverse_of
from stratus_cli.kube.diff import diff
from stratus_cli.kube.normal import normal_form
from stratus_cli.model.change import Change, FieldEdit, Json, Reversibility
from stratus_cli.model.plan import Candidate, Plan, Risk, Step
from stratus_cli.render.incident_text import names
from stratus_cli.render.page import Page
from stratus_cli.render.safe import LONGEST, clean, count, value

RISK_STYLE = {Risk.LOW: "green", Risk.MEDIUM: "yellow", Risk.HIGH: "bold red"}
LONGEST_DIFF = 60  # lines of one object; the whole of it is in -o json and in the plan file


def plan_page(plan: Plan) -> Page:
    """The whole plan as it is asked about."""
    page = Page()
    page.line(("Plan ", "bold"), (clean(plan.title), "bold"), (f"  [{plan.id}]", "dim"))
    origin = f"runbook {plan.runbook}, {plan.candidate}" if plan.runbook else plan.candidate
    page.field("from", clean(origin or "typed by hand"))
    for number, step in enumerate(plan.steps, 1):
        page.add(_step(step, number))
    page.field("touches", names(plan.blast_radius) or "nothing beyond the objects above")
    if plan.stops:
        page.field("stops", (names(plan.stops), "bold yellow"))
    page.field("risk", (plan.risk.value, RISK_STYLE[plan.risk]))
    page.field("success", clean(plan.success))
    for source in plan.sources:
        page.field("because", clean(source))
    for note in plan.notes:
        page.field("note", clean(note))
    return page


def candidate_page(candidate: Candidate, number: int) -> Page:
    """A candidate: its plan, or why it is not offered."""
    if candidate.plan is not None:
        return plan_page(candidate.plan)
    page = Page()
    page.line(f"Not offered: {clean(candidate.title)}", f"  (runbook {clean(candidate.runbook)})")
    if candidate.refusal is not None:
        page.field("why", clean(f"{candidate.refusal.check}: {candidate.refusal.reason}"))
        if candidate.refusal.lift:
            page.field("to lift", clean(candidate.refusal.lift))
    for line in candidate.kubectl:
        page.field("line", clean(line))
    return page


def _step(step: Step, number: int) -> Page:
    page = Page()
    page.line((f"{number}. ", "bold"), (clean(step.kubectl), "bold cyan"), indent=3)
    for line in change_lines(step.change):
        style = {"+": "green", "-": "red"}.get(line[:1], "dim")
        page.line((line, style), indent=6)
    page.line(("inverse: ", "dim"), inverse_of(step.change), indent=6)
    if step.change.reversibility is not Reversibility.REVERSIBLE:
        page.line((step.change.reversibility.value, "bold yellow"), indent=6)
    if not step.confirmed:
        reason = f": {clean(step.unconfirmed)}" if step.unconfirmed else ""
        page.line((f"not confirmed by the server{reason}", "yellow"), indent=6)
    return page


def change_lines(
    change: Change, *, longest: int = LONGEST_DIFF, whole: bool = False
) -> tuple[str, ...]:
    """The change as a unified diff of its fields; a new or deleted object as a whole.

    whole: no value is cut short.
    """
    if change.before is None or change.after is None:
        sign = "+" if change.before is None else "-"
        item = normal_form(change.after or change.before or {})
        size = None if whole else LONGEST
        lines = [f"{sign} {clean(line, longest=size)}" for line in _yaml(item).splitlines()]
    else:
        edits = diff(change.before, change.after)
        lines = [line for edit in edits for line in _edit_lines(edit, whole=whole)]
    if len(lines) > longest:
        left_out = count(len(lines) - longest, "more line")
        return (*lines[:longest], f"  … {left_out} in -o json")
    return tuple(lines)


def _edit_lines(edit: FieldEdit, *, whole: bool) -> list[str]:
    size = None if whole else LONGEST
    before, after = edit.before, edit.after
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        inner = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
        shown = [line for line in inner if not line.startswith(("---", "+++", "@@"))]
        return [f"  {clean(edit.path)}:", *(f"{line[:1]}   {clean(line[1:])}" for line in shown)]
    return [
        f"- {clean(edit.path)}: {value(before, longest=size)}",
        f"+ {clean(edit.path)}: {value(after, longest=size)}",
    ]


def _yaml(item: Json) -> str:
    import yaml

    text: str = yaml.safe_dump(item, sort_keys=False, allow_unicode=True)
    return text
