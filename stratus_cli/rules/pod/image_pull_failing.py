"""POD102 image-pull-failing: a container's image cannot be brought to the node.

Why it hurts: the container never starts, so a rollout stops and a rescheduled pod does not come
back.

How we tell: a container or init container waits with ErrImagePull, ImagePullBackOff,
InvalidImageName, ErrImageNeverPull, ImageInspectError or RegistryUnavailable.

Not this when: the image is still being pulled (ContainerCreating); the pod is terminating.

First look: the message of the event Failed in `kubectl describe pod`: not found, no permission, or
no answer from the registry are three different causes.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import IMAGE_REASONS, Part, live_pods, newest_event, parts
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD102", "image-pull-failing", Severity.DEGRADED, needs=("Pod",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        failing = [part for part in parts(pod) if part.waiting in IMAGE_REASONS]
        if failing:
            message = "; ".join(
                f"image {part.container.image} of container {part.status.name}"
                f" cannot be pulled ({part.waiting})"
                for part in failing
            )
            yield META.finding(ref_of(pod), message, evidence=tuple(_evidence(graph, pod, failing)))


def _evidence(graph: Graph, pod: Pod, failing: list[Part]) -> Iterator[Evidence]:
    for part in failing:
        yield field_evidence(pod, f"{part.status_path}.state.waiting.reason")
        yield field_evidence(pod, f"spec.{part.spec_path}.image")
    event = newest_event(graph, pod, "Failed", "InspectFailed", "ErrImageNeverPull")
    if event is not None:
        yield event_evidence(pod, event)
