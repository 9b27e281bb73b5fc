"""POD107 init-stuck: an init container runs on and on, so the pod's own containers never start.

Why it hurts: the pod stays in PodInitializing; most often the init container waits for something
that does not exist.

How we tell: an init container that is not a sidecar has been running for more than two minutes,
and a main container waits in PodInitializing.

Not this when: it is a sidecar (restartPolicy Always), which is meant to run; it crashes (POD101);
it has not run for long.

First look: `kubectl logs POD -c INIT-CONTAINER`: what is it waiting for?
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import Part, age_s, live_pods, parts
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD107", "init-stuck", Severity.DEGRADED, needs=("Pod",))

# Our choice: there is no upstream number. A migration may take longer, hence medium confidence
# until the 600 s after which a Deployment's rollout counts as stuck (apps/v1 default).
ALLOWANCE_S = 120.0
SURE_S = 600.0


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        for part in parts(pod):
            since = _running_s(graph, part)
            if since <= ALLOWANCE_S or not part.is_init:
                continue
            if part.container.restart_policy == "Always":
                continue
            yield META.finding(
                ref_of(pod),
                f"init container {part.status.name} has been running for {since:.0f} s",
                confidence=Confidence.HIGH if since > SURE_S else Confidence.MEDIUM,
                evidence=(field_evidence(pod, f"{part.status_path}.state.running.startedAt"),),
            )


def _running_s(graph: Graph, part: Part) -> float:
    running = part.status.state.running
    return age_s(graph, running.started_at) if running and running.started_at else 0.0
