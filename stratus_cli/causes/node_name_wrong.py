"""A workload binds its pods to a node that does not exist.

How we know: its pods are Pending on a node that is not there, and the template names that node.

Known good: the nodeName of an earlier revision, a recording, or what was last applied, when there
is such a node. Without any of these none, so that the scheduler chooses.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.ref import Ref

META = CauseMeta("node-name-wrong", "pods are bound to a node that does not exist")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload."""
    for faulty in case.faulty("NOD403"):
        name = faulty.template.node_name
        pods = tuple(pod for pod in faulty.pods if name and pod.spec.node_name == name)
        if pods:
            yield _diagnosis(case, faulty, pods, name)


def _diagnosis(case: Case, faulty: Faulty, pods: tuple[Pod, ...], name: str) -> Diagnosis:
    field = f"{faulty.prefix}nodeName"
    facts = case.facts(faulty, field, node=name)
    if faulty.workload is not None:
        good = _good(case, faulty, field)
        facts["good_node"], facts["source"] = good or (None, "the scheduler finds a node")
    expected = facts.get("good_node") or "no nodeName"
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=name,
        expected=str(expected) if "good_node" in facts else None,
        confidence=0.95,
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            absent_evidence(Ref("Node", "", name, "v1")),
            *(field_evidence(pod, "spec.nodeName") for pod in pods[:SHOWN_PODS]),
        ),
        explains=case.explains(faulty, pods),
        check="kubectl get nodes: was a node of this name removed?",
    )


def _good(case: Case, faulty: Faulty, field: str) -> tuple[str | None, str] | None:
    nodes = {node.metadata.name for node in case.graph.snap.of(Node)}
    if faulty.workload is None:
        return None
    for good in case.known_good.workload_field(faulty.workload, field):
        if good.value is None or good.value in nodes:
            return good.value, good.source
    return None
