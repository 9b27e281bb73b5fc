"""A report for the person at the terminal. The first line is the answer.

Must not decide anything: it shows what the report holds, with the command that comes next.
"""

from __future__ import annotations

from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.health import TransactionState
from stratus_cli.model.report import TRIED, Report, TransactionReport
from stratus_cli.render.health_text import health_line
from stratus_cli.render.incident_text import STYLE, fold, headline, incident_page
from stratus_cli.render.page import Page
from stratus_cli.render.plan_text import candidate_page
from stratus_cli.render.safe import clean, count, seconds
from stratus_cli.render.transaction_text import MEANS, transaction_page

_WRITING = ("mitigate", "run", "undo", "recover")


def report_page(report: Report, *, journal: str = "", verbose: bool = False) -> Page:
    """The whole report."""
    page = Page()
    page.line((first_line(report), "bold"))
    page.line((_scope(report), "dim"))
    first = clean(first_line(report))
    for note in report.notes:
        if clean(note) != first:  # an undo that was only looked at has its answer there
            page.line(clean(note))
    detail = verbose or report.command == "diagnose"
    for number, incident in enumerate(report.incidents, 1):
        page.blank()
        step = _next_step(report, incident.id)
        page.add(incident_page(incident, number, detail=detail, next_step=step))
        if report.command in ("plan", "run", "mitigate"):
            page.add(_candidates(report, incident.id), indent=3)
        page.add(_transactions(report, incident.id, journal), indent=3)
        for lesson in _not_told(report, incident.id):
            page.field("learnt", clean(lesson))
    known = {incident.id for incident in report.incidents}
    for tx in report.transactions:
        if tx.incident not in known or report.command in ("undo", "recover"):
            page.blank()
            page.add(transaction_page(tx, journal=journal))
    for key in report.candidates.keys() - known:  # typed by hand: of no incident
        page.add(_candidates(report, key))
    page.add(_rest(report, verbose=verbose))
    return page


def first_line(report: Report) -> str:
    """The answer."""
    if report.command in ("undo", "recover"):
        return _undo_line(report)
    if report.transactions:
        return _outcome_line(report)
    if report.command in ("run", "mitigate") and report.incidents:
        return f"nothing written; {_found_line(report)}"
    if report.command == "plan" and not report.incidents and any(report.candidates.values()):
        plans = [item for items in report.candidates.values() for item in items if item.plan]
        return f"{count(len(plans), 'plan')} that can be made" if plans else "no plan can be made"
    return _found_line(report)


def loose_findings(report: Report) -> tuple[Finding, ...]:
    """Findings that no incident explains."""
    explained = {symptom.key for incident in report.incidents for symptom in incident.symptoms}
    return tuple(finding for finding in report.findings if finding.key not in explained)


def _found_line(report: Report) -> str:
    if report.incidents:
        shown = "; ".join(headline(incident) for incident in report.incidents[:3])
        more = f"; and {len(report.incidents) - 3} more" if len(report.incidents) > 3 else ""
        return f"{count(len(report.incidents), 'incident')}: {shown}{more}"
    loose = [item for item in loose_findings(report) if item.severity > Severity.HYGIENE]
    if loose:
        worst = max(loose, key=lambda item: item.severity)
        return (
            f"no incident, {count(len(loose), 'finding')}: {clean(worst.message)}"
            f" ({clean(worst.ref)}) - {worst.severity.label}"
        )
    from stratus_cli.kube.kinds import BY_KIND

    unread = [gap.subject for gap in report.gaps if gap.subject in BY_KIND]
    core = [kind for kind in dict.fromkeys(unread) if BY_KIND[kind].core]
    if core:
        return f"nothing found, but {', '.join(core)} could not be read"
    if report.health is not None and report.command == "health":
        return health_line(report.health)
    return "nothing wrong"


def _outcome_line(report: Report) -> str:
    last = {tx.incident or tx.id: tx for tx in report.transactions}
    titles = {incident.id: headline(incident) for incident in report.incidents}
    parts = []
    for key, tx in last.items():
        state = "OPEN" if tx.open else tx.state.value
        parts.append(f"{state}: {titles.get(key) or clean(_title(tx))}")
    left = [incident for incident in report.incidents if incident.id not in last]
    if left:
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        parts.append(f"not touched: {headline(left[0])}{more}")
    return "; ".join(parts)


def _undo_line(report: Report) -> str:
    if not report.transactions:
        return report.notes[0] if report.notes else "nothing to do"
    parts = []
    for tx in report.transactions:
        state = "OPEN" if tx.open else tx.state.value
        parts.append(f"{state}: {clean(_title(tx))}; {_became(report, tx)}")
    return "; ".join(parts)


