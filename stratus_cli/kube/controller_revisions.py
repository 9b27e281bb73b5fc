"""The former templates of StatefulSets and DaemonSets, told as ReplicaSets tell a Deployment's.

A ControllerRevision holds a part of its workload: the template, as a patch that replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stratus_cli.kube.graph import REVISION_ANNOTATION, Graph
from stratus_cli.kube.pods import is_ready
from stratus_cli.kube.whole import as_json
from stratus_cli.model.objects_history import ControllerRevision
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import DaemonSet, ReplicaSet, StatefulSet, Workload
from stratus_cli.model.snapshot import Snapshot

HASH_LABEL = "controller-revision-hash"
DIRECTIVE = "$patch"


def past_revisions(graph: Graph, workload: Workload) -> tuple[ReplicaSet, ...]:
    """Former revisions, newest first; the one that is wanted now is left out."""
    known = controller_revisions(graph, workload)
    wanted = workload.status.update_revision or (known[0].metadata.name if known else "")
    return tuple(item for item in known if item.metadata.name != wanted)


def controller_revisions(graph: Graph, workload: Workload) -> tuple[ReplicaSet, ...]:
    """All revisions, newest first.

    Each with the revision's name, number and template, and how many ready pods still run it.
    """
    if not isinstance(workload, StatefulSet | DaemonSet):
        return ()
    kept = [item for item in graph.owned_by(workload) if isinstance(item, ControllerRevision)]
    kept.sort(key=lambda item: item.revision, reverse=True)
    told = (_as_replica_set(graph, workload, item) for item in kept)
    return tuple(item for item in told if item is not None)


def pods_of_revision(graph: Graph, workload: Workload, name: str) -> tuple[Pod, ...]:
    """Its pods that were made from this revision. A DaemonSet's label is the hash alone."""
    return tuple(
        pod
        for pod in graph.pods_of(workload)
        if (mark := pod.metadata.labels.get(HASH_LABEL))
        and (mark == name or name.endswith(f"-{mark}"))
    )


def template_of(snap: Snapshot, namespace: str, name: str) -> Mapping[str, Any] | None:
    """The template that a ControllerRevision holds, as JSON; None when there is none."""
    item = snap.get(ControllerRevision, namespace, name)
    data = as_json(snap, item).get("data") if item is not None else None
    spec = data.get("spec") if isinstance(data, Mapping) else None
    template = spec.get("template") if isinstance(spec, Mapping) else None
    if not isinstance(template, Mapping):
        return None
    return {key: value for key, value in template.items() if key != DIRECTIVE}


def _as_replica_set(
    graph: Graph, workload: Workload, item: ControllerRevision
) -> ReplicaSet | None:
    meta = item.metadata
    template = template_of(graph.snap, meta.namespace, meta.name)
    ready = sum(is_ready(pod) for pod in pods_of_revision(graph, workload, meta.name))
    made = {
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "creationTimestamp": meta.creation_timestamp,
            "annotations": {REVISION_ANNOTATION: str(item.revision)},
        },
        "spec": {"template": template},
        "status": {"readyReplicas": ready},
    }
    try:
        return msgspec.convert(made, ReplicaSet) if template is not None else None
    except msgspec.ValidationError:
        return None
