"""Incidents: what belongs together, what does not, who wins, and what a model may add."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose, verify
from stratus_cli.model.change import Json
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.errors import StratusError
from stratus_cli.model.finding import Evidence
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot
from tests.cases.loader import manifests, snapshot, snapshot_of

DOWN = {"status.availableReplicas": "(gone)", "status.readyReplicas": "(gone)"}
NOT_FOUND = {
    "name": "web",
    "ready": False,
    "restartCount": 0,
    "state": {"waiting": {"reason": "ImagePullBackOff", "message": "app:9.9: not found"}},
}
KILLED = {
    "name": "side",
    "ready": False,
    "restartCount": 5,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {
        "terminated": {
            "exitCode": 137,
            "reason": "OOMKilled",
            "finishedAt": "2026-11-24T11:59:00Z",
        }
    },
}
WEB = {"name": "web", "image": "app:9.9"}
SIDE = {"name": "side", "image": "side:1", "resources": {"limits": {"memory": "10Mi"}}}
WEB_REF = Ref("Deployment", "shop", "web")


def bad_image(**more: Json) -> dict[str, Any]:
    """A case body: every pod of web asks for an image that is not there."""
    return {
        "given": ["shop-healthy.yaml"],
        "set": {
            "Deployment/web": {**DOWN, "spec.template.spec.containers": [WEB]},
            "ReplicaSet/web-7d4b9c": {"spec.template.spec.containers": [WEB]},
            "Pod/*": {
                "spec.containers": [WEB],
                "status.phase": "Pending",
                "status.conditions[type=Ready].status": "False",
                "status.containerStatuses": [NOT_FOUND],
            },
        },
        **more,
    }


def test_two_faults_on_one_workload_are_one_incident() -> None:
    """Both roots are there, since both must be repaired before the workload serves."""
    body = bad_image()
    body["set"]["Deployment/web"]["spec.template.spec.containers"] = [WEB, SIDE]
    body["set"]["Pod/*"] |= {
        "spec.containers": [WEB, SIDE],
        "status.containerStatuses": [NOT_FOUND, KILLED],
    }
    (incident,) = diagnose(detect(snapshot_of(body)))
    assert [root.cause for root in incident.roots] == ["image-not-found", "memory-limit-too-low"]
    assert incident.rivals == ()


def test_one_image_pushed_to_many_workloads_is_one_incident() -> None:
    """Eight Deployments with the same bad image, changed within minutes, are one incident."""
    snap = snapshot(_copies(8, bad_image()))
    (incident,) = diagnose(detect(snap))
    assert len(incident.roots) == 8
    assert len({root.root for root in incident.roots}) == 8


def test_the_same_image_hours_apart_is_two_incidents() -> None:
    """Equal faults that came at different times are different changes."""
    items = _copies(2, bad_image())
    for item in items:
        if item["metadata"]["name"] == "web-7d4b9c-1":
            item["metadata"]["creationTimestamp"] = "2026-11-24T05:00:00Z"
    assert len(diagnose(detect(snapshot(items)))) == 2


def test_what_no_cause_explains_is_an_incident_of_its_own() -> None:
    """An unexplained outage is shown, with its top owner and without a remedy."""
    body = bad_image()
    body["set"]["Pod/*"]["status.containerStatuses"] = [
        {
            "name": "web",
            "ready": False,
            "restartCount": 0,
            "state": {
                "waiting": {
                    "reason": "CreateContainerConfigError",
                    "message": 'secret "password" not found',
                }
            },
        }
    ]
    (incident,) = diagnose(detect(snapshot_of(body)))
    (root,) = incident.roots
    assert (root.cause, root.root) == ("unexplained", WEB_REF)
    assert root.expected is None
    assert {item.rule for item in incident.symptoms} == {"POD103", "WRK201"}


def test_ids_are_the_same_in_every_run() -> None:
    """The id depends on cluster, causes and roots, not on time or symptoms."""
    (one,) = diagnose(detect(snapshot_of(bad_image())))
    (later,) = diagnose(detect(snapshot_of(bad_image(at="2026-11-24T13:00:00Z"))))
    assert one.id == later.id


def test_worst_comes_first() -> None:
    """Outage before degraded."""
    items = manifests("shop-healthy.yaml")
    snap = snapshot_of(
        {
            **bad_image(),
            "add": [
                {
                    **copy.deepcopy(items[0]),
                    "metadata": {"name": "a-node", "uid": "u-n3"},
                    "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]},
                }
            ],
        }
    )
    severities = [incident.severity.label for incident in diagnose(detect(snap))]
    assert severities == ["outage", "degraded"]


def test_verify_says_what_no_longer_holds() -> None:
    """Evidence of the fault does not hold on the repaired cluster."""
    broken = snapshot_of(bad_image())
    well = snapshot_of({"given": ["shop-healthy.yaml"]})
    (incident,) = diagnose(detect(broken))
    assert all(verify(item, broken) for item in incident.roots[0].evidence)
    assert not any(verify(item, well) for item in incident.roots[0].evidence)
    assert not verify(incident.roots[0], well)


class Model:
    """A diagnoser that answers as told, or fails."""

    def __init__(self, *answers: Diagnosis, fails: bool = False) -> None:
        self.answers, self.fails = answers, fails

    def diagnose(
        self, incident: Incident, snap: Snapshot, runbooks: Sequence[str]
    ) -> tuple[Diagnosis, ...]:
        """The answers, or the failure."""
        if self.fails:
            raise StratusError("the model did not answer")
        return self.answers


def proposal(value: str, field: str = "spec.replicas") -> Diagnosis:
    """A model's cause with one piece of evidence."""
    return Diagnosis(
        "from-model",
        "a model's idea",
        WEB_REF,
        field,
        "?",
        None,
        0.99,
        evidence=(Evidence("object", WEB_REF, field, value),),
    )


