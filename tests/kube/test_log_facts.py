# ruff: noqa: E501  # log lines are as programs write them
"""What log lines say: kinds and targets in the words of common programs, and nothing of others."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.log_facts import denied, facts_of, log_facts, said
from stratus_cli.kube.log_lines import is_error, template
from stratus_cli.kube.log_patterns import PATTERNS, TRIGGERS, compiled
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import LogTail, Signals
from tests.cases.loader import snapshot

SAYS = [
    ("dial tcp 10.96.0.1:8080: connect: connection refused", "refused", "10.96.0.1:8080"),
    ("Error: connect ECONNREFUSED 10.0.0.1:8080", "refused", "10.0.0.1:8080"),
    ("java.net.ConnectException: Connection refused: geo/10.0.0.1:8080", "refused", "geo:8080"),
    (
        "HTTPConnectionPool(host='geo', port=8080): Max retries exceeded with url: / (Caused by"
        " NewConnectionError('[Errno 111] Connection refused'))", "refused", "geo:8080",
    ),
    ('{"level":"error","message":"upstream http://rate:8082 failed: [Errno 111] Connection refused"}', "refused", "rate:8082"),
    (
        '2026/11/24 12:00:00 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting'
        ' to upstream, client: 10.0.0.9, server: _, request: "GET / HTTP/1.1", upstream: "http://10.0.0.4:9090/"',
        "refused", "10.0.0.4:9090",
    ),
    (
        'psycopg2.OperationalError: connection to server at "db" (10.0.0.3), port 5432 failed: Connection refused',
        "refused", "db:5432",
    ),
    ("redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.", "refused", "redis:6379"),
    ("curl: (7) Failed to connect to geo port 80 after 2 ms: Connection refused", "refused", "geo:80"),
    ("wget: can't connect to remote host (10.0.0.1): Connection refused", "refused", "10.0.0.1"),
    ("dial tcp: lookup geo on 10.96.0.10:53: no such host", "unresolved", "geo"),
    ("Error: getaddrinfo ENOTFOUND geo.hotel.svc", "unresolved", "geo.hotel.svc"),
    ("wget: bad address 'geo:8080'", "unresolved", "geo"),
    ("curl: (6) Could not resolve host: geo", "unresolved", "geo"),
    ("java.net.UnknownHostException: geo: Name or service not known", "unresolved", "geo"),
    ("upstream http://geo:8080/ failed: [Errno -2] Name or service not known", "unresolved", "geo:8080"),
    ('nginx: [emerg] host not found in upstream "geo" in /etc/nginx/nginx.conf:3', "unresolved", "geo"),
    ("upstream http://geo:8080 failed: timed out", "timed-out", "geo:8080"),
    ("dial tcp 10.0.0.1:8080: i/o timeout", "timed-out", "10.0.0.1:8080"),
    ("dial tcp 10.0.0.1:8080: connect: no route to host", "unreachable", "10.0.0.1:8080"),
    ('FATAL: password authentication failed for user "app"', "auth-failed", "app"),
    ("Access denied for user 'app'@'10.0.0.1' (using password: YES)", "auth-failed", "app"),
    ("not authorized on geo-db to execute command { find: 1 }", "auth-failed", "geo-db"),
    ("NOAUTH Authentication required.", "auth-failed", ""),
    (
        'configmaps "x" is forbidden: User "system:serviceaccount:shop:web" cannot get resource '
        '"configmaps" in API group "" in the namespace "shop"', "forbidden", "system:serviceaccount:shop:web",
    ),
    ("x509: certificate has expired or is not yet valid", "expired", ""),
    ("KeyError: 'UPSTREAM_URL'", "missing-variable", "UPSTREAM_URL"),
    ("panic: environment variable DB_HOST is not set", "missing-variable", "DB_HOST"),
    ("missing required environment variable: DB_HOST", "missing-variable", "DB_HOST"),
    ('{"level":"error","message":"STORE_URL is required","name":"STORE_URL"}', "missing-variable", "STORE_URL"),
    ("sh: 1: DB_HOST: parameter not set", "missing-variable", "DB_HOST"),
    ("KeyError: 'timeout'", "missing-key", "timeout"),
    ("open /etc/app/config.json: no such file or directory", "missing-file", "/etc/app/config.json"),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/config/app.json'", "missing-file", "/config/app.json"),
    ("cannot read config /config/app.json: No such file or directory", "missing-file", "/config/app.json"),
    ("ModuleNotFoundError: No module named 'flask'", "missing-program", "flask"),
    ("sh: gunicornn: not found", "missing-program", "gunicornn"),
    ("java.lang.OutOfMemoryError: Java heap space", "out-of-memory", ""),
    ("OSError: [Errno 28] No space left on device: '/dev/shm/x'", "no-space", "/dev/shm/x"),
    ("accept4: too many open files", "too-many-files", ""),
    ("OSError: [Errno 99] Cannot assign requested address", "no-local-ports", ""),
    ("listen tcp :8080: bind: address already in use", "address-in-use", "8080"),
    ("OSError: [Errno 98] Address already in use", "address-in-use", ""),
    ("PermissionError: [Errno 13] Permission denied: '/data/x'", "permission-denied", "/data/x"),
    ("OSError: [Errno 30] Read-only file system: '/tmp/x'", "read-only", ""),
    ("cannot decode record at offset 42", "undecodable", "42"),
    ('ERROR: column "pricee" does not exist', "bad-query", "pricee"),
    ("ERROR: canceling statement due to lock timeout", "locked", ""),
    ("FATAL: sorry, too many clients already", "overloaded", ""),
    ("flag provided but not defined: -colour", "bad-config", "-colour"),
    ('{"level":"error","message":"upstream http://geo:8080/ failed: HTTP 502"}', "answered-error", "geo:8080"),
]  # fmt: skip

NOTHING = [
    "GET / 200 in 5 ms",
    '{"level":"info","message":"listening on port 8080"}',
    "server started with timeout=30s, request timeout: 5 s",
    "connected to redis:6379",
    "loaded config /etc/app/config.json",
    "2026-11-24T12:00:00Z INFO cache refreshed, 500 entries",
]


@pytest.mark.parametrize(("line", "kind", "target"), SAYS, ids=[item[0][:40] for item in SAYS])
def test_said(line: str, kind: str, target: str) -> None:
    """The kind and what it is about."""
    found = said(line)
    assert found is not None
    assert (found.kind, found.target) == (kind, target)


@pytest.mark.parametrize("line", NOTHING)
def test_nothing_said(line: str) -> None:
    """An ordinary line is no fact and no error."""
    assert said(line) is None
    assert not is_error(line)


def test_address_parts() -> None:
    """Host and port, where both are said."""
    found = said("dial tcp 10.0.0.1:8080: connect: connection refused")
    assert found is not None
    assert (found.host, found.port) == ("10.0.0.1", 8080)
    named = said("lookup geo on 10.96.0.10:53: no such host")
    assert named is not None
    assert (named.host, named.port) == ("geo", 0)


def test_denied() -> None:
    """Each part of the API server's refusal, also inside a JSON string."""
    line = (
        r'{"msg":"leases is forbidden: User \"system:serviceaccount:ops:op\" cannot update resource'
        r' \"leases\" in API group \"coordination.k8s.io\" in the namespace \"ops\""}'
    )
    found = denied(line)
    assert found is not None
    assert (found.user, found.verb, found.resource) == (
        "system:serviceaccount:ops:op", "update", "leases",
    )  # fmt: skip
    assert (found.group, found.namespace) == ("coordination.k8s.io", "ops")
    assert denied("connection refused") is None


