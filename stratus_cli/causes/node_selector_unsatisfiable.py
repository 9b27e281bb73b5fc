"""A workload's nodeSelector asks for a label that no node has.

How we know: its pods are unschedulable, and no node of the cluster, ready or not, has all the
labels that the template's nodeSelector asks for.

Known good: the nodeSelector of an earlier revision, a recording, or what was last applied. Without
any of these the keys that no node satisfies are taken out, when no other workload of the namespace
has a nodeSelector: nothing else says that these pods belong on particular nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, quoted
from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_scheduling import Node

META = CauseMeta("node-selector-unsatisfiable", "no node has the labels of the nodeSelector")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload whose nodeSelector no node satisfies."""
    nodes = case.graph.snap.of(Node)
    if not nodes or not case.graph.snap.was_read("Node"):
        return
    for faulty in case.faulty("POD105"):
        selector = faulty.template.node_selector
        pods = [pod for pod in faulty.pods if pod.spec.node_selector == selector]
        if not selector or not pods:
            continue
        if any(matches_map(selector, node.metadata.labels) for node in nodes):
            continue
        yield _diagnosis(case, faulty)


def _diagnosis(case: Case, faulty: Faulty) -> Diagnosis:
    field = f"{faulty.prefix}nodeSelector"
    selector = faulty.template.node_selector
    wrong = _unsatisfied(case, selector)
    expected = _expected(case, faulty, field, wrong)
    facts = case.facts(faulty, field, node_selector=dict(selector))
    if expected is not None:
        wanted, source, _ = expected
        gone = {key: None for key in sorted(selector) if key not in wanted}
        moved = {key: wanted[key] for key in sorted(wanted) if selector.get(key) != wanted[key]}
        facts |= {"node_selector_patch": gone | moved, "source": source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=f"{field}{quoted(wrong[0])}" if len(wrong) == 1 else field,
        observed=as_text({key: selector[key] for key in wrong}),
        expected=(as_text(dict(expected[0])) if expected[0] else "no nodeSelector")
        if expected
        else None,
        confidence=expected[2] if expected else 0.8,
        facts=facts | case.changed(faulty.owner, field),
        evidence=(*case.field_evidence(faulty.owner, field), *_evidence(case, faulty, wrong)),
        explains=case.explains(faulty, faulty.pods),
        check="kubectl get nodes --show-labels: was a node removed, or has it lost a label?",
    )


def _unsatisfied(case: Case, selector: Mapping[str, str]) -> list[str]:
    """Keys whose value no node has; all keys when each is somewhere but never together."""
    nodes = case.graph.snap.of(Node)
    alone = [
        key
        for key in sorted(selector)
        if not any(node.metadata.labels.get(key) == selector[key] for node in nodes)
    ]
    return alone or sorted(selector)


def _expected(
    case: Case, faulty: Faulty, field: str, wrong: list[str]
) -> tuple[Mapping[str, str], str, float] | None:
    """(nodeSelector, who says so, how sure)."""
    if faulty.workload is None:
        return None
    nodes = case.graph.snap.of(Node)
    for good in case.known_good.workload_field(faulty.workload, field):
        wanted = good.value if isinstance(good.value, dict) else {}
        if any(matches_map(wanted, node.metadata.labels) for node in nodes):
            return wanted, good.source, 0.96
    others = [
        item
        for item in case.graph.workloads_in(faulty.ref.namespace)
        if item is not faulty.owner and item.spec.template.spec.node_selector
    ]
    if others:
        return None
    kept = {key: value for key, value in faulty.template.node_selector.items() if key not in wrong}
    source = "no node has these labels, and no other workload here is bound to nodes"
    return kept, source, 0.88


def _evidence(case: Case, faulty: Faulty, wrong: list[str]) -> Iterator[Evidence]:
    for pod in faulty.pods[:SHOWN_PODS]:
        yield field_evidence(pod, "status.conditions[type=PodScheduled].message")
    nodes = sorted(case.graph.snap.of(Node), key=lambda node: node.metadata.name)
    for node in nodes[:SHOWN_PODS]:
        for key in wrong:
            yield field_evidence(node, f"metadata.labels{quoted(key)}")
