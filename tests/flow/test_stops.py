"""What a plan stops on purpose is what it suspends, and only if that is a root itself."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.flow.stops import stopped
from stratus_cli.kube.graph import Graph
from stratus_cli.model.change import Change, JsonObject
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.finding import Severity
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of
from tests.cases.loader import manifests, snapshot

CRON_JOB = Ref("CronJob", "shop", "report", "batch/v1")
JOB = Ref("Job", "shop", "report-1", "batch/v1")


def _incident(*roots: Ref) -> Incident:
    made = tuple(Diagnosis("c", "t", root, "", "", None, 1.0) for root in roots)
    return Incident("i", Severity.DEGRADED, "t", made)


def _suspending(ref: Ref, before: Any = None) -> Change:  # JSON
    def state(value: Any) -> JsonObject:  # JSON
        meta = {"name": ref.name, "namespace": ref.namespace}
        spec = {} if value is None else {"suspend": value}
        return {"apiVersion": "batch/v1", "kind": ref.kind, "metadata": meta, "spec": spec}

    return Change(ref, state(before), state(True))


def _graph(*more: dict[str, Any]) -> Graph:
    return Graph(snapshot([*manifests("batch-healthy.yaml"), *more]))


@pytest.mark.parametrize("ref", [CRON_JOB, JOB])
def test_a_root_and_the_run_that_it_made(ref: Ref) -> None:
    """A suspended CronJob that is a root is listed, and so is its Job."""
    assert stopped(_graph(), _incident(CRON_JOB), [_suspending(ref)]) == (ref,)


def test_what_is_no_root_is_not_stopped_on_purpose() -> None:
    """Its going away counts as worst."""
    other = Ref("Deployment", "shop", "web", "apps/v1")
    assert stopped(_graph(), _incident(other), [_suspending(CRON_JOB)]) == ()
    assert stopped(_graph(), None, [_suspending(CRON_JOB)]) == ()


def test_what_a_service_selects_is_not_stopped_on_purpose() -> None:
    """Somebody calls it."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "shop", "uid": "u-s"},
        "spec": {"selector": {"job-name": "report-1"}, "ports": [{"port": 80}]},
    }
    graph = _graph(service)
    assert stopped(graph, _incident(JOB), [_suspending(JOB)]) == ()
    assert stopped(graph, _incident(CRON_JOB), [_suspending(CRON_JOB)]) == (CRON_JOB,)


def test_what_was_suspended_before_is_not_stopped_by_us() -> None:
    """The plan changes nothing about it."""
    graph = _graph()
    assert stopped(graph, _incident(CRON_JOB), [_suspending(CRON_JOB, before=True)]) == ()
    assert ref_of(graph.snap.objects["CronJob"][0]) == CRON_JOB
