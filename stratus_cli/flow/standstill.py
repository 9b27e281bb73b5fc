"""How long a change may show no progress before it is given up. Pure.

A rollout whose deadline is ten minutes need not be waited for that long when its new pods keep
failing; but a pod that is still pulling its image or starting up shows no progress either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from stratus_cli.kube.config_readers import CONFIGS, VOLUME_DELAY_S
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.kube.pods import Part, condition, is_live, is_ready, parts
from stratus_cli.model.objects_pod import Pod, Probe
from stratus_cli.model.objects_workload import Deployment, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

NO_PROGRESS_S = 90.0
"""Nothing moved for so long: it will not come. Our choice: longer than a kubelet's image pull
back-off step (80 s) and an EndpointSlice or HPA period, shorter than a person's patience."""
BACK_OFF_S = 330.0  # kubelet's longest: 300 s for a crash, 122 s for a mount (Kubernetes 1.34)
SLACK = 3  # our choice: so many times as long as earlier pods took to become ready
SEEN_AT_ONCE = (*WORKLOADS, "Service", "Ingress", "NetworkPolicy")
"""Kinds whose effect no pod's back-off delays: pods are made anew, or none is concerned."""
PULLING = ("", "ContainerCreating", "PodInitializing")


def standstill_s(graph: Graph, written: Iterable[Ref], troubled: Collection[Ref]) -> float:
    """Seconds without progress that are no proof of failure yet. troubled: pods with findings."""
    refs = tuple(written)
    if not is_seen_at_once(refs):
        # Pods that are not made anew come back when their back-off ends. One that starts again
        # just before a new value has come to its volume fails once more, and backs off anew.
        mounted = any(ref.kind in CONFIGS for ref in refs)
        return BACK_OFF_S + (VOLUME_DELAY_S if mounted else 0.0)
    found = [NO_PROGRESS_S]
    for ref in refs:
        item = graph.snap.find(ref)
        if isinstance(item, Workload):
            found.extend(_of_workload(graph, item, troubled))
    return max(found)


def is_seen_at_once(refs: Iterable[Ref]) -> bool:
    """Whether a change of these objects shows without waiting for pods that back off."""
    return all(ref.kind in SEEN_AT_ONCE for ref in refs)


def _of_workload(graph: Graph, workload: Workload, troubled: Collection[Ref]) -> Iterator[float]:
    new = [pod for pod in graph.new_pods_of(workload) if is_live(pod) and not is_ready(pod)]
    placed = [pod for pod in new if _is_scheduled(pod)]
    fine = [pod for pod in placed if ref_of(pod) not in troubled]
    if any(_is_pulling(part) for pod in fine for part in parts(pod)):
        yield _deadline(workload)
    boxes = [part for pod in placed for part in parts(pod) if not part.is_init]
    if any(part.status.state.running and not part.status.restart_count for part in boxes):
        yield max((_declared(part) for part in boxes), default=0.0)
        yield SLACK * max(_start_times(graph, workload), default=0.0)
        yield float(workload.spec.min_ready_seconds)


def _is_scheduled(pod: Pod) -> bool:
    found = condition(pod.status.conditions, "PodScheduled")
    return found is not None and found.status == "True"


def _is_pulling(part: Part) -> bool:
    """Neither started nor failed yet: the kubelet says when a pull or a mount goes wrong."""
    state = part.status.state
    return not state.running and not state.terminated and part.waiting in PULLING


def _deadline(workload: Workload) -> float:
    if isinstance(workload, Deployment):
        return float(workload.spec.progress_deadline_seconds)
    return BACK_OFF_S


def _declared(part: Part) -> float:
    """The time that the container's own probes give it to start."""
    container = part.container
    return sum(_allowed(probe) for probe in (container.startup_probe, container.readiness_probe))


def _allowed(probe: Probe | None) -> float:
    if probe is None:
        return 0.0
    return probe.initial_delay_seconds + probe.failure_threshold * probe.period_seconds


def _start_times(graph: Graph, workload: Workload) -> Iterator[float]:
    """How long pods of this workload that never restarted took to become ready."""
    for pod in graph.pods_of(workload):
        ready = condition(pod.status.conditions, "Ready")
        started = pod.status.start_time
        if ready is None or ready.status != "True" or ready.last_transition_time is None:
            continue
        if started is not None and not any(part.status.restart_count for part in parts(pod)):
            yield (ready.last_transition_time - started).total_seconds()
