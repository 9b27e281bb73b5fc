"""A caller that ends because whom it calls is down is a victim; else it has its own incident."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.flow.folding import fold
from stratus_cli.kube.graph import Graph
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.finding import Confidence, Finding, Severity
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import LogTail, Signals
from tests.cases import loader
from tests.cases.loader import snapshot, snapshot_of
from tests.kube.test_calls import SPACES, deployment, of, service

CASES = Path(loader.__file__).parent / "causes"
REFUSED = "dial tcp: connect to web:80: connection refused"
OWN = "panic: index out of range [3] with length 3"


def _caller() -> list[dict[str, Any]]:
    """Deployment api, which calls web and keeps ending."""
    body = yaml.safe_load((CASES / "object-changed.yaml").read_text())
    return copy.deepcopy(body["shared"][:3])


def diagnosed(line: str) -> tuple[Incident, ...]:
    """web's image does not exist; api ends with this line."""
    waiting = {"reason": "ImagePullBackOff", "message": "manifest unknown: not found"}
    status = {"name": "web", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    down = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-24T11:57:00Z"}
    pod = {"status.containerStatuses[name=web]": status, "status.conditions[type=Ready]": down}
    gone = {"status.availableReplicas": "(gone)", "status.readyReplicas": "(gone)"}
    snap = snapshot_of(
        {
            "given": ["shop-healthy.yaml"],
            "add": _caller(),
            "set": {
                "Pod/web-7d4b9c-aaaaa": pod,
                "Pod/web-7d4b9c-bbbbb": pod,
                "Deployment/web": gone,
                "EndpointSlice/web-x7k2p": {"endpoints": None},
            },
            "logs": [{"pod": "api-1-x", "container": "api", "previous": True, "lines": [line]}],
        }
    )
    return diagnose(detect(snap))


def test_a_victim_is_told_with_its_cause() -> None:
    """One incident, whose root is the image that is missing."""
    (incident,) = diagnosed(REFUSED)
    assert [root.root.short for root in incident.roots] == ["Deployment/web"]
    assert "Pod/api-1-x" in {finding.ref.short for finding in incident.symptoms}


@pytest.mark.parametrize("line", [OWN, "all is well"])
def test_a_program_with_trouble_of_its_own_is_no_victim(line: str) -> None:
    """Its logs do not speak of whom it calls."""
    symptoms = [{item.ref.short for item in incident.symptoms} for incident in diagnosed(line)]
    assert len(symptoms) == 2
    assert not any({"Pod/api-1-x", "Pod/web-7d4b9c-aaaaa"} <= names for names in symptoms)


def running(name: str, env: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """A Deployment with its ReplicaSet and pod, and a Service."""
    made = deployment(name, env)
    owned = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": made["spec"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": made["spec"]["template"]["spec"]}
    for item, above, suffix in ((owned, made, "-1"), (pod, owned, "-1-x")):
        owner = {"apiVersion": above["apiVersion"], "kind": above["kind"], "controller": True}
        owner |= {key: above["metadata"][key] for key in ("name", "uid")}
        item["metadata"] = {
            "name": name + suffix, "namespace": "shop", "uid": f"u-{name}{suffix}",
            "labels": {"app": name}, "ownerReferences": [owner],
        }  # fmt: skip
    return [made, owned, pod, service(name)]


def calling(logs: dict[str, str]) -> Graph:
    """front calls catalog, which calls store; the line that each one's pod logs."""
    items = [
        *running("front", {"UP": "http://catalog:80"}),
        *running("catalog", {"STORE": "http://store:80"}),
        *running("store"),
    ]
    tails = tuple(
        LogTail(of("Pod", f"{name}-1-x"), "app", previous=False, lines=(line,))
        for name, line in logs.items()
    )
    return Graph(snapshot([*SPACES, *items], signals=Signals(logs=tails)))


def accused(name: str, rule: str = "SLO001") -> Finding:
    return Finding(rule, Severity.DEGRADED, Confidence.MEDIUM, of("Deployment", name), "errs")


def root(ref: Ref, confidence: float, *explains: tuple[str, str]) -> Diagnosis:
    return Diagnosis(
        cause="x", title="x", root=ref, field="", observed="", expected=None, evidence=(),
        confidence=confidence, explains=tuple((rule, of("Deployment", name))
        for rule, name in explains), check="",
    )  # fmt: skip


HINT = root(of("ConfigMap", "flags"), 0.45, ("SLO001", "front"), ("SLO006", "front"))


def test_a_hint_on_what_calls_nothing_gives_way_to_what_its_victims_call() -> None:
    """A ConfigMap that somebody edited, where the service behind its reader has no endpoints."""
    graph = calling({"front": "call to catalog:80 failed"})
    findings = [accused("front"), accused("front", "SLO006"), accused("catalog", "WRK201")]
    strong = root(of("Deployment", "catalog"), 0.85, ("WRK201", "catalog"))
    assert fold(graph, findings, [HINT, strong]) == ([strong], [HINT])
    named = replace(HINT, confidence=0.6)  # some line of its reader's log has the key's name
    assert fold(graph, findings, [named, strong]) == ([strong], [named])


def test_a_service_speaks_by_the_workload_behind_it() -> None:
    """Where only its Service shows that the caller fails."""
    graph = calling({"front": "call to catalog:80 failed"})
    strong = root(of("Deployment", "catalog"), 0.85, ("WRK201", "catalog"))
    hint = replace(HINT, explains=(("SLO001", of("Service", "front")),))
    assert fold(graph, [accused("catalog", "WRK201")], [hint, strong]) == ([strong], [hint])


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("out of memory", HINT),
        ("call to catalog:80 failed", replace(HINT, confidence=0.7)),
        ("call to catalog:80 failed", replace(HINT, explains=(("POD105", of("Pod", "x")),))),
        (
            "call to catalog:80 failed",
            replace(HINT, explains=(*HINT.explains, ("SLO001", of("Deployment", "store")))),
        ),
    ],
    ids=["own trouble", "sure", "not felt by a caller", "one victim does not call it"],
)
def test_a_hint_that_others_do_not_explain_stays(line: str, hint: Diagnosis) -> None:
    """Its victims' trouble is their own, or not all of them call what has a root."""
    graph = calling({"front": line})
    strong = root(of("Deployment", "catalog"), 0.85, ("WRK201", "catalog"))
    kept, given_way = fold(graph, [accused("front")], [hint, strong])
    assert hint in kept
    assert not given_way


STALE = root(of("Deployment", "catalog"), 0.9, ("SLO001", "catalog"))


def test_a_store_that_only_logs_its_clients_errors_is_told_with_the_client() -> None:
    """It refuses whom it should refuse."""
    graph = calling({"catalog": "store:80: authentication failed", "store": "password mismatch"})
    grumble = accused("store", "SLO006")
    ((told,), _) = fold(graph, [accused("catalog"), grumble], [STALE])
    assert grumble.key in told.explains


@pytest.mark.parametrize(
    ("line", "more"),
    [("all is well", []), ("store:80: authentication failed", [accused("store", "SLO001")])],
    ids=["the client does not speak of it", "it answers errors too"],
)
def test_a_store_with_more_than_words_stands_alone(line: str, more: list[Finding]) -> None:
    """It may have a fault of its own."""
    graph = calling({"catalog": line})
    grumble = accused("store", "SLO006")
    kept, _ = fold(graph, [accused("catalog"), grumble, *more], [STALE])
    assert kept == [STALE]