def _became(report: Report, tx: TransactionReport) -> str:
    """What the end of an undo or of a recovery means for the cluster."""
    if tx.open:
        return "still open"
    if report.command == "undo" and tx.state is TransactionState.COMMITTED:
        return "taken back, every field reads as before"
    return MEANS[tx.state]


def _title(tx: TransactionReport) -> str:
    return tx.plan.title if tx.plan is not None else tx.id


def _scope(report: Report) -> str:
    scope = report.scope
    total = scope.total or len(scope.read)
    read = f"read {len(scope.read)} of {count(total, 'namespace')}"
    asked = f" (asked: {', '.join(map(clean, scope.asked))})" if scope.asked else ""
    cluster = clean(report.cluster.context or report.cluster.server)
    if not total:  # it looked at the objects of a transaction alone
        return f"cluster {cluster} at {report.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{read}{asked} of {cluster} at {report.taken_at:%Y-%m-%d %H:%M:%S} UTC"


def _next_step(report: Report, incident_id: str) -> str:
    if report.command == "detect":
        return f"stratus diagnose --incident {incident_id}"
    if report.command == "diagnose":
        return f"stratus mitigate --incident {incident_id}"
    offered = any(item.plan for item in report.candidates.get(incident_id, ()))
    if report.command == "plan" and offered:
        return f"stratus mitigate --incident {incident_id}"
    return ""


def _candidates(report: Report, incident_id: str) -> Page:
    """Plans, unless the transactions already tell what was done with them."""
    page = Page()
    candidates = report.candidates.get(incident_id)
    if candidates is None:
        return page
    ours = (tx for tx in report.transactions if tx.incident == incident_id)
    tried = {tx.plan.id for tx in ours if tx.plan is not None}
    for number, candidate in enumerate(candidates, 1):
        if tried and (candidate.plan is None or candidate.plan.id not in tried):
            continue
        page.blank()
        page.add(candidate_page(candidate, number))
    if not candidates:
        page.line("no plan: no runbook treats this cause with what is known", indent=0)
    return page


def _not_told(report: Report, incident_id: str) -> tuple[str, ...]:
    """Lessons that stand in no plan shown above: those after which nothing more was tried."""
    plans = [tx.plan for tx in report.transactions if tx.plan is not None]
    told = {note for plan in plans for note in plan.notes}
    learnt = report.learnt.get(incident_id, ())
    return tuple(lesson for lesson in learnt if f"{TRIED}{lesson}" not in told)


def _transactions(report: Report, incident_id: str, journal: str) -> Page:
    page = Page()
    if report.command in _WRITING[:2]:
        for tx in report.transactions:
            if tx.incident == incident_id:
                page.add(transaction_page(tx, journal=journal))
    return page


def _rest(report: Report, *, verbose: bool) -> Page:
    """Findings without an incident, gaps, undecided rules, times."""
    page = Page()
    loose = loose_findings(report)
    shown = [item for item in loose if verbose or item.severity > Severity.HYGIENE]
    if shown:
        page.blank()
        page.line(("Findings that no cause explains", "bold"))
        for severity in sorted({item.severity for item in shown}, reverse=True):
            for line in fold(tuple(item for item in shown if item.severity is severity)):
                page.line((f"{severity.label:<9}", STYLE[severity]), " ", line, indent=3)
    if len(loose) > len(shown):
        page.line((f"{count(len(loose) - len(shown), 'hygiene finding')} with -v", "dim"))
    if report.gaps:
        page.blank()
        for gap in report.gaps:
            where = f" in {clean(gap.namespace)}" if gap.namespace else ""
            detail = f" ({clean(gap.detail)})" if gap.detail else ""
            page.line(("not read: ", "yellow"), f"{gap.subject}{where}, {gap.reason.value}{detail}")
    for skip in report.skips if verbose else ():
        page.line(("not decided: ", "yellow"), f"{skip.rule}, {clean(skip.reason)}")
    if report.skips and not verbose:
        page.line((f"{count(len(report.skips), 'rule')} could not be decided; see -v", "dim"))
    timing = report.timing
    if timing.mitigate_s is not None:
        page.blank()
        page.line(
            (
                f"detect {seconds(timing.detect_s)}, diagnose {seconds(timing.diagnose_s)}, "
                f"mitigate {seconds(timing.mitigate_s)}, MTTR {seconds(timing.mttr_s)}",
                "dim",
            )
        )
    return page
