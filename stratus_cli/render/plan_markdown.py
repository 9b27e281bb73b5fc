"""One plan as Markdown, for the description of a pull request: all that its digest covers.

Works on the plan as it would be executed, never on a report of it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from stratus_cli.kube.by_hand import inverse_of
from stratus_cli.model.change import Reversibility
from stratus_cli.model.plan import Plan, Step
from stratus_cli.model.ref import Ref
from stratus_cli.render.markdown_safe import code, escape, fenced
from stratus_cli.render.plan_text import change_lines

LONGEST_DIFF = 400  # lines of one object: a reviewer reads all of it, but for a mass of generated


def plan_markdown(plan: Plan, digest: str, *, file: str = "plan.yaml") -> str:
    """Facts, each step with its diff and inverse, what is not sure, and how to execute it."""
    lines = [f"# Plan: {escape(plan.title)}", "", *_facts(plan, digest), ""]
    for number, step in enumerate(plan.steps, 1):
        lines += _step(step, number)
    for name, notes in (("Why these values", plan.sources), ("To know", plan.notes)):
        if notes:
            lines += [f"## {name}", "", *(f"- {escape(note)}" for note in notes), ""]
    execute = f"stratus mitigate --plan {shlex.quote(file)} --digest {digest}"
    lines += ["## To execute it", "", *fenced([execute], "console"), ""]
    lines.append(
        "It is refused on another cluster, after an edit, after it expires, and when a field that"
        " it depends on has changed. It is kept only if the success check holds and nothing else"
        " is worse; otherwise it is rolled back."
    )
    return "\n".join(lines) + "\n"


def _facts(plan: Plan, digest: str) -> list[str]:
    origin = f"runbook {plan.runbook}, {plan.candidate}" if plan.runbook else plan.candidate
    cluster = plan.cluster
    rows = [
        ("Plan", code(plan.id)),
        ("Cluster", f"{code(cluster.context)} {code(cluster.server)}, uid {code(cluster.uid)}"),
        ("From", escape(origin or "typed by hand")),
        ("Incident", code(plan.incident) if plan.incident else "none"),
        ("Risk", plan.risk.value),
        ("Targets", _refs(plan.targets) or "none"),
        ("Blast radius", _refs(plan.blast_radius) or "nothing beyond the objects below"),
        ("Stops on purpose", _refs(plan.stops) or "nothing"),
        ("Success check", escape(plan.success)),
        ("Made", f"{plan.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Expires", f"{plan.expires_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Digest", code(digest)),
    ]
    return ["| | |", "|---|---|", *(f"| {name} | {shown} |" for name, shown in rows)]


def _step(step: Step, number: int) -> list[str]:
    change = step.change
    lines = [
        f"## {number}. {change.operation} {code(change.ref)}",
        "",
        *fenced([step.kubectl], "console"),
        "",
        *fenced(change_lines(change, longest=LONGEST_DIFF, whole=True), "diff"),
        "",
        "Inverse:",
        "",
        *fenced([inverse_of(change)], "console"),
        "",
    ]
    remarks = [f"uid {code(step.uid)}" if step.uid else "a new object"]
    if step.depends:
        remarks.append(f"refused unless these are as when it was planned: {_codes(step.depends)}")
    if change.reversibility is not Reversibility.REVERSIBLE:
        remarks.append(f"**{change.reversibility.value}**")
    if not step.confirmed:
        because = f": {escape(step.unconfirmed)}" if step.unconfirmed else ""
        remarks.append(f"**not confirmed by the server**{because}")
    return [*lines, *(f"- {remark}" for remark in remarks), ""]


def _refs(refs: Iterable[Ref]) -> str:
    return ", ".join(code(ref) for ref in refs)


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(code(text) for text in texts)
