"""Who suffers: workloads with findings that somebody feels, and what stage those speak of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stratus_cli.kube.blame import Stage, stage_of
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of


@dataclass(frozen=True)
class Suffering:
    """A workload and what is said about it and its present pods.

    pods: those of the present template that a finding names.
    """

    workload: Workload
    pods: tuple[Pod, ...]
    findings: tuple[Finding, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What the findings speak of; those that say nothing only when no other does."""
        found = dict.fromkeys(stage_of(item.rule) for item in self.findings)
        known = tuple(stage for stage in found if stage is not Stage.ANY)
        return known or tuple(found)


def suffering(graph: Graph, findings: Iterable[Finding]) -> Iterator[Suffering]:
    """Each workload with a finding of its own, of its present pods or of its traffic, by ref."""
    said: dict[Ref, list[Finding]] = {}
    workloads: dict[Ref, Workload] = {}
    for finding in findings:
        if finding.severity < Severity.DEGRADED:
            continue
        for workload in _meant(graph, finding):
            workloads[ref_of(workload)] = workload
            said.setdefault(ref_of(workload), []).append(finding)
    for ref in sorted(workloads):
        workload = workloads[ref]
        present = {ref_of(pod): pod for pod in graph.new_pods_of(workload)}
        found = [item for item in said[ref] if item.ref.kind != "Pod" or item.ref in present]
        refs = dict.fromkeys(item.ref for item in found if item.ref in present)
        if found:
            yield Suffering(workload, tuple(present[one] for one in refs), tuple(found))


def _meant(graph: Graph, finding: Finding) -> tuple[Workload, ...]:
    """The workloads that a finding may be about."""
    item = graph.snap.find(finding.ref)
    if item is None:
        return ()
    if isinstance(item, Service):
        is_traffic = stage_of(finding.rule) is Stage.TRAFFIC
        return graph.selected_workloads(item) if is_traffic else ()
    if not finding.rule.startswith(("POD", "WRK", "SLO")):
        return ()
    top = graph.top_owner(item)
    return (top,) if isinstance(top, Workload) else ()
