"""What a pod's status says: how far its containers are, and whether it still has time.

Predicates that several rules and causes share. Nothing here judges severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects import Condition, Event, KubeObject
from stratus_cli.model.objects_pod import (
    Container,
    ContainerStateTerminated,
    ContainerStatus,
    Pod,
    Probe,
)
from stratus_cli.model.objects_scheduling import Node

# Reasons as kubelet writes them (pkg/kubelet: images/types.go, container/sync_result.go).
IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError"})
START_REASONS = frozenset({"RunContainerError", "StartError", "ContainerCannotRun"})

RESTART_WINDOW_S = 600.0
"""A restart older than this is history: kubelet resets a container's restart back-off after ten
minutes of running (kubernetes.io, Pod Lifecycle, "Container restart policy")."""

TIMES_OUTLIVED, OUTLIVED_S = 3.0, 60.0
"""Our choice: much longer than it lived before, and long enough for probes to say that it works."""
FIRST_BACK_OFF_S = 10.0
"""kubelet's first back-off (backOffPeriod in pkg/kubelet). A container that ran for less after its
second restart, or for less than before it, has not shown yet that the loop is over; without this, a
look between two crashes would find nothing wrong."""

CREATION_ALLOWANCE_S = 60.0
"""For scheduling, volumes and the image. Our choice: Kubernetes' pod start-up SLO is 5 s without
the pull (sig-scalability), and a minute more delays a true alarm by no more than that."""

STATUS_LAG_S = 10.0
"""kubelet reports a pod's status at least this often (syncPeriod in pkg/kubelet/status)."""

EVENT_WINDOW_S = 300.0
"""Events are repeated at most this far apart while their problem lasts (kubelet's longest
back-off, MaxContainerBackOff)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One container of a pod with its status."""

    container: Container
    status: ContainerStatus
    is_init: bool

    @property
    def spec_path(self) -> str:
        """Path below a pod spec."""
        return f"{'initContainers' if self.is_init else 'containers'}[name={self.status.name}]"

    @property
    def status_path(self) -> str:
        """Path below the pod."""
        kind = "initContainerStatuses" if self.is_init else "containerStatuses"
        return f"status.{kind}[name={self.status.name}]"

    @property
    def waiting(self) -> str:
        """Reason it waits for, or ""."""
        return self.status.state.waiting.reason if self.status.state.waiting else ""

    @property
    def waiting_message(self) -> str:
        """What it says about that reason, or ""."""
        return self.status.state.waiting.message if self.status.state.waiting else ""

    @property
    def last_end(self) -> ContainerStateTerminated | None:
        """How it ended last: the present end, or the one before the last restart."""
        return self.status.state.terminated or self.status.last_state.terminated

    @property
    def end_path(self) -> str:
        """Path of last_end below the pod."""
        state = "state" if self.status.state.terminated else "lastState"
        return f"{self.status_path}.{state}.terminated"


def parts(pod: Pod) -> Iterator[Part]:
    """Init containers first; a container without status yet is left out."""
    for is_init, containers, statuses in (
        (True, pod.spec.init_containers, pod.status.init_container_statuses),
        (False, pod.spec.containers, pod.status.container_statuses),
    ):
        by_name = {status.name: status for status in statuses}
        for container in containers:
            if container.name in by_name:
                yield Part(container, by_name[container.name], is_init)


def is_live(pod: Pod) -> bool:
    """Meant to run: neither terminating nor finished."""
    return pod.metadata.deletion_timestamp is None and pod.status.phase not in (
        "Succeeded",
        "Failed",
    )


def live_pods(graph: Graph) -> tuple[Pod, ...]:
    """Every live pod, by namespace and name."""
    pods = (pod for pod in graph.snap.of(Pod) if is_live(pod))
    return tuple(sorted(pods, key=lambda pod: (pod.metadata.namespace, pod.metadata.name)))


def condition(conditions: tuple[Condition, ...], kind: str) -> Condition | None:
    """The condition of this type, or None."""
    return next((item for item in conditions if item.type == kind), None)


def is_ready(pod: Pod) -> bool:
    """The pod's Ready condition is True."""
    ready = condition(pod.status.conditions, "Ready")
    return ready is not None and ready.status == "True"


def age_s(graph: Graph, time: datetime | None) -> float:
    """Seconds from then to the snapshot; infinite when nothing says when."""
    return (graph.snap.taken_at - time).total_seconds() if time else float("inf")


def probe_allowance_s(container: Container) -> float:
    """How long after its start a container may be unready by its own probes."""
    return sum(
        probe.initial_delay_seconds + _probe_window_s(probe)
        for probe in (container.startup_probe, container.readiness_probe)
        if probe is not None
    )


def newest_event(graph: Graph, item: KubeObject, *reasons: str) -> Event | None:
    """The newest event about exactly this object with one of these reasons, or None."""
    events = [event for event in graph.events_of(item) if event.reason in reasons]
    return max(
        events,
        key=lambda event: (str(event.last_seen), event.message, event.metadata.name),
        default=None,
    )


def mount_failure(graph: Graph, pod: Pod) -> Event | None:
    """The event that says why this pod's volumes are not there, while it waits for them."""
    waiting = any(part.waiting in ("ContainerCreating", "PodInitializing") for part in parts(pod))
    if pod.status.phase != "Pending" or not waiting:
        return None
    event = newest_event(graph, pod, "FailedMount", "FailedAttachVolume", "FailedMapVolume")
    return event if event and age_s(graph, event.last_seen) <= EVENT_WINDOW_S else None