def test_facts_of_a_tail() -> None:
    """Each thing once, with its count, last line and times."""
    line = "dial tcp 10.0.0.1:8080: connect: connection refused"
    times = tuple(datetime(2026, 11, 24, 12, 0, second, tzinfo=UTC) for second in range(3))
    tail = LogTail(Ref("Pod", "shop", "web-1"), "web", False, ("fine", line, line), times)
    [fact] = facts_of(tail)
    assert (fact.count, fact.first, fact.last, fact.line) == (2, times[1], times[2], line)
    assert fact.evidence.value == line
    logs = Signals(logs=(tail,))
    assert log_facts(snapshot([], signals=logs)) == (fact,)
    later = snapshot([], at="2026-11-24T12:05:00Z", signals=logs)
    assert log_facts(later) == ()  # it is over


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('{"level":"error","message":"x"}', True),
        ('{"level":30,"msg":"error count 0"}', False),
        ('{"level":50,"msg":"x"}', True),
        ("level=error msg=x", True),
        ("E1124 12:00:00.000000       1 x.go:1] x", True),
        ("I1124 12:00:00.000000       1 x.go:1] error budget", False),
        ("2026-11-24 12:00:00,123 - ERROR - x", True),
        ("2026-11-24 12:00:00,123 [main] INFO  c.x.Y - failed over to replica", False),
        ('10.0.0.1 - - [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 502 12', True),
        ('10.0.0.1 - - [24/Nov/2026:12:00:00 +0000] "GET /error HTTP/1.1" 200 12', False),
        ("Traceback (most recent call last):", True),
        ("done: 0 errors", False),
        ("fail: Microsoft.AspNetCore.Server.Kestrel[13]", True),
        ("info: error pages are served from /errors", False),
        ('{"t":{"$date":"2026-11-24T12:00:00Z"},"s":"E","c":"NETWORK","msg":"x"}', True),
        ("2026-11-24 12:00:00.000 UTC [7] ERROR:  column x", True),
        ("2026-11-24 12:00:00.000 UTC [7] LOG:  checkpoint complete", False),
        ("[2026-11-24 12:00:00.000][1][warning][config] gRPC config stream failed", False),
        ("WARNING:root:retrying after error", False),
        ("time=2026-11-24T12:00:00Z level=ERROR msg=x", True),
    ],
)  # fmt: skip
def test_is_error(line: str, wrong: bool) -> None:
    """By status, level, or words."""
    assert is_error(line) == wrong


