"""What a deletion for good takes with it: everything inside a namespace, who stores in a claim."""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.model.change import Change
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_storage import PersistentVolumeClaim


def taken_along(graph: Graph, change: Change) -> Iterator[KubeObject]:
    """Units that stop or lose what they stored. Of a custom resource definition: not known."""
    ref = change.ref
    if ref.kind == "Namespace":
        yield from graph.workloads_in(ref.name)
        yield from graph.services_in(ref.name)
        yield from _claims(graph, ref.name)
    elif ref.kind == "PersistentVolumeClaim":
        yield from _users(graph, ref.namespace, ref.name)
    elif ref.kind == "PersistentVolume":
        for claim in graph.snap.of(PersistentVolumeClaim):
            if claim.spec.volume_name == ref.name:
                yield claim
                yield from _users(graph, claim.metadata.namespace, claim.metadata.name)


def _claims(graph: Graph, namespace: str) -> Iterator[PersistentVolumeClaim]:
    for claim in graph.snap.of(PersistentVolumeClaim):
        if claim.metadata.namespace == namespace:
            yield claim


def _users(graph: Graph, namespace: str, claim: str) -> Iterator[KubeObject]:
    """The workloads whose pods mount the claim; bare pods themselves."""
    for pod in graph.pods_in(namespace):
        if _mounts(pod, claim):
            yield graph.workload_of(pod) or pod


def _mounts(pod: Pod, claim: str) -> bool:
    sources = (volume.persistent_volume_claim for volume in pod.spec.volumes)
    return any(source is not None and source.claim_name == claim for source in sources)
