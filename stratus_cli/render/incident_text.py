"""An incident for a person: root, field, observed and expected, evidence, folded symptoms."""

from __future__ import annotations

from collections import defaultdict

from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.finding import Evidence, Finding, Severity
from stratus_cli.model.ref import Ref
from stratus_cli.render.page import Page
from stratus_cli.render.recheck import kubectl_for
from stratus_cli.render.safe import clean, count

STYLE = {
    Severity.OUTAGE: "bold red",
    Severity.DEGRADED: "bold yellow",
    Severity.RISK: "cyan",
    Severity.HYGIENE: "dim",
}
SHOWN_REFS = 3  # names of objects per folded line; the count says how many there are
SHOWN_EVIDENCE = 6


def incident_page(incident: Incident, number: int, *, detail: bool, next_step: str = "") -> Page:
    """One incident. detail: with evidence, rivals and how to re-check (diagnose)."""
    page = Page()
    label = incident.severity.label.upper()
    page.line(
        f"{number}. ",
        (label, STYLE[incident.severity]),
        "  ",
        (incident.title, "bold"),
        (f"  [{incident.id}]", "dim"),
    )
    for root in incident.roots:
        page.add(_root(root, detail=detail))
    for line in fold(incident.symptoms):
        page.field("explains", line)
    if detail:
        for moment in incident.history:
            when = f"{moment.at:%Y-%m-%d %H:%M:%S}Z"
            page.field("when", f"{when}  {clean(moment.ref)} {clean(moment.what)}")
        for rival in incident.rivals:
            page.add(_rival(rival))
    if next_step:
        page.field("next", (next_step, "bold"))
    return page


def headline(incident: Incident) -> str:
    """title (ref) - severity."""
    roots = incident.roots
    where = str(roots[0].root) if roots else "no root"
    more = f" and {len(roots) - 1} more" if len(roots) > 1 else ""
    return f"{clean(incident.title)} ({clean(where)}{more}) - {incident.severity.label}"


def fold(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """One line per rule and kind of object: count, message, first few objects."""
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[(finding.rule, finding.ref.kind)].append(finding)
    return tuple(_folded(rule, group) for (rule, _), group in groups.items())


def _folded(rule: str, group: list[Finding]) -> str:
    names = ", ".join(clean(item.ref) for item in group[:SHOWN_REFS])
    more = f" and {len(group) - SHOWN_REFS} more" if len(group) > SHOWN_REFS else ""
    times = f"{len(group)} x " if len(group) > 1 else ""
    return f"{times}{rule} {clean(group[0].message)} ({names}{more})"


def _root(root: Diagnosis, *, detail: bool) -> Page:
    page = Page()
    page.field("root", (clean(root.root), "bold"), f"  {clean(root.title)}" if detail else "")
    if root.field:
        page.field("field", clean(root.field))
    page.field("observed", (clean(root.observed), "red"))
    if root.expected is not None:
        page.field("expected", (clean(root.expected), "green"), _source(root))
    else:
        page.field("expected", "not known: nothing recorded says what it was")
    if detail:
        page.field("sure", f"{root.confidence:.0%}  (cause {root.cause})")
        page.add(_evidence(root.evidence))
    return page


def _source(root: Diagnosis) -> str:
    source = root.facts.get("source") or root.facts.get("known_good_source")
    return f"  ({clean(source)})" if isinstance(source, str) and source else ""


def _evidence(evidence: tuple[Evidence, ...]) -> Page:
    page = Page()
    for item in evidence[:SHOWN_EVIDENCE]:
        page.field("evidence", f"{clean(item.ref)} {clean(item.field)} = {clean(item.value)}")
        line = kubectl_for(item)
        if line:
            page.field("", (line, "dim"))
    if len(evidence) > SHOWN_EVIDENCE:
        page.field("", (f"{len(evidence) - SHOWN_EVIDENCE} more in -o json", "dim"))
    return page


def _rival(rival: Diagnosis) -> Page:
    page = Page()
    where = f"{clean(rival.root)} {clean(rival.field)}".strip()
    page.field("rival", f"{clean(rival.title)} ({where}), {rival.confidence:.0%} sure")
    if rival.check:
        page.field("", (f"to decide: {clean(rival.check)}", "dim"))
    return page


def names(refs: tuple[Ref, ...], limit: int = 6) -> str:
    """Refs in a row, cut with a count."""
    shown = ", ".join(clean(ref) for ref in refs[:limit])
    return f"{shown} and {count(len(refs) - limit, 'more', 'more')}" if len(refs) > limit else shown
