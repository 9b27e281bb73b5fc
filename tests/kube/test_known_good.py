"""Known-good values: where they come from, in which order, and what is never one."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import msgspec

from stratus_cli.kube.drift import template_drift
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.known_good import KnownGoodValues
from stratus_cli.kube.whole import as_json
from stratus_cli.model.objects_workload import Deployment, ReplicaSet, StatefulSet
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot
from tests.cases.loader import manifests, snapshot

IMAGE = "spec.template.spec.containers[name=web].image"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


Revisions = Mapping[int, tuple[str, int] | tuple[str, int, str]]


def world(
    present: str,
    history: Revisions,
    applied: str | None = None,
) -> Snapshot:
    """Deployment web with this image. history: revision -> (image, ready pods, when it was made).

    Without a time, revisions are one hour apart.
    """
    items = [copy.deepcopy(item) for item in manifests("shop-healthy.yaml")]
    web = next(item for item in items if item["kind"] == "Deployment")
    made = next(item for item in items if item["kind"] == "ReplicaSet")
    web["spec"]["template"]["spec"]["containers"][0]["image"] = present
    if applied is not None:
        web["metadata"]["annotations"][APPLIED] = applied
    sets = [_replica_set(made, revision, *what) for revision, what in history.items()]
    return snapshot([web, *sets])


def images(snap: Snapshot, recording: Snapshot | None = None) -> list[str]:
    """The known-good images of web, best first."""
    values = KnownGoodValues(Graph(snap), recording)
    return [value.value for value in values.workload_field(snap.of(Deployment)[0], IMAGE)]


def test_revision_with_ready_pods_is_best() -> None:
    """It is seen to work; then the newest older revision."""
    snap = world("app:4", {1: ("app:1", 2), 2: ("app:2", 0), 3: ("app:3", 0), 4: ("app:4", 0)})
    assert images(snap) == ["app:1", "app:3", "app:2"]
    values = KnownGoodValues(Graph(snap))
    assert values.revision(snap.of(Deployment)[0], IMAGE) == 1


def test_recording_comes_before_all() -> None:
    """The person said that it was good."""
    snap = world("app:4", {3: ("app:3", 2), 4: ("app:4", 0)})
    assert images(snap, world("app:0", {1: ("app:0", 2)}))[0] == "app:0"


def test_revision_with_the_same_value_is_no_source() -> None:
    """Another field changed there; for this one it is the fault."""
    snap = world("app:9", {1: ("app:1", 0), 2: ("app:9", 0), 3: ("app:9", 0)})
    assert images(snap) == ["app:1"]


def test_last_applied_agrees_or_follows() -> None:
    """It leads where history has it too, and comes last where others changed the image since."""
    containers = '[{"name": "web", "image": "app:%d"}]'
    applied = '{"metadata": {}, "spec": {"template": {"spec": {"containers": ' + containers + "}}}}"
    history = {1: ("app:1", 0), 2: ("app:2", 0), 3: ("app:3", 0)}
    assert images(world("app:3", history, applied % 1)) == ["app:1", "app:2"]
    assert images(world("app:3", history, applied % 0)) == ["app:2", "app:1", "app:0"]
    assert images(world("app:3", history, applied % 3)) == ["app:2", "app:1"]
    assert images(world("app:3", {}, applied % 1)) == ["app:1"]


def test_hostile_annotation_is_no_source() -> None:
    """Whatever is in it, nothing breaks."""
    for text in ("", "{", "[]", '{"metadata": 3}', '{"metadata": {}, "spec": [1]}', "null"):
        assert images(world("app:2", {2: ("app:2", 0)}, text)) in ([], [None])


def test_masked_value_is_never_offered() -> None:
    """Writing a mask back would destroy what it stands for."""
    snap = world("app:2", {2: ("app:2", 0)})
    assert images(snap, world("«secret:0123456789ab»", {})) == []


def test_missing_object_comes_whole_from_the_recording() -> None:
    """Whole, without what the server gives."""
    well = snapshot([copy.deepcopy(item) for item in manifests("shop-healthy.yaml")])
    values = KnownGoodValues(Graph(snapshot([])), well)
    found = values.object(Ref("ConfigMap", "shop", "web-config"))
    assert found is not None
    assert found.value["data"] == {"app.json": '{"greeting": "hello"}'}
    assert "uid" not in found.value["metadata"]
    service = values.object(Ref("Service", "shop", "web"))
    assert service is not None
    assert service.value["spec"]["selector"] == {"app": "web"}
    assert "clusterIP" not in service.value["spec"], "the server gives it another one"
    assert values.object(Ref("ConfigMap", "shop", "other")) is None
    assert KnownGoodValues(Graph(well)).object(Ref("ConfigMap", "shop", "web-config")) is None


def test_failing_revision_is_no_source() -> None:
    """A revision whose pods fail as well is not one to go back to."""
    snap = world("app:3", {2: ("app:2", 0), 3: ("app:3", 0)})
    bad = next(item for item in snap.of(ReplicaSet) if item.metadata.name == "web-2")
    pod = copy.deepcopy(next(x for x in manifests("shop-healthy.yaml") if x["kind"] == "Pod"))
    pod["metadata"]["ownerReferences"][0] |= {"name": "web-2", "uid": bad.metadata.uid}
    pod["status"]["containerStatuses"][0] = {
        "name": "web",
        "restartCount": 0,
        "state": {"waiting": {"reason": "ErrImagePull"}},
    }
    broken = snapshot([*_raw(snap), pod])
    assert images(broken) == []


def _raw(snap: Snapshot) -> list[dict[str, Any]]:
    return [
        {"kind": item.KIND, **msgspec.json.decode(msgspec.json.encode(item))}
        for item in snap.all_objects()
    ]


def _replica_set(
    made: dict[str, Any], revision: int, image: str, ready: int, made_at: str = ""
) -> dict[str, Any]:
    item = copy.deepcopy(made)
    item["metadata"]["name"] = f"web-{revision}"
    item["metadata"]["uid"] = f"u-web-rs-{revision}"
    item["metadata"]["creationTimestamp"] = made_at or f"2026-11-24T0{revision}:00:00Z"
    item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = str(revision)
    item["spec"]["template"]["spec"]["containers"][0]["image"] = image
    item["status"] = {"replicas": ready, "readyReplicas": ready}
    return item


def test_a_revision_that_somebody_went_back_from_is_no_source() -> None:
    """The template of revision 3 is older than that of revision 2: 2 was tried and given up."""
    returned = "2026-11-24T01:00:00Z"
    tried: Revisions = {2: ("app:bad", 0), 3: ("app:1", 2, returned)}
    assert images(world("app:1", tried)) == []
    assert images(world("app:1", {**tried, 2: ("app:bad", 1)})) == [], "its last pods are ending"
    later: Revisions = {**tried, 3: ("app:1", 0, returned), 4: ("app:4", 0)}
    assert images(world("app:4", later)) == ["app:1"], "the one gone back to has served"
    again: Revisions = {2: ("app:1", 0, returned), 3: ("app:3", 0, "2026-11-24T00:30:00Z")}
    assert images(world("app:4", {**again, 4: ("app:4", 0)})) == ["app:3"]


def test_what_was_applied_and_gone_back_from_is_no_source() -> None:
    """kubectl rollout undo leaves the annotation as it was."""
    template = copy.deepcopy(
        next(x for x in manifests("shop-healthy.yaml") if x["kind"] == "Deployment")
    )["spec"]["template"]
    template["spec"]["containers"][0]["image"] = "app:bad"
    applied = msgspec.json.encode({"metadata": {}, "spec": {"template": template}}).decode()
    history: Revisions = {2: ("app:bad", 0), 3: ("app:1", 2, "2026-11-24T01:00:00Z")}
    snap = world("app:1", history, applied)
    (web,) = snap.of(Deployment)
    assert images(snap) == []
    (version,) = KnownGoodValues(Graph(snap)).versions(web)
    assert template_drift(version.item, as_json(snap, web), whole=version.whole) == ()
    assert images(world("app:1", {3: ("app:1", 2)}, applied)) == ["app:bad"]


def test_a_revision_that_was_replaced_at_once_is_not_believed_over_one_that_served() -> None:
    """Nothing says that a pod of it was ever ready."""
    tried: Revisions = {
        2: ("app:2", 0, "2026-11-24T03:50:00Z"),
        3: ("app:3", 0, "2026-11-24T03:55:00Z"),
    }
    assert images(world("app:3", {1: ("app:1", 0), **tried})) == ["app:1"], "it stood for hours"
    short = {1: ("app:1", 2, "2026-11-24T03:48:00Z"), **tried}
    assert images(world("app:3", short)) == ["app:1"], "its pods are ready"
    none = {1: ("app:1", 0, "2026-11-24T03:48:00Z"), **tried}
    assert images(world("app:3", none)) == ["app:2", "app:1"], "none is better than the other"
    served = {**tried, 2: ("app:2", 1, "2026-11-24T03:50:00Z")}
    assert images(world("app:3", {1: ("app:1", 0), **served})) == ["app:2", "app:1"]


def revision_of_set(number: int, image: str, name: str, hour: int = 0) -> dict[str, Any]:
    """A ControllerRevision of StatefulSet db, made in this hour."""
    containers = [{"name": "db", "image": image, "workingDir": f"/{number}"}]
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u-db"}
    template = {"$patch": "replace", "metadata": {}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"u-{name}",
            "creationTimestamp": f"2026-11-24T0{hour or number}:00:00Z",
            "ownerReferences": [{**owner, "controller": True}],
        },
        "revision": number,
        "data": {"spec": {"template": template}},
    }


def stateful_set(image: str, number: int, update: str, current: str) -> dict[str, Any]:
    """StatefulSet db with this template. update, current: names of its revisions."""
    containers = [{"name": "db", "image": image, "workingDir": f"/{number}"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "shop", "uid": "u-db"},
        "spec": {"replicas": 1, "template": {"metadata": {}, "spec": {"containers": containers}}},
        "status": {"updateRevision": update, "currentRevision": current},
    }


def test_a_stateful_set_that_was_rolled_back() -> None:
    """The controller gives the older ControllerRevision a new number; the tried one is none."""
    history = [revision_of_set(2, "db:bad", "db-two"), revision_of_set(3, "db:1", "db-one", hour=1)]
    snap = snapshot([stateful_set("db:1", 3, "db-one", "db-one"), *history])
    assert KnownGoodValues(Graph(snap)).versions(snap.of(StatefulSet)[0]) == ()
    newer = [*history, revision_of_set(4, "db:4", "db-four")]
    snap = snapshot([stateful_set("db:4", 4, "db-four", "db-one"), *newer])
    (version,) = KnownGoodValues(Graph(snap)).versions(snap.of(StatefulSet)[0])
    assert version.revision == 3


def test_the_current_revision_of_a_stateful_set_has_served() -> None:
    """status.currentRevision is the last one that all of its pods had, however short that was."""
    history = [
        revision_of_set(number, f"db:{number}", name)
        for number, name in ((1, "db-one"), (2, "db-two"), (3, "db-three"))
    ]
    history[1]["metadata"]["creationTimestamp"] = "2026-11-24T02:59:00Z"
    for current, found in (("db-one", [1]), ("db-two", [2, 1])):
        snap = snapshot([stateful_set("db:3", 3, "db-three", current), *history])
        versions = KnownGoodValues(Graph(snap)).versions(snap.of(StatefulSet)[0])
        assert [version.revision for version in versions] == found


def test_a_stateful_set_has_its_controller_revisions() -> None:
    """The former template, whole, also in fields that no Struct has; the present one is none."""
    snap = snapshot(
        [
            stateful_set("db:2", 2, "db-two", "db-one"),
            revision_of_set(1, "db:1", "db-one"),
            revision_of_set(2, "db:2", "db-two"),
        ]
    )
    values = KnownGoodValues(Graph(snap))
    (workload,) = snap.of(StatefulSet)
    (found,) = values.workload_field(workload, "spec.template.spec.containers[name=db].image")
    assert (found.value, found.source) == ("db:1", "ControllerRevision db-one revision 1")
    (version,) = values.versions(workload)
    edits = template_drift(version.item, as_json(snap, workload), whole=version.whole)
    assert [edit.path.rpartition(".")[2] for edit in edits] == ["image", "workingDir"]
    assert version.revision == 1


def test_what_a_manifest_leaves_out_is_no_other_value() -> None:
    """The server fills in what a person did not write: that is the same value, not a former one."""
    probe = '{"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2}'
    spec = f'{{"containers": [{{"name": "web", "image": "app:1", "readinessProbe": {probe}}}]}}'
    applied = f'{{"metadata": {{}}, "spec": {{"template": {{"spec": {spec}}}}}}}'
    snap = world("app:2", {}, applied)
    values = KnownGoodValues(Graph(snap))
    (web,) = snap.of(Deployment)
    assert [value.value for value in values.workload_field(web, IMAGE)] == ["app:1"]
    field = IMAGE.replace("image", "readinessProbe")
    assert values.workload_field(web, field) == ()
    assert values.workload_field(web, f"{field}.failureThreshold") == ()