def crash_evidence(graph: Graph, part: Part) -> bool:
    """Whether this container keeps ending when it should run."""
    if part.waiting == "CrashLoopBackOff" or part.waiting in START_REASONS:
        return True
    end = part.last_end
    recent = end is not None and age_s(graph, end.finished_at) <= RESTART_WINDOW_S
    if end is not None and _has_outlived(graph, part, end):
        return False
    if part.is_init and end is not None and end.exit_code == 0:
        return False
    # NOTE: one or two restarts happen to a slow first start; kubelet backs off from the second.
    ended_again = part.status.state.terminated is not None or _is_on_trial(graph, part, end)
    return recent and part.status.restart_count >= (2 if ended_again else 3)


def _is_on_trial(graph: Graph, part: Part, end: ContainerStateTerminated | None) -> bool:
    """It has not run for as long as before yet. A life that made kubelet forget was no loop."""
    running, lived_s = part.status.state.running, _lived_s(end)
    least_s = max(FIRST_BACK_OFF_S, lived_s if lived_s < RESTART_WINDOW_S else 0.0)
    return running is not None and age_s(graph, running.started_at) < least_s


def _has_outlived(graph: Graph, part: Part, end: ContainerStateTerminated) -> bool:
    """It is ready and has run for much longer than the time before: what ended it is over."""
    running = part.status.state.running
    if running is None or not part.status.ready or end.started_at is None:
        return False
    return age_s(graph, running.started_at) > max(TIMES_OUTLIVED * _lived_s(end), OUTLIVED_S)


def _lived_s(end: ContainerStateTerminated | None) -> float:
    if end is None or end.started_at is None or end.finished_at is None:
        return 0.0
    return (end.finished_at - end.started_at).total_seconds()


def is_failing(graph: Graph, pod: Pod) -> bool:
    """Something says why this pod does not become ready; more time will not help by itself."""
    scheduled = condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return True
    bad = IMAGE_REASONS | CONFIG_REASONS
    if any(part.waiting in bad or crash_evidence(graph, part) for part in parts(pod)):
        return True
    return mount_failure(graph, pod) is not None


def unready_since(pod: Pod, part: Part) -> datetime | None:
    """Since when a running container has been unready: its start, or the pod's last change."""
    running = part.status.state.running
    ready = condition(pod.status.conditions, "ContainersReady")
    times = [running.started_at if running else None, ready.last_transition_time if ready else None]
    return max((time for time in times if time is not None), default=None)


def is_overdue(graph: Graph, pod: Pod, part: Part) -> bool:
    """A running container is unready for longer than its probes allow."""
    if part.is_init or part.status.ready or part.status.state.running is None:
        return False
    allowance = probe_allowance_s(part.container) + STATUS_LAG_S
    return age_s(graph, unready_since(pod, part)) > allowance or _had_its_time(pod, part, allowance)


def _had_its_time(pod: Pod, part: Part, allowance: float) -> bool:
    """Its life before this one was long enough and never ready: the next one gets no more time."""
    end = part.status.last_state.terminated
    ready = condition(pod.status.conditions, "ContainersReady")
    if end is None or end.started_at is None or end.finished_at is None or ready is None:
        return False
    since = ready.last_transition_time
    never = ready.status != "True" and since is not None and since <= end.started_at
    return never and (end.finished_at - end.started_at).total_seconds() > allowance


def is_on_lost_node(graph: Graph, pod: Pod) -> bool:
    """The pod is bound to a node that is not ready: kubelet does not bring it up there now.

    The node controller then sets the pod's Ready to False and leaves its containers as they were.
    """
    node = graph.snap.get(Node, "", pod.spec.node_name) if pod.spec.node_name else None
    ready = condition(node.status.conditions, "Ready") if node else None
    return ready is not None and ready.status != "True"


def is_starting(graph: Graph, pod: Pod) -> bool:
    """Not ready yet, with nothing against it and its start-up allowance not used up."""
    if not is_live(pod) or is_ready(pod) or is_failing(graph, pod) or is_on_lost_node(graph, pod):
        return False
    if any(_has_just_ended(graph, part) for part in parts(pod)):
        return True
    running = [part for part in parts(pod) if not part.is_init and part.status.state.running]
    if any(is_overdue(graph, pod, part) for part in running):
        return False
    if running and not any(part.status.state.waiting for part in parts(pod)):
        return True
    since = age_s(graph, pod.metadata.creation_timestamp)
    return since <= CREATION_ALLOWANCE_S + _longest_init_s(graph, pod)


def _has_just_ended(graph: Graph, part: Part) -> bool:
    """Killed once, and kubelet is about to start it again."""
    end = part.status.state.terminated
    return not part.is_init and end is not None and age_s(graph, end.finished_at) <= STATUS_LAG_S


def _probe_window_s(probe: Probe) -> float:
    return float(max(probe.period_seconds, probe.timeout_seconds) * probe.failure_threshold)


def _longest_init_s(graph: Graph, pod: Pod) -> float:
    """Time that init containers have been running is not counted against the start."""
    return sum(
        (end.finished_at - end.started_at).total_seconds()
        for part in parts(pod)
        if part.is_init and (end := part.status.state.terminated)
        if end.finished_at and end.started_at
    )
