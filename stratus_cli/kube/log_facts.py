"""Log lines to facts: what failed and what it was about. Pure; the lines are data, no more.

A fact is what a program itself says. Whether it explains anything is for causes to decide:
`log_facts(snap)` gives all of a snapshot, `facts_of_pods` those of some pods.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from stratus_cli.kube import log_patterns as kinds
from stratus_cli.kube.evidence import log_evidence
from stratus_cli.kube.log_lines import is_routine, moments_of
from stratus_cli.kube.log_patterns import CONNECTION, HOST, PATTERNS, TRIGGERS, compiled
from stratus_cli.model.finding import Evidence
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import LogTail, Snapshot

SAID = timedelta(seconds=60)  # our choice: as long as what rules call the newest errors
LONGEST = 2000  # of a line that is looked at: what matters is said early

_PORT = r"(\d{1,5})(?!\w|[.:]\d)"
_TARGETS = (
    rf"upstream: \"?https?://({HOST}):{_PORT}",  # nginx
    rf"host=[\"']({HOST})[\"'], port={_PORT}",  # urllib3
    rf"dial \w{{2,5}} ({HOST}):{_PORT}",  # Go
    rf"(?:host|server at) [\"']?({HOST})[\"']?(?: \([^)]{{1,60}}\))?,?"
    rf"[^:\n]{{0,60}}? port {_PORT}",  # libpq
    rf"({HOST}) (?:\([^)]{{1,60}}\) )?port {_PORT}",  # curl
    rf"[a-z][a-z0-9+.-]{{1,20}}://(?:[^\s/@]{{1,200}}@)?({HOST}):{_PORT}",
    rf"({HOST})/[\d.]{{7,15}}:{_PORT}",  # Java: name/address:port
    rf"ipv4:({HOST}):{_PORT}",  # gRPC
    rf"(?<![\w.:/@-])((?:\d{{1,3}}\.){{3}}\d{{1,3}}|[A-Za-z](?:[\w.-]{{0,200}}\w)?):{_PORT}",
    rf"\([\"']({HOST})[\"'], {_PORT}\)",  # Python's asyncio
)
_HOSTS = (
    rf"[a-z][a-z0-9+.-]{{1,20}}://(?:[^\s/@]{{1,200}}@)?({HOST})(?![\w:])",
    rf"host=[\"']({HOST})[\"']",
    rf"remote host \(({HOST})\)",  # busybox
    rf"server on [\"']({HOST})[\"']",  # MySQL
)
_PORT_AT = re.compile(r"(?:(?::{1,3}|\bport[ =:]{1,2})(\d{1,5})(?![\w.]))", re.IGNORECASE)
_CANNOT = re.compile(
    r"user \"?(?P<user>system:serviceaccount:[\w.-]{1,253}:[\w.-]{1,253})\"? cannot "
    r"(?P<verb>\w{1,30}) (?:resource )?\"?(?P<resource>[\w./-]{1,100})\"?"
    r"(?: in API group \"(?P<group>[\w.-]{0,100})\")?"
    r"(?: (?:in the namespace \"(?P<namespace>[\w.-]{1,63})\"|at the cluster scope))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one line says. kind: of log_patterns. target: an address, file, variable, user, ...; "".

    An address is host:port, or host where no port is said.
    """

    kind: str
    target: str = ""

    @property
    def host(self) -> str:
        """Of an address."""
        host, colon, port = self.target.rpartition(":")
        return host if colon and port.isdigit() else self.target

    @property
    def port(self) -> int:
        """Of an address; 0 when it has none."""
        _, colon, port = self.target.rpartition(":")
        return int(port) if colon and port.isdigit() else 0


