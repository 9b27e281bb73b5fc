"""Containers that kubelet ends for their liveness or startup probe. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import EVENT_WINDOW_S, Part, age_s
from stratus_cli.model.objects import Event
from stratus_cli.model.objects_pod import Pod

PROBES = {"liveness": "livenessProbe", "startup": "startupProbe"}


@dataclass(frozen=True, slots=True)
class ProbeKill:
    """name: "liveness" or "startup". event: Killing. failure: its newest Unhealthy, or None."""

    part: Part
    name: str
    event: Event
    failure: Event | None

    @property
    def field(self) -> str:
        """The probe's field of the container."""
        return PROBES[self.name]


def probe_kill(graph: Graph, pod: Pod, part: Part) -> ProbeKill | None:
    """How kubelet keeps ending this container for a probe; None when it does not, or no longer.

    kubelet's words: "Container web failed liveness probe, will be restarted" (pkg/kubelet/
    kuberuntime, computePodActions) and "Liveness probe failed: ..." (pkg/kubelet/prober).
    """
    if not part.status.restart_count and part.status.state.terminated is None:
        return None
    for name in PROBES:
        said = f"Container {part.status.name} failed {name} probe"
        event = _newest(graph, pod, "Killing", said)
        if event is None or age_s(graph, event.last_seen) > EVENT_WINDOW_S:
            continue
        failure = _newest(graph, pod, "Unhealthy", f"{name.capitalize()} probe ")
        running = part.status.state.running
        if running is None or running.started_at is None:
            return ProbeKill(part, name, event, failure)
        # Failed again since its last start: the restart did not help.
        if failure and failure.last_seen and failure.last_seen > running.started_at:
            return ProbeKill(part, name, event, failure)
    return None


def _newest(graph: Graph, pod: Pod, reason: str, start: str) -> Event | None:
    events = (
        event
        for event in graph.events_of(pod)
        if event.reason == reason and event.message.startswith(start)
    )
    return max(events, key=lambda event: (str(event.last_seen), event.message), default=None)
