"""Markdown from a report document: the incident report, and a plan for a pull request.

Works on the document (render.document), so that a saved report renders the same later.
"""

from __future__ import annotations

from typing import Any

from stratus_cli.render.markdown_safe import code, escape, fenced
from stratus_cli.render.safe import clean, seconds, value

Document = dict[str, Any]


def render(document: Document) -> str:
    """What -o markdown gives: the plans where they were asked for, else the report."""
    return plan_text(document) if document["command"] == "plan" else incident_report(document)


def incident_report(document: Document) -> str:
    """What happened, why, what was done, when, and how to undo it."""
    lines = [f"# {escape(document['answer'])}", "", *_facts(document), ""]
    if document.get("notes"):
        lines += [*(f"- {escape(note)}" for note in document["notes"]), ""]
    for incident in document["incidents"]:
        lines += _incident(incident, document)
    if document["timeline"]:
        lines += ["## Timeline", "", "| UTC | What |", "|---|---|"]
        lines += [
            f"| {_clock(item['at'])} | {escape(item['what'])} |" for item in document["timeline"]
        ]
        lines.append("")
    if document["findings"]:
        lines += ["## Findings without a cause", ""]
        lines += [
            f"- {item['severity']}: {item['rule']} {escape(item['message'])} ({code(item['ref'])})"
            for item in document["findings"]
        ]
        lines.append("")
    if document["gaps"]:
        lines += ["## Not read", ""]
        lines += [
            f"- {gap['subject']}: {gap['reason']} {escape(gap['detail'])}".rstrip()
            for gap in document["gaps"]
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def plan_text(document: Document) -> str:
    """The plans of a report, for the description of a pull request."""
    lines = [f"# {escape(document['answer'])}", ""]
    for incident in document["incidents"]:
        lines += [f"## {escape(incident['title'])}", ""]
        for candidate in incident["candidates"]:
            lines += _candidate(candidate)
    for candidate in document["plans"]:
        lines += _candidate(candidate)
    return "\n".join(lines).rstrip() + "\n"


def _facts(document: Document) -> list[str]:
    timing = document["timing"]
    rows = [
        ("Cluster", code(document["cluster"]["context"] or document["cluster"]["uid"])),
        ("Observed", _clock(document["taken_at"]) + " UTC"),
        ("Time to detect", seconds(timing["detect_s"])),
        ("Time to diagnose", seconds(timing["diagnose_s"])),
        ("Time to mitigate", seconds(timing["mitigate_s"])),
        ("MTTR", seconds(timing["mttr_s"])),
    ]
    return ["| | |", "|---|---|", *(f"| {name} | {shown} |" for name, shown in rows)]


def _incident(incident: Document, document: Document) -> list[str]:
    state = incident["outcome"] or "not touched"
    lines = [
        f"## {escape(incident['title'])}",
        "",
        f"Incident `{incident['id']}`, {incident['severity']}, {state}.",
        "",
        "### Root cause",
        "",
    ]
    for root in incident["roots"]:
        lines += _root(root)
    if incident["rivals"]:
        lines += ["", "Not chosen:", ""]
        lines += [
            f"- {escape(rival['title'])} ({code(rival['ref'])}, {rival['confidence']:.0%})"
            + (f"; to decide: {code(rival['check'])}" if rival["check"] else "")
            for rival in incident["rivals"]
        ]
    if incident["symptoms"]:
        lines += ["", "### Symptoms it explains", ""]
        lines += [
            f"- {item['rule']} {escape(item['message'])} ({code(item['ref'])})"
            for item in incident["symptoms"]
        ]
    if incident.get("history"):
        lines += ["", "### When", ""]
        lines += [
            f"- {_clock(moment['at'])} UTC: {code(moment['ref'])} {escape(moment['what'])}"
            for moment in incident["history"]
        ]
    attempts = [tx for tx in document["transactions"] if tx["incident"] == incident["id"]]
    if incident.get("learnt"):
        lines += ["", "### What was learnt", ""]
        lines += [f"- {escape(lesson)}" for lesson in incident["learnt"]]
    if attempts:
        lines += ["", "### What was done", ""]
        for tx in attempts:
            lines += _attempt(tx, incident, document["journal"])
    lines.append("")
    return lines


def _root(root: Document) -> list[str]:
    expected = "not known" if root["expected"] is None else code(root["expected"])
    lines = [
        f"- {code(root['ref'])} {code(root['field']) if root['field'] else ''}".rstrip(),
        f"  - observed {code(root['observed'])}, expected {expected}",
    ]
    for item in root["evidence"]:
        lines.append(
            f"  - evidence: {code(item['ref'])} {code(item['field'])} = {code(item['value'])}"
        )
        if item["kubectl"]:
            lines.append(f"    re-check: {code(item['kubectl'])}")
    return lines


def _attempt(tx: Document, incident: Document, journal: str) -> list[str]:
    state = "OPEN" if tx["open"] else tx["state"]
    lines = [f"Transaction `{tx['id']}`: **{state}**. {escape(tx['why'])}", ""]
    for candidate in incident["candidates"]:
        if candidate["plan"] and candidate["plan"]["id"] == tx["plan"]:
            lines += _candidate(candidate)
    lines += [f"- left: {escape(difference)}" for difference in tx["unrestored"]]
    if state == "COMMITTED":
        where = f" --journal {journal}" if journal else ""
        lines += [f"To take it back: {code('stratus undo ' + tx['id'] + where)}", ""]
    return lines


def _candidate(candidate: Document) -> list[str]:
    plan = candidate["plan"]
    if plan is None:
        refusal = candidate["refusal"]
        reason = f"{refusal['check']}: {refusal['reason']}" if refusal else "no plan"
        lines = [f"- not offered: {escape(candidate['title'])}: {escape(reason)}"]
        if refusal and refusal["lift"]:
            lines.append(f"  - to lift it: {escape(refusal['lift'])}")
        return lines
    lines = [f"**{escape(plan['title'])}** (risk {candidate['risk']})", ""]
    for number, step in enumerate(plan["steps"], 1):
        changed = []
        for edit in step["changes"]:
            name = edit["field"] or step["ref"]
            changed += [f"- {clean(name)}: {value(edit['before'])}"] if "before" in edit else []
            changed += [f"+ {clean(name)}: {value(edit['after'])}"] if "after" in edit else []
        lines += [f"{number}. {code(step['kubectl'])}", "", *fenced(changed, "diff", indent=3)]
        lines += [f"   inverse: {code(step['inverse'])}", ""]
    if candidate["blast_radius"]:
        lines.append(f"- touches: {', '.join(code(ref) for ref in candidate['blast_radius'])}")
    lines.append(f"- success: {escape(plan['success'])}")
    lines += [f"- note: {escape(note)}" for note in plan["notes"]]
    return [*lines, ""]


def _clock(at: str | None) -> str:
    return "-" if at is None else at[:19].replace("T", " ")
