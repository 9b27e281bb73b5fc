"""The table's part about workloads: the same fields of a Deployment, StatefulSet, DaemonSet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.flow.fields import MISSING
from tests.proof import objects
from tests.proof.edits import END, Edit, Item, field
from tests.proof.entry import ANY, Entry

POD = "spec.template.spec"
BOX = f"{POD}.containers.0"
NOTES = "spec.template.metadata.annotations"
THEIR_ENV = (Edit(field(f"{BOX}.env.{END}"), {"name": "THEIRS", "value": "1"}),)
THEIR_NOTE = (Edit(field(f"{NOTES}.theirs"), "1"),)

KINDS = ("Deployment", "StatefulSet", "DaemonSet")


def workloads() -> Iterator[Entry]:
    """Every entry about a workload."""
    for kind in KINDS:
        yield from _marks(kind)
        yield from _set(kind)
        yield from _patches(kind)
        yield from _harm(kind)
    for kind in KINDS[:2]:
        yield from _scale(kind)
    yield from _rollouts()
    yield _pod_deleted()


def _entry(
    name: str, kind: str, line: str, expect: dict[str, Any], theirs: Edit | None, **more: Any
) -> Entry:
    more.setdefault("objects", (objects.service(), objects.workload(kind)))
    more.setdefault("elsewhere", THEIR_NOTE)
    subject = f"{kind}/web"
    return Entry(f"{name} {kind}", subject, (line,), expect, theirs, **more)


def _marks(kind: str) -> Iterator[Entry]:
    for verb, place in (("label", "labels"), ("annotate", "annotations")):
        path = f"metadata.{place}.ours"
        yield _entry(
            verb,
            kind,
            f"{verb} {kind.lower()}/web ours=1",
            {path: "1"},
            Edit(field(path), "theirs"),
            elsewhere=(Edit(field(f"metadata.{place}.theirs"), "1"),),
        )


def _set(kind: str) -> Iterator[Entry]:
    name = f"{kind.lower()}/web"
    yield _entry(
        "set image",
        kind,
        f"set image {name} app=$APP:2",
        {f"{BOX}.image": "$APP:2"},
        Edit(field(f"{BOX}.image"), "$APP:3"),
    )
    yield _entry(
        "set env",
        kind,
        f"set env {name} A=9 C=3",
        {f"{BOX}.env.0.value": "9", f"{BOX}.env.2.value": "3", f"{BOX}.env": ANY},
        Edit(field(f"{BOX}.env.0.value"), "theirs"),
        elsewhere=THEIR_ENV,
    )
    yield _entry(
        "unset env",
        kind,
        f"set env {name} A-",
        {f"{BOX}.env.0.name": "B", f"{BOX}.env": ANY},
        Edit(field(f"{BOX}.env"), [{"name": n, "value": "theirs"} for n in "AB"]),
        told=("(absent)", "theirs"),
        elsewhere=THEIR_ENV,
    )
    yield _entry(
        "set resources",
        kind,
        f"set resources {name} --limits=memory=80Mi,cpu=500m --requests=cpu=6m",
        {
            f"{BOX}.resources.limits.memory": "80Mi",
            f"{BOX}.resources.limits.cpu": "500m",
            f"{BOX}.resources.requests.cpu": "6m",
        },
        Edit(field(f"{BOX}.resources.limits.memory"), "90Mi"),
        elsewhere=THEIR_ENV,
    )
    path = f"{NOTES}.[kubectl.kubernetes.io/restartedAt]"
    yield _entry(
        "rollout restart",
        kind,
        f"rollout restart {name}",
        {path: ANY},
        Edit(field(path), "2020-01-01T00:00:00Z"),
    )


def _patches(kind: str) -> Iterator[Entry]:
    box: dict[str, tuple[Item, dict[str, Any], tuple[str, Any]]] = {
        "probes": (
            {
                "readinessProbe": {"periodSeconds": 2},
                "livenessProbe": {"tcpSocket": {"port": 8080}},
            },
            {
                f"{BOX}.readinessProbe.periodSeconds": 2,
                f"{BOX}.livenessProbe": ANY,
            },
            (f"{BOX}.readinessProbe.periodSeconds", 3),
        ),
        "command": (
            {"command": ["python3"], "args": ["/app/app.py"]},
            {f"{BOX}.command": ["python3"], f"{BOX}.args": ["/app/app.py"]},
            (f"{BOX}.args", ["/app/app.py", "theirs"]),
        ),
    }
    for name, (fields, expect, theirs) in box.items():
        yield _template_patch(
            name, kind, {"containers": [{"name": "app", **fields}]}, expect, theirs
        )
    yield from _pod_patches(kind)
    yield _strategy(kind)


def _pod_patches(kind: str) -> Iterator[Entry]:
    tolerations = [{"key": "ours", "operator": "Exists", "effect": "NoSchedule"}]
    apart = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    affinity = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": apart}
            ]
        }
    }
    os = "[kubernetes.io/os]"
    weight = "podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.weight"
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    fields: dict[str, tuple[Item, dict[str, Any], tuple[str, Any]]] = {
        "nodeSelector": (
            {"nodeSelector": {"kubernetes.io/os": "linux"}},
            {f"{POD}.nodeSelector.{os}": "linux"},
            (f"{POD}.nodeSelector.{os}", "theirs"),
        ),
        "tolerations": (
            {"tolerations": tolerations},
            {f"{POD}.tolerations.0.key": "ours", f"{POD}.tolerations": ANY},
            (f"{POD}.tolerations.0.effect", "NoExecute"),
        ),
        "affinity": (
            {"affinity": affinity},
            {f"{POD}.affinity.{weight}": 1, f"{POD}.affinity": ANY},
            (f"{POD}.affinity.{weight}", 2),
        ),
        "dnsPolicy": (
            {"dnsPolicy": "Default"},
            {f"{POD}.dnsPolicy": "Default"},
            (f"{POD}.dnsPolicy", "ClusterFirstWithHostNet"),
        ),
        "volumes": (
            {
                "volumes": [{"name": "scratch", "emptyDir": {}}],
                "containers": [{"name": "app", "volumeMounts": mounts}],
            },
            {
                f"{POD}.volumes.0.name": "scratch",
                f"{POD}.volumes": ANY,
                f"{BOX}.volumeMounts": ANY,
            },
            (f"{POD}.volumes.0.emptyDir.medium", "Memory"),
        ),
        "initContainers": (
            {"initContainers": [{"name": "first", "image": "$APP:1", "command": ["cat"]}]},
            {f"{POD}.initContainers.0.name": "first", f"{POD}.initContainers": ANY},
            (f"{POD}.initContainers.0.command", ["cat", "/etc/hosts"]),
        ),
    }
    for name, (patch, expect, theirs) in fields.items():
        yield _template_patch(name, kind, patch, expect, theirs)


def _template_patch(
    name: str, kind: str, pod: Item, expect: dict[str, Any], theirs: tuple[str, Any]
) -> Entry:
    patch = {"spec": {"template": {"spec": pod}}}
    return _entry(
        name,
        kind,
        f"patch {kind.lower()}/web -p '{json.dumps(patch)}'",
        expect,
        Edit(field(theirs[0]), theirs[1]),
    )


def _strategy(kind: str) -> Entry:
    key = "strategy" if kind == "Deployment" else "updateStrategy"
    limit = "partition" if kind == "StatefulSet" else "maxUnavailable"
    patch = {"spec": {key: {"rollingUpdate": {limit: 1}}, "minReadySeconds": 1}}
    path = f"spec.{key}.rollingUpdate.{limit}"
    expect = {path: 1, f"spec.{key}": ANY, "spec.minReadySeconds": 1}
    line = f"patch {kind.lower()}/web -p '{json.dumps(patch)}'"
    return _entry("strategy", kind, line, expect, Edit(field("spec.minReadySeconds"), 2))


def _scale(kind: str) -> Iterator[Entry]:
    path = "spec.replicas"
    line = f"scale {kind.lower()}/web --replicas=3"
    yield _entry("scale", kind, line, {path: 3}, Edit(field(path), 4))


def _rollouts() -> Iterator[Entry]:
    kind, paused = "Deployment", field("spec.paused")
    former = (("Deployment/web", Edit(field(f"{BOX}.env.0.value"), "former")),)
    yield _entry(
        "rollout undo",
        kind,
        "rollout undo deployment/web",
        {f"{BOX}.env.0.value": "1"},
        Edit(field(f"{BOX}.env.0.value"), "theirs"),
        setup=former,
    )
    yield _entry("rollout pause", kind, "rollout pause deployment/web", {"spec.paused": True}, None)
    yield _entry(
        "rollout resume",
        kind,
        "rollout resume deployment/web",
        {"spec.paused": MISSING},
        None,
        setup=(("Deployment/web", Edit(paused, True)),),
        elsewhere=(Edit(field("metadata.labels.theirs"), "1"),),
    )
    yield _entry(
        "set image beside an autoscaler",
        kind,
        "set image deployment/web app=$APP:2",
        {f"{BOX}.image": "$APP:2"},
        None,
        elsewhere=(Edit(field("spec.replicas"), 3),),
        objects=(objects.service(), objects.workload(kind), objects.autoscaler()),
    )


def _harm(kind: str) -> Iterator[Entry]:
    """What the gate must take back."""
    name, pod = f"{kind.lower()}/web", {"nodeSelector": {"disk": "none"}}
    patch = json.dumps({"spec": {"template": {"spec": pod}}})
    lines = {
        "image that is not there": f"set image {name} app=$APP:never",
        "no such node": f"patch {name} -p '{patch}'",
    }
    if kind != "DaemonSet":
        lines["scale to zero"] = f"scale {name} --replicas=0"
    for title, line in lines.items():
        yield _entry(title, kind, line, {"spec": ANY}, None, verb="harm")


def _pod_deleted() -> Entry:
    return Entry(
        "delete Pod",
        "Deployment/web",
        ("delete pod/$POD",),
        {},
        objects=(objects.service(), objects.workload("Deployment")),
        verb="compensate",
    )
