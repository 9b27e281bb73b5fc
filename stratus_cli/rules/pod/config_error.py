"""POD103 container-config-error: a container cannot be created from what its pod refers to.

Why it hurts: the container never starts. A ConfigMap, Secret or key that its environment needs is
missing, or the runtime refuses its settings.

How we tell: a container waits with CreateContainerConfigError or CreateContainerError.

Not this when: the reference is optional; a volume is missing (POD104, the pod then waits in
ContainerCreating); the pod is terminating.

First look: the waiting message in `kubectl describe pod` names the object or key.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import CONFIG_REASONS, live_pods, parts
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD103", "container-config-error", Severity.DEGRADED, needs=("Pod",))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        failing = [part for part in parts(pod) if part.waiting in CONFIG_REASONS]
        if not failing:
            continue
        message = "; ".join(
            f"container {part.status.name} cannot be created:"
            f" {part.waiting_message or part.waiting}"
            for part in failing
        )
        evidence = tuple(
            field_evidence(pod, f"{part.status_path}.state.waiting.{field}")
            for part in failing
            for field in ("reason", "message")
        )
        yield META.finding(ref_of(pod), message, evidence=evidence)
