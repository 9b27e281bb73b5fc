"""A workload's required node affinity asks for nodes that there are none of.

How we know: its pods are unschedulable, the scheduler says that no node matches, and no node of the
cluster, ready or not, satisfies the required node affinity of the template; without it a node would
take the pods.

Known good: the affinity of an earlier revision, a recording, or what was last applied, when a node
satisfies it. Without any of these the requirement is taken out, when no other workload of the
namespace is bound to nodes: nothing else says that these pods belong on particular ones.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.node_match import node_selector_holds
from stratus_cli.kube.pod_needs import affinity_of, scheduler_says
from stratus_cli.kube.scheduling import Why
from stratus_cli.kube.whole_field import put_whole
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod, PodSpec
from stratus_cli.model.objects_scheduling import Node, NodeSelector
from stratus_cli.model.objects_workload import DaemonSet

META = CauseMeta("node-affinity-unsatisfiable", "no node is what the required node affinity asks")
REQUIRED = "nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload whose required node affinity no node satisfies."""
    nodes = case.graph.snap.of(Node)
    if not nodes or not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    for faulty in case.faulty("POD105"):
        required = _required(faulty.template.affinity)
        if required is None or isinstance(faulty.owner, DaemonSet):
            continue
        if any(node_selector_holds(required, node) for node in nodes):
            continue
        pods = tuple(
            pod
            for pod in faulty.pods
            if "affinity" in scheduler_says(pod)
            and place.freed(pod, lambda _, item: item.why is Why.NODE_AFFINITY)
        )
        if pods:
            yield _diagnosis(case, faulty, pods)


def _diagnosis(case: Case, faulty: Faulty, pods: tuple[Pod, ...]) -> Diagnosis:
    whole = f"{faulty.prefix}affinity"
    field = f"{whole}.{REQUIRED}"
    facts = case.facts(faulty, whole)
    expected = _expected(case, faulty, whole)
    if expected is not None:
        value, source, _ = expected
        facts |= {"affinity_patch": put_whole(whole, value), "source": source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=as_text(read(faulty.owner, field)),
        expected=(as_text(expected[0]) if expected[0] else "no affinity") if expected else None,
        confidence=expected[2] if expected else 0.8,
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=case.explains(faulty, pods),
        check="kubectl get nodes --show-labels: was a node removed, or has it lost a label?",
    )


def _expected(
    case: Case, faulty: Faulty, field: str
) -> tuple[Mapping[str, Any], str, float] | None:
    """(affinity, who says so, how sure)."""
    if faulty.workload is None:
        return None
    nodes = case.graph.snap.of(Node)
    for good in case.known_good.workload_field(faulty.workload, field):
        value = good.value if isinstance(good.value, dict) else {}
        required = _required(value)
        if required is None or any(node_selector_holds(required, node) for node in nodes):
            return value, good.source, 0.96
    others = case.graph.workloads_in(faulty.ref.namespace)
    if any(_is_bound(item.spec.template.spec) for item in others if item is not faulty.owner):
        return None
    kept = copy.deepcopy(faulty.template.affinity)
    kept["nodeAffinity"].pop(REQUIRED.partition(".")[2])
    if not kept["nodeAffinity"]:
        del kept["nodeAffinity"]
    return kept, "no node is like that, and no other workload here is bound to nodes", 0.88


def _is_bound(spec: PodSpec) -> bool:
    return bool(spec.node_selector) or _required(spec.affinity) is not None


def _required(affinity: Mapping[str, Any]) -> NodeSelector | None:
    spec = msgspec.structs.replace(PodSpec(), affinity=dict(affinity))
    found = affinity_of(spec)
    node = found.node_affinity if found else None
    return node.required_during_scheduling_ignored_during_execution if node else None
