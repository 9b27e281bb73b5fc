"""Known-good values: where they come from, in which order, and what is never one."""

from __future__ import annotations

import copy
from typing import Any

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


def world(
    present: str, history: dict[int, tuple[str, int]], applied: str | None = None
) -> Snapshot:
    """Deployment web with this image. history: revision -> (image, ready pods)."""
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
    import msgspec

    return [
        {"kind": item.KIND, **msgspec.json.decode(msgspec.json.encode(item))}
        for item in snap.all_objects()
    ]


def _replica_set(made: dict[str, Any], revision: int, image: str, ready: int) -> dict[str, Any]:
    item = copy.deepcopy(made)
    item["metadata"]["name"] = f"web-{revision}"
    item["metadata"]["uid"] = f"u-web-rs-{revision}"
    item["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = str(revision)
    item["spec"]["template"]["spec"]["containers"][0]["image"] = image
    item["status"] = {"replicas": ready, "readyReplicas": ready}
    return item


def revision_of_set(number: int, image: str, name: str) -> dict[str, Any]:
    """A ControllerRevision of StatefulSet db."""
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
            "creationTimestamp": f"2026-11-24T0{number}:00:00Z",
            "ownerReferences": [{**owner, "controller": True}],
        },
        "revision": number,
        "data": {"spec": {"template": template}},
    }


def test_a_stateful_set_has_its_controller_revisions() -> None:
    """The former template, whole, also in fields that no Struct has; the present one is none."""
    containers = [{"name": "db", "image": "db:2", "workingDir": "/2"}]
    db = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "shop", "uid": "u-db"},
        "spec": {"replicas": 1, "template": {"metadata": {}, "spec": {"containers": containers}}},
        "status": {"updateRevision": "db-two", "currentRevision": "db-one"},
    }
    snap = snapshot(
        [db, revision_of_set(1, "db:1", "db-one"), revision_of_set(2, "db:2", "db-two")]
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
