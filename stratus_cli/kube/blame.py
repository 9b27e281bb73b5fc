"""Which fields of a pod template can explain which kind of symptom. A table; nothing here judges.

By what Kubernetes does with a field: the scheduler reads some, the registry client some, kubelet
others, and only a running program sees its variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from stratus_cli.kube.fields import Segment, segments


class Stage(Enum):
    """How far the pods come: the first of these that fails."""

    ADMISSION = "pods are refused"
    SCHEDULING = "no node takes them"
    IMAGE = "the image cannot be pulled"
    CONFIG = "a container cannot be made"
    VOLUME = "a volume is not there"
    INIT = "an init container does not end"
    RUNNING = "a container ends or is not ready"
    TRAFFIC = "requests fail"
    ANY = "not known"


STAGE_OF: Mapping[str, Stage] = {
    "POD101": Stage.RUNNING,
    "POD102": Stage.IMAGE,
    "POD103": Stage.CONFIG,
    "POD104": Stage.VOLUME,
    "POD105": Stage.SCHEDULING,
    "POD106": Stage.RUNNING,
    "POD107": Stage.INIT,
    "WRK202": Stage.ADMISSION,
}


def stage_of(rule: str) -> Stage:
    """The stage a rule speaks of."""
    if rule in STAGE_OF:
        return STAGE_OF[rule]
    return Stage.TRAFFIC if rule.startswith("SLO") else Stage.ANY


_PLACEMENT = {
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "schedulerName",
    "schedulingGates",
    "nodeName",
    "priorityClassName",
    "priority",
    "resourceClaims",
    "os",
    "preemptionPolicy",
}
_IDENTITY = {"serviceAccountName", "automountServiceAccountToken"}
_ISOLATION = {
    "securityContext",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostUsers",
    "shareProcessNamespace",
}
_NAMES = {"dnsPolicy", "dnsConfig", "hostAliases", "hostname", "subdomain", "setHostnameAsFQDN"}
_PROGRAM = {"image", "command", "args", "env", "envFrom", "workingDir"}
_PROBES = {"readinessProbe", "livenessProbe", "startupProbe"}

POD_FIELDS: Mapping[Stage, frozenset[str]] = {
    Stage.ADMISSION: frozenset(
        {*_ISOLATION, *_IDENTITY, "volumes", "priorityClassName", "priority", "runtimeClassName"}
        | {"os", "tolerations", "nodeSelector"}
    ),
    Stage.SCHEDULING: frozenset(
        {*_PLACEMENT, "volumes", "hostNetwork", "runtimeClassName", "overhead"}
    ),
    Stage.IMAGE: frozenset({"imagePullSecrets", "serviceAccountName"}),
    Stage.CONFIG: frozenset({*_ISOLATION, *_IDENTITY, "volumes", "runtimeClassName"}),
    Stage.VOLUME: frozenset({"volumes", "securityContext", "nodeName", *_IDENTITY}),
    Stage.INIT: frozenset({*_NAMES, *_ISOLATION, *_IDENTITY, "volumes", "runtimeClassName"}),
    Stage.RUNNING: frozenset(
        {*_NAMES, *_ISOLATION, *_IDENTITY, "volumes", "runtimeClassName", "enableServiceLinks"}
        | {"activeDeadlineSeconds", "readinessGates", "restartPolicy"}
    ),
    Stage.TRAFFIC: frozenset({*_NAMES, *_ISOLATION, *_IDENTITY, "volumes", "runtimeClassName"}),
}
"""Fields of the pod spec itself."""

CONTAINER_FIELDS: Mapping[Stage, frozenset[str]] = {
    Stage.ADMISSION: frozenset({"securityContext", "resources", "ports", "image", "volumeMounts"}),
    Stage.SCHEDULING: frozenset({"resources", "ports"}),
    Stage.IMAGE: frozenset({"image", "imagePullPolicy"}),
    Stage.CONFIG: frozenset(
        {*_PROGRAM, "securityContext", "volumeMounts", "lifecycle", "resources"}
    ),
    Stage.VOLUME: frozenset({"volumeMounts", "volumeDevices"}),
    Stage.INIT: frozenset(
        {*_PROGRAM, "securityContext", "volumeMounts", "resources", "restartPolicy"}
    ),
    Stage.RUNNING: frozenset(
        {*_PROGRAM, *_PROBES, "securityContext", "volumeMounts", "resources", "lifecycle", "ports"}
    ),
    Stage.TRAFFIC: frozenset({*_PROGRAM, "securityContext", "volumeMounts", "resources", "ports"}),
}
"""Fields of a container. "" stands for the whole container, which every stage may be about."""

_CONTAINERS = ("containers", "initContainers")


def may_explain(stage: Stage, path: str) -> bool:
    """Whether a changed field can be why. path: below the pod spec."""
    way = segments(path)
    name = way[0] if way and isinstance(way[0], str) else ""
    if name not in _CONTAINERS:
        return any(name in POD_FIELDS[one] for one in _stages(stage))
    if len(way) < 3:
        return True  # a container more, a container less, or the list as a whole
    if name == "initContainers" and stage is Stage.TRAFFIC:
        return False
    field = way[2]
    return any(field in CONTAINER_FIELDS[one] for one in _stages(stage))


FIELDS_OF: Mapping[str, Mapping[str, tuple[Stage, ...]]] = {
    "Service": {"spec": (Stage.TRAFFIC, Stage.RUNNING, Stage.INIT)},
    "Ingress": {"spec": (Stage.TRAFFIC,)},
    "ConfigMap": {
        "data": (Stage.TRAFFIC, Stage.RUNNING, Stage.INIT, Stage.CONFIG, Stage.VOLUME),
        "binaryData": (Stage.TRAFFIC, Stage.RUNNING, Stage.INIT, Stage.CONFIG, Stage.VOLUME),
    },
    "NetworkPolicy": {"spec": (Stage.TRAFFIC, Stage.RUNNING, Stage.INIT)},
    "HorizontalPodAutoscaler": {"spec": (Stage.TRAFFIC,)},
    "ResourceQuota": {"spec": (Stage.ADMISSION,)},
    "LimitRange": {"spec": (Stage.ADMISSION, Stage.RUNNING)},
    "ServiceAccount": {
        "imagePullSecrets": (Stage.IMAGE,),
        "automountServiceAccountToken": (Stage.RUNNING, Stage.INIT, Stage.TRAFFIC),
    },
    **{
        kind: {name: (Stage.RUNNING, Stage.INIT, Stage.TRAFFIC)}
        for kind, name in (
            ("Role", "rules"),
            ("ClusterRole", "rules"),
            ("RoleBinding", "subjects"),
            ("ClusterRoleBinding", "subjects"),
        )
    },
}
"""Which symptoms a field of an object that is no workload can explain."""
_OF_WORKLOADS: Mapping[str, tuple[Stage, ...]] = {
    "replicas": (Stage.TRAFFIC, Stage.RUNNING, Stage.INIT),
    "strategy": (Stage.TRAFFIC, Stage.ANY),
    "updateStrategy": (Stage.TRAFFIC, Stage.ANY),
    "minReadySeconds": (Stage.ANY,),
    "progressDeadlineSeconds": (Stage.ANY,),
    "paused": (Stage.ANY,),
    "serviceName": (Stage.TRAFFIC, Stage.RUNNING),
    "volumeClaimTemplates": (Stage.SCHEDULING, Stage.VOLUME),
}
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_TEMPLATE = "spec.template.spec."


def field_matters(kind: str, stage: Stage, path: str) -> bool:
    """Whether a field of an object can explain a symptom of who depends on it.

    Of a workload that is called: what may make it answer wrongly, late or not at all.
    """
    way = segments(path)
    if kind in _WORKLOADS:
        if path.startswith(_TEMPLATE):
            return may_explain(Stage.TRAFFIC, path.removeprefix(_TEMPLATE))
        name = way[1] if len(way) > 1 and isinstance(way[1], str) else ""
        return stage in _OF_WORKLOADS.get(name, ())
    first = way[0] if way and isinstance(way[0], str) else ""
    return stage in FIELDS_OF.get(kind, {}).get(first, ())


def container_of(path: str) -> str:
    """Name of the container that a path below the pod spec leads into, or ""."""
    way: tuple[Segment, ...] = segments(path)
    if len(way) < 2 or way[0] not in _CONTAINERS or not isinstance(way[1], Mapping):
        return ""
    return str(way[1].get("name", ""))


def _stages(stage: Stage) -> tuple[Stage, ...]:
    return tuple(POD_FIELDS) if stage is Stage.ANY else (stage,)