def test_failing_model_changes_nothing() -> None:
    """Any failure of the model leaves the deterministic result standing."""
    detection = detect(snapshot_of(bad_image()))
    assert diagnose(detection, diagnoser=Model(fails=True)) == diagnose(detection)


def test_model_may_add_a_rival_whose_evidence_holds() -> None:
    """Invented evidence is struck out, and with none left the idea is too."""
    detection = detect(snapshot_of(bad_image()))
    true, false = proposal("2"), proposal("7")
    (incident,) = diagnose(detection, diagnoser=Model(true))
    assert [rival.cause for rival in incident.rivals] == ["from-model"]
    assert incident.roots[0].cause == "image-not-found"
    (incident,) = diagnose(detection, diagnoser=Model(false))
    assert incident.rivals == ()
    (incident,) = diagnose(detection, diagnoser=Model(proposal("x", "no such [path")))
    assert incident.rivals == ()


def test_model_may_name_the_root_of_what_is_unexplained() -> None:
    """Only then, and never with more certainty than a hypothesis has."""
    body = bad_image()
    body["set"]["Pod/*"]["status.containerStatuses"] = [{**KILLED, "name": "web"}]
    detection = detect(snapshot_of(body))
    (before,) = diagnose(detection)
    assert before.roots[0].cause == "unexplained"
    (incident,) = diagnose(detection, diagnoser=Model(proposal("2")))
    assert incident.id == before.id
    assert incident.roots[0].cause == "from-model"
    assert incident.roots[0].confidence <= 0.5
    assert incident.symptoms == before.symptoms


def _copies(number: int, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a case, several times under other names."""
    from tests.cases.loader import raw_objects

    items = raw_objects(body)
    shared = [item for item in items if item["kind"] in ("Node", "ConfigMap")]
    return shared + [
        _renamed(item, str(index))
        for index in range(number)
        for item in items
        if item["kind"] in ("Deployment", "ReplicaSet", "Pod")
    ]


def _renamed(item: dict[str, Any], suffix: str) -> dict[str, Any]:
    renamed = copy.deepcopy(item)
    meta = renamed["metadata"]
    meta["name"] += f"-{suffix}"
    meta["uid"] += f"-{suffix}"
    for owner in meta.get("ownerReferences", ()):
        owner["name"] += f"-{suffix}"
        owner["uid"] += f"-{suffix}"
    return renamed
