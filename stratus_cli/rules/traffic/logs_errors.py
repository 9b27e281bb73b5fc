"""SLO006 logs-errors: ready pods write errors, much of what they write.

Why it hurts: a program that answers errors is ready all the same, and its pods look well.

How we tell: of the newest lines of its ready pods at least a fifth are errors (by level, HTTP
status or words), at least five of them, over at least ten seconds, the last one just now, all of
them written since it and what it calls became ready. Degraded when that is new: its log was clean
before, or it, its configuration or something it calls was changed within the hour; or when most
lines are failed requests, or objects that the API server refuses. Else a risk: some programs always
write errors.

Not this when: a rollout has just ended; it happened once; the log's times are not known.

First look: `kubectl logs POD --since=5m`.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import log_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.lately import changed_at
from stratus_cli.kube.log_errors import MANY, Errors, errors_of_ready
from stratus_cli.kube.log_facts import said
from stratus_cli.kube.log_lines import status_of
from stratus_cli.kube.log_patterns import (
    AUTH_FAILED,
    BAD_QUERY,
    CONNECTION,
    LOCKED,
    OVERLOADED,
    TLS,
)
from stratus_cli.kube.operators import invalid_object
from stratus_cli.kube.pods import age_s
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity

META = RuleMeta(
    "SLO006", "logs-errors", Severity.DEGRADED, needs=("Pod", "ReplicaSet", "Deployment")
)

MOST = 0.5
LATELY_S = 3600.0  # our choice: who looks for a fault looks within the hour
SHOWN = 2
SERVER_ERROR = 500
FAILED_REQUESTS = CONNECTION | {AUTH_FAILED, BAD_QUERY, LOCKED, OVERLOADED, TLS}


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per owner of pods."""
    for errors in errors_of_ready(graph):
        if errors.share < MANY:
            continue
        new = errors.began or _is_changed(graph, errors)
        hurts = errors.share >= MOST and (_are_requests(errors) or _are_invalid(errors))
        _, _, line = errors.samples[0]
        yield META.finding(
            errors.owner,
            f"{errors.errors} of the newest {errors.lines} log lines of its ready pods are errors:"
            f" {line[:200]}",
            severity=Severity.DEGRADED if new or hurts else Severity.RISK,
            confidence=Confidence.MEDIUM if new or hurts else Confidence.LOW,
            evidence=tuple(
                log_evidence(pod, container, previous=False, line=line)
                for pod, container, line in errors.samples[:SHOWN]
            ),
        )


def _is_changed(graph: Graph, errors: Errors) -> bool:
    """It, what it reads or what it rests on was changed lately, before the newest error."""
    for ref in (errors.owner, *graph.calls.downstream(errors.owner)):
        item = graph.snap.find(ref)
        at = changed_at(graph, item) if item is not None else None
        if at is not None and age_s(graph, at) <= LATELY_S and at <= errors.last:
            return True
    return any(call.absent for call in graph.calls.of(errors.owner))


def _are_invalid(errors: Errors) -> bool:
    """An operator cannot make what it is asked for."""
    return any(invalid_object(pod, line) is not None for pod, _, line in errors.samples[:SHOWN])


def _are_requests(errors: Errors) -> bool:
    return any(
        status_of(line) >= SERVER_ERROR
        or ((what := said(line)) is not None and what.kind in FAILED_REQUESTS)
        for _, _, line in errors.samples
    )
