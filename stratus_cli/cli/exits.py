"""Exit codes: the one table (DESIGN.md, CLI contract). Scripts and CI jobs rely on them.

Must not print. A code is never re-used for another meaning.
"""

from __future__ import annotations

import signal

from stratus_cli.health.since import WORSE, since
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.finding import Severity
from stratus_cli.model.health import TransactionState
from stratus_cli.model.lifts import NO_REMEDY
from stratus_cli.model.plan import Candidate
from stratus_cli.model.report import Report, TransactionReport

OK = 0  # nothing wrong, or all that was asked is done
PROBLEMS = 1  # problems found or left
USAGE = 2
UNREAD = 3  # nothing found, but what decides the question could not be read
REFUSED = 4  # refused or declined, nothing written
ROLLED_BACK = 5  # rolled back, everything as before
NOT_RESTORED = 6  # not restored, or a transaction left open
UNREACHABLE = 7
DEFECT = 70  # a defect of Stratus
INTERRUPTED = {signum: 128 + signum for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}

WORST_FIRST = (NOT_RESTORED, DEFECT, UNREACHABLE, ROLLED_BACK, REFUSED, PROBLEMS, UNREAD, OK)

MEANINGS = {
    OK: "nothing wrong, or all that was asked is done",
    PROBLEMS: "problems found or left",
    USAGE: "usage: the command line or an input file cannot be used",
    UNREAD: "nothing found, but pods, workloads, Services or events could not be read",
    REFUSED: "refused or declined; nothing was written",
    ROLLED_BACK: "rolled back; everything is as before",
    NOT_RESTORED: "not restored, or a transaction was left open",
    UNREACHABLE: "the cluster is unreachable",
    DEFECT: "a defect of Stratus",
    129: "hung up (HUP), rolled back",
    130: "interrupted (INT), rolled back",
    143: "terminated (TERM), rolled back",
}

_WRITING = ("mitigate", "run")
_AS_BEFORE = (TransactionState.UNDONE, TransactionState.BLOCKED)
_BY_STATE = {
    TransactionState.COMMITTED: OK,
    TransactionState.UNDONE: ROLLED_BACK,
    TransactionState.BLOCKED: REFUSED,
    TransactionState.NEEDS_HUMAN: NOT_RESTORED,
}


def worst(codes: tuple[int, ...]) -> int:
    """The first of the codes in the order of precedence; OK when there are none."""
    return next((code for code in WORST_FIRST if code in codes), OK)


def exit_code(report: Report, *, fail_on: Severity = Severity.RISK, dry_run: bool = False) -> int:
    """The code of a finished command. Problems below fail_on are shown but do not count."""
    if report.command in ("undo", "recover"):
        return _of_transactions(report)
    if report.health is not None and report.health_before is not None:
        moved = since(report.health_before, report.health)
        if any(item.word in WORSE for item in moved):
            return PROBLEMS
        return UNREAD if core_gaps(report) else OK
    writing = report.command in _WRITING and not dry_run
    codes = [_of_incident(report, item, fail_on, writing) for item in report.incidents]
    known = {incident.id for incident in report.incidents}
    codes += [_of_attempt(tx) for tx in _last_attempts(report) if tx.incident not in known]
    if not writing and any(finding.severity >= fail_on for finding in report.findings):
        codes.append(PROBLEMS)
    code = worst(tuple(codes))
    return UNREAD if code == OK and core_gaps(report) else code


def core_gaps(report: Report) -> tuple[str, ...]:
    """Kinds without which "what is broken" is not answered, and which were not read."""
    subjects = dict.fromkeys(gap.subject for gap in report.gaps)
    return tuple(kind for kind in subjects if kind in BY_KIND and BY_KIND[kind].core)


def _of_incident(report: Report, incident: Incident, fail_on: Severity, writing: bool) -> int:
    attempts = [tx for tx in report.transactions if tx.incident == incident.id]
    if attempts:
        return _of_attempt(attempts[-1])
    if incident.severity < fail_on:
        return OK
    candidates = report.candidates.get(incident.id, ())
    return REFUSED if writing and any(map(_was_refused, candidates)) else PROBLEMS


def _was_refused(candidate: Candidate) -> bool:
    """A plan that nobody agreed to, or one that a check refused and that can be lifted.

    Where no remedy is known nothing was refused: the problem is left.
    """
    return candidate.refusal is None or candidate.refusal.check != NO_REMEDY


def _of_transactions(report: Report) -> int:
    """Undo and recover. A recovery that closed it with everything as before did what was asked."""
    codes = [
        OK
        if report.command == "recover" and tx.state in _AS_BEFORE and not tx.open
        else _of_attempt(tx)
        for tx in report.transactions
    ]
    return worst((*codes, REFUSED if report.is_refused else OK))


def _of_attempt(tx: TransactionReport) -> int:
    return NOT_RESTORED if tx.open else _BY_STATE[tx.state]


def _last_attempts(report: Report) -> tuple[TransactionReport, ...]:
    """The last transaction of each incident; transactions of no incident count one by one."""
    last: dict[str, TransactionReport] = {}
    for tx in report.transactions:
        last[tx.incident or tx.id] = tx
    return tuple(last.values())
