"""A node has lost the label by which pods find it.

How we know: pods are unschedulable because of their nodeSelector, and a node lacks just what that
asks for but had it: such a pod was put there and runs there, or the recording taken when all was
well has the node with the label.

Known good: the label. The workload asks for what it always asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, quoted, read
from stratus_cli.kube.pod_needs import scheduler_says
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("node-label-lost", "a node has lost the label by which pods find it")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per node, label and workload that looks for it."""
    if not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    for faulty in case.faulty("POD105"):
        selector = faulty.template.node_selector
        pods = tuple(
            pod
            for pod in faulty.pods
            if selector
            and pod.spec.node_selector == selector
            and "node affinity/selector" in scheduler_says(pod)
        )
        if not pods:
            continue
        for node in place.freed(pods[0], lambda _, item: item.why is Why.NODE_SELECTOR):
            lost = _lost(node, selector)
            witness = _witness(place, node, selector)
            recorded = _recorded(case, node, lost)
            if lost and (witness is not None or recorded):
                yield _diagnosis(case, faulty, pods, node, lost, witness)


def _lost(node: Node, selector: Mapping[str, str]) -> dict[str, str]:
    """What the node would have to have."""
    labels = node.metadata.labels
    return {key: selector[key] for key in sorted(selector) if labels.get(key) != selector[key]}


def _witness(place: Placement, node: Node, selector: Mapping[str, str]) -> Pod | None:
    """A pod that runs here and asks for what the node has no more: it was put here before."""
    for pod in sorted(
        place.placed.get(node.metadata.name, ()), key=lambda item: item.metadata.name
    ):
        asks = pod.spec.node_selector
        if pod.status.phase == "Running" and all(
            asks.get(key) == value for key, value in _lost(node, selector).items()
        ):
            return pod
    return None


def _recorded(case: Case, node: Node, lost: Mapping[str, str]) -> bool:
    """Whether the node had these labels when all was well."""
    return bool(lost) and all(
        any(
            good.value == value
            for good in case.known_good.object_field(node, f"metadata.labels{quoted(key)}")
        )
        for key, value in lost.items()
    )


def _diagnosis(
    case: Case,
    faulty: Faulty,
    pods: tuple[Pod, ...],
    node: Node,
    lost: Mapping[str, str],
    witness: Pod | None,
) -> Diagnosis:
    paths = [f"metadata.labels{quoted(key)}" for key in lost]
    name = node.metadata.name
    source = (
        f"pod {witness.metadata.name} asks for it and was put there"
        if witness
        else "the recording has it so"
    )
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(node),
        field=paths[0] if len(paths) == 1 else "metadata.labels",
        observed=", ".join(as_text(read(node, path)) for path in paths),
        expected=", ".join(f"{key}={value}" for key, value in lost.items()),
        confidence=0.97,
        facts={
            "node": name,
            "labels": [f"{key}={value}" for key, value in lost.items()],
            "source": source,
        },
        evidence=(
            *(field_evidence(node, path) for path in paths),
            *((field_evidence(witness, "spec.nodeSelector"),) if witness else ()),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=case.explains(faulty, pods),
        check=f"kubectl get node {name} --show-labels: was it relabelled on purpose?",
    )