@dataclass(frozen=True, slots=True)
class LogFact:
    """The same thing said by one container. line: its last such line. count: in the lines read.

    first, last: when it was said, where the log's times are known.
    """

    said: Said
    pod: Ref
    container: str
    previous: bool
    line: str
    count: int
    first: datetime | None = None
    last: datetime | None = None

    @property
    def kind(self) -> str:
        """Of log_patterns."""
        return self.said.kind

    @property
    def target(self) -> str:
        """What it is about; ""."""
        return self.said.target

    @property
    def evidence(self) -> Evidence:
        """The line, to be read again."""
        return log_evidence(self.pod, self.container, previous=self.previous, line=self.line)


@dataclass(frozen=True, slots=True)
class Denied:
    """What the API server did not allow. group: "" for core; namespace: "" for the cluster."""

    user: str
    verb: str
    resource: str
    group: str
    namespace: str


@lru_cache(maxsize=16384)
def said(line: str) -> Said | None:
    """What a line says went wrong, or None. The first kind that fits."""
    text = line[:LONGEST].replace('\\"', '"')
    lowered = text.lower()
    kinds_there = {
        kind for kind, words in TRIGGERS.items() if any(word in lowered for word in words)
    }
    for kind, pattern, flags in PATTERNS if kinds_there else ():
        match = compiled(pattern, flags).search(text) if kind in kinds_there else None
        if match is None:
            continue
        about = next((item for item in match.groups() if item), "") if match.groups() else ""
        return Said(kind, _about(kind, about, text))
    return None


def denied(line: str) -> Denied | None:
    """Who may not do what, from the API server's own words anywhere in the line."""
    match = _CANNOT.search(line[:LONGEST].replace('\\"', '"'))
    if match is None:
        return None
    resource, _, group = match["resource"].partition(".")
    return Denied(
        match["user"], match["verb"], resource, match["group"] or group, match["namespace"] or ""
    )


def log_facts(snap: Snapshot) -> tuple[LogFact, ...]:
    """Everything that the logs of a snapshot say goes wrong, by pod, container and first seen.

    Of containers that work only what they said within SAID: a log keeps what is over.
    """
    return tuple(
        fact for tail in snap.signals.logs for fact in facts_of(tail) if _is_now(fact, snap)
    )


def facts_of_pods(snap: Snapshot, pods: Iterable[Ref], *wanted: str) -> tuple[LogFact, ...]:
    """Those of these pods, of these kinds (all when none is named)."""
    refs = set(pods)
    return tuple(
        fact
        for tail in snap.signals.logs
        if tail.pod in refs
        for fact in facts_of(tail)
        if (not wanted or fact.kind in wanted) and _is_now(fact, snap)
    )


def _is_now(fact: LogFact, snap: Snapshot) -> bool:
    return fact.last is None or snap.taken_at - fact.last <= SAID


def facts_of(tail: LogTail) -> Iterator[LogFact]:
    """Each thing that a tail says, once."""
    found: dict[Said, LogFact] = {}
    for line, at in zip(tail.lines, moments_of(tail), strict=True):
        # Of a program that works, what it calls information is none; one that waits to be ready
        # may say calmly what it waits for.
        what = None if tail.times and is_routine(line) else said(line)
        if what is None:
            continue
        known = found.get(what)
        if known is None:
            found[what] = LogFact(what, tail.pod, tail.container, tail.previous, line, 1, at, at)
        else:
            found[what] = replace(known, line=line, count=known.count + 1, last=at or known.last)
    yield from found.values()


def _about(kind: str, about: str, text: str) -> str:
    if kind == kinds.ADDRESS_IN_USE:
        match = _PORT_AT.search(text)
        return match[1] if match else ""
    if kind == kinds.UNRESOLVED and about:
        return about.rstrip(".")
    if kind in CONNECTION:
        return about or _address(text)
    return about


def _address(text: str) -> str:
    """host:port, or host, of what was called; ""."""
    for pattern in _TARGETS:
        match = compiled(pattern, re.IGNORECASE).search(text)
        if match is not None and 0 < int(match[2]) < 65536:
            return f"{match[1]}:{match[2]}"
    for pattern in _HOSTS:
        match = compiled(pattern, re.IGNORECASE).search(text)
        if match is not None:
            return match[1]
    return ""