def test_information_of_a_program_that_works_is_no_fact() -> None:
    """And of one that does not, it is."""
    line = '{"level":"info","message":"db:5432: connection refused, waiting"}'
    pod, at = Ref("Pod", "shop", "web-1"), datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert list(facts_of(LogTail(pod, "web", False, (line,), (at,)))) == []
    [fact] = facts_of(LogTail(pod, "web", False, (line,)))
    assert fact.target == "db:5432"
    warned = line.replace("info", "warn")
    assert list(facts_of(LogTail(pod, "web", False, (warned,), (at,))))


def test_template() -> None:
    """Lines that differ in what varies have one template; others do not."""
    one = "2026-11-24T12:00:00Z ERROR order 42 of 10.0.0.1 failed after 3.5ms"
    other = "2026-11-24T12:10:09.5Z ERROR order 7 of 10.0.0.2 failed after 12ms"
    assert template(one) == template(other)
    assert template(one) != template("ERROR order lost")


WORDS = sorted(
    {
        word
        for _, pattern, _ in PATTERNS
        for word in re.findall(r"[A-Za-z][A-Za-z'_ -]{2,}", pattern)
    }
    | {"X_Y", "'a'", "/a/b", "503", "offset 7", "http://a:80", "-x", ":"}
)


@given(st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from([" ", ": ", ""]))
def test_words_hide_nothing(words: list[str], between: str) -> None:
    """What a pattern matches has one of its kind's words."""
    text = between.join(words)
    for kind, pattern, flags in PATTERNS:
        if compiled(pattern, flags).search(text):
            assert any(word in text.lower() for word in TRIGGERS[kind]), (kind, pattern)


@given(st.text(max_size=3000))
def test_hostile(line: str) -> None:
    """Any text: an answer, no exception."""
    said(line)
    denied(line)
    is_error(line)
    template(line)


@pytest.mark.parametrize(
    "line", ["a:" * 8000, "/" * 8000, "A_" * 8000, "http://a@" * 2000, "config " * 2000, "\"'" * 8000, "1." * 8000, "a" * 8000, "port " * 3000, "500 " * 3000, "decod offset=" * 1000]
)  # fmt: skip
def test_no_line_takes_long(line: str) -> None:
    """What is made to be slow is not."""
    start = time.process_time()
    said(line)
    is_error(line)
    template(line)
    assert time.process_time() - start < 1
