"""Which units an alert is about, by its labels. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import ReplicaSet
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, ref_of

ALERT_LABELS = {
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
    "service": "Service",
    "node": "Node",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "pod": "Pod",
}
"""Labels by which alerts name what they are about (kube-state-metrics)."""


OTHER_LABELS = (
    "workload", "app", "app_kubernetes_io_name", "service_name", "job", "container",
)  # fmt: skip
"""Labels by which people's own rules name a program, where none of the others names an object."""


def unit_of(graph: Graph, ref: Ref) -> Ref:
    """The unit that stands for an object: a pod's workload, else the object itself."""
    item = graph.snap.find(ref)
    if isinstance(item, Pod | ReplicaSet):
        return ref_of(graph.top_owner(item))
    return ref


def units_of_alert(graph: Graph, alert: Alert) -> tuple[Ref, ...]:
    """The units that its labels name; ()."""
    namespace = alert.labels.get("namespace", "")
    named = (
        Ref(kind, "" if kind == "Node" else namespace, alert.labels[label])
        for label, kind in ALERT_LABELS.items()
        if label in alert.labels
    )
    found = tuple(dict.fromkeys(unit_of(graph, ref) for ref in named))
    if any(graph.snap.find(ref) is not None for ref in found):
        return found
    return (*found, *_by_other_labels(graph, alert, namespace))


def _by_other_labels(graph: Graph, alert: Alert, namespace: str) -> Iterator[Ref]:
    """The workload or Service of this name, in the alert's namespace or the only one at all."""
    for label in OTHER_LABELS:
        name = alert.labels.get(label, "")
        for items in (graph.workloads, graph.snap.of(Service)):
            fitting = [
                ref_of(item)
                for item in items
                if item.metadata.name == name and namespace in ("", item.metadata.namespace)
            ]
            if len(fitting) == 1:
                yield fitting[0]
                return
