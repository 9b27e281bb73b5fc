"""A node runs out of memory, disk or process numbers, or says so.

How we know: a pressure condition of the node is True. What is unschedulable for want of this node
alone follows from that.

Known good: no pressure. What fills the node, or which eviction threshold was moved, is not in the
cluster's objects, so nothing is written for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.pods import condition
from stratus_cli.kube.scheduling import Why
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("node-under-pressure", "a node runs out of memory, disk or process numbers")
PRESSURE = ("DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per node under pressure."""
    place = case.placement
    for finding in case.of_rule("NOD402"):
        node = case.graph.snap.find(finding.ref)
        if not isinstance(node, Node):
            continue
        bad = [
            item
            for item in (condition(node.status.conditions, name) for name in PRESSURE)
            if item is not None and item.status == "True"
        ]
        keys = [finding.key]
        for faulty in case.faulty("POD105"):
            pods = [
                pod
                for pod in faulty.pods
                if node in place.freed(pod, lambda _, item: item.why is Why.CONDITION)
            ]
            keys += case.explains(faulty, pods) if pods else ()
        path = f"status.conditions[type={bad[0].type}]" if bad else "status.conditions"
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=ref_of(node),
            field=f"{path}.status",
            observed=", ".join(item.type for item in bad),
            expected="False",
            confidence=0.93,
            facts={"node": node.metadata.name},
            evidence=(*finding.evidence, field_evidence(node, f"{path}.reason")),
            explains=case.present(keys),
            check=f"kubectl describe node {node.metadata.name}: what its largest pods use",
        )
