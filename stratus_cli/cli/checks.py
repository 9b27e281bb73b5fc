"""The checks of `stratus doctor`. Each one reads and returns what it saw; none changes anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from stratus_cli.cli import exits
from stratus_cli.cli.agents import INSTALL, installed
from stratus_cli.cli.session import Session
from stratus_cli.kube.kinds import OBSERVED
from stratus_cli.model.errors import StratusError
from stratus_cli.model.ref import Ref
from stratus_cli.render.checks_text import Check

CLOCK_SKEW_S = 10.0  # a Lease lives 30 s or less; a third of that is no longer harmless
LEASE_AGE_S = 60.0  # kubelets renew every 10 s (nodeLeaseDurationSeconds 40 / 4)

# What each writing stage must be allowed to do, on a namespace's objects.
WRITES = (
    ("update", "Deployment"),
    ("update", "StatefulSet"),
    ("update", "DaemonSet"),
    ("update", "Service"),
    ("update", "ConfigMap"),
    ("create", "ConfigMap"),
    ("update", "ResourceQuota"),
    ("delete", "Pod"),
)
LOCKS = (("create", "Lease"), ("update", "Lease"), ("delete", "Lease"))


def all_checks(run: Session) -> tuple[Check, ...]:
    """In the order in which a person would repair them; without a cluster only the first few."""
    checks = [_configuration(run), _agents()]
    reached = _guarded("cluster", lambda: _cluster(run), exits.UNREACHABLE)
    checks.insert(0, reached)
    if not reached.ok:
        return tuple(checks)
    checks[1:1] = [
        _guarded("read", lambda: _reads(run)),
        _guarded("mitigate", lambda: _allowed(run, "mitigate", WRITES)),
        _guarded("lock", lambda: _allowed(run, "lock", LOCKS)),
        _guarded("clock", lambda: _clock(run)),
        *_telemetry(run),
        _guarded("journal", lambda: _journal(run)),
    ]
    return tuple(checks)


def _guarded(name: str, check: Callable[[], Check], code: int = exits.PROBLEMS) -> Check:
    try:
        return check()
    except StratusError as error:
        where = f": {error.where}" if error.where else ""
        return Check(name, False, f"{error.what}{where}", error.hint, code)


def _configuration(run: Session) -> Check:
    path = run.wiring.config_file()
    present = path.exists()
    shown = f"{path}" if present else f"none at {path}, defaults are used"
    return Check("configuration", True if present else None, shown)


def _agents() -> Check:
    if installed():
        return Check("agents", True, "the extra is installed")
    return Check("agents", None, "the extra is not installed (only --agents needs it)", INSTALL)


def _cluster(run: Session) -> Check:
    clock = run.wiring.clock()
    before = clock.monotonic()
    identity = run.identity
    took_ms = (clock.monotonic() - before) * 1000
    return Check(
        "cluster",
        True,
        f"{identity.context} {identity.server} as {identity.user or 'unknown user'},"
        f" Kubernetes {identity.version or 'version unknown'}, {took_ms:.0f} ms",
    )


def _reads(run: Session) -> Check:
    """Lists what detect lists; a kind that is not served is no problem."""
    from stratus_cli.flow.observe import ScopeRequest, observe
    from stratus_cli.model.snapshot import GapReason

    snap = observe(run.ports, ScopeRequest(run.options.asked))
    kinds = {info.kind for info in OBSERVED}
    missing = [gap for gap in snap.gaps if gap.subject in kinds]
    hurting = [gap for gap in missing if gap.reason is not GapReason.NOT_SERVED]
    total = sum(len(items) for items in snap.objects.values())
    if not hurting:
        names = len(snap.scope.read)
        return Check(
            "read", True, f"{total} objects of {len(snap.objects)} kinds, {names} namespaces"
        )
    shown = ", ".join(f"{gap.subject} {gap.reason.value}" for gap in hurting)
    return Check("read", False, shown, "Ask for get and list on these kinds; the rest is judged.")


def _allowed(run: Session, name: str, wanted: tuple[tuple[str, str], ...]) -> Check:
    namespace = run.options.asked[0] if run.options.asked else "default"
    answers = {
        f"{verb} {kind}": run.cluster.allowed(verb, Ref(kind, namespace, "any"))
        for verb, kind in wanted
    }
    denied = [what for what, answer in answers.items() if answer is False]
    unknown = [what for what, answer in answers.items() if answer is None]
    where = f"in namespace {namespace}"
    if denied:
        hint = "--no-lease goes on without it" if name == "lock" else "reading works without it"
        return Check(name, None, f"may not {', '.join(denied)} {where}", hint)
    if unknown:
        return Check(name, None, f"not known whether you may {', '.join(unknown)} {where}")
    return Check(name, True, f"all that it needs is allowed {where}")


def _clock(run: Session) -> Check:
    """The newest node Lease against our clock: kubelets write their own time into it."""
    now = run.wiring.clock().now()
    newest: datetime | None = None
    for page in run.cluster.list_pages("Lease", "kube-node-lease"):
        for item in json.loads(page).get("items") or ():
            renewed = _time(item)
            if renewed is not None and (newest is None or renewed > newest):
                newest = renewed
    if newest is None:
        return Check("clock", None, "no node Lease to compare with")
    ahead_s = (newest - now).total_seconds()
    if ahead_s > CLOCK_SKEW_S:
        detail = f"this clock is at least {ahead_s:.0f} s behind the nodes'"
        return Check("clock", False, detail, "Set the time (NTP); Leases and alerts depend on it.")
    if ahead_s < -LEASE_AGE_S:
        old = f"the newest node Lease is {-ahead_s:.0f} s old"
        detail = f"{old}: this clock is ahead, or no kubelet runs"
        return Check("clock", False, detail, "Compare `date -u` here and on a node.")
    return Check("clock", True, f"newest node Lease {abs(ahead_s):.0f} s away")


def _time(item: dict[str, Any]) -> datetime | None:
    text = (item.get("spec") or {}).get("renewTime")
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _telemetry(run: Session) -> list[Check]:
    """Each source is read once on its own, over an empty snapshot."""
    from stratus_cli.model.snapshot import Snapshot

    checks = []
    ports = run.ports
    for source in ports.sources:
        snap = Snapshot(ports.clock.now(), run.identity, {})
        try:
            snap = source.read(snap)
        except StratusError as error:
            checks.append(Check(source.name, None, error.what, error.hint))
            continue
        gaps = [gap for gap in snap.gaps if gap.subject == source.name]
        detail = f"{gaps[0].reason.value} {gaps[0].detail}".strip() if gaps else "answers"
        hint = f"Without it health has no such term; give --{source.name}-url." if gaps else ""
        checks.append(Check(source.name, None if gaps else True, detail, hint))
    return checks


def _journal(run: Session) -> Check:
    from stratus_cli.journal.file import read_entries

    path = run.journal_path
    if not path.exists():
        return Check("journal", True, f"none yet; it will be {path}")
    entries = read_entries(path)
    left = run.open_transactions()
    if left:
        names = ", ".join(tx.id for tx in left)
        hint = f"stratus recover --journal {path}"
        return Check("journal", False, f"OPEN transaction {names}", hint, exits.NOT_RESTORED)
    return Check("journal", True, f"{len(entries)} records, chain whole, {path}")
