"""Which findings say that a workload fails, besides those of its own rules: its pods and traffic.

What several causes ask when the fault is in a workload's own settings and shows elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import START_REASONS, parts
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

TRAFFIC = "SLO"  # the prefix of rules about traffic, logs of ready pods and alerts


def accused_by_traffic(
    graph: Graph, findings: Iterable[Finding], workload: Workload
) -> tuple[Finding, ...]:
    """Findings of traffic about the workload, a pod of it or a Service of it."""
    traffic = [item for item in findings if item.rule.startswith(TRAFFIC)]
    if not traffic:
        return ()
    refs = {ref_of(workload), *(ref_of(pod) for pod in graph.pods_of(workload))}
    refs |= {ref_of(service) for service in graph.services_of(workload)}
    return tuple(item for item in traffic if item.ref in refs)


def failing_pods(
    graph: Graph, findings: Iterable[Finding], workload: Workload, *codes: str
) -> tuple[Pod, ...]:
    """Pods of the present template that these rules complain about, by name.

    Those that cannot start at all, or were killed for memory, are left out: that says why.
    """
    refs = {item.ref for item in findings if item.rule in codes}
    pods = (pod for pod in graph.new_pods_of(workload) if ref_of(pod) in refs)
    return tuple(
        sorted(
            (pod for pod in pods if not _says_why(pod)),
            key=lambda pod: pod.metadata.name,
        )
    )


def _says_why(pod: Pod) -> bool:
    for part in parts(pod):
        end = part.last_end
        if part.waiting in START_REASONS:
            return True
        if end is not None and (end.reason in START_REASONS or "oom" in end.reason.lower()):
            return True
    return False
