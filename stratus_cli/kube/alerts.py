"""Which units an alert is about, by its labels. Pure."""

from __future__ import annotations

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects import Pod, ReplicaSet
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
    return tuple(dict.fromkeys(unit_of(graph, ref) for ref in named))
