"""POD109 init-waiting: an init container waits for a name that nobody in the cluster has.

Why it hurts: the pod's own containers never start, however long it waits.

How we tell: an init container that is not a sidecar has been running for more than 20 seconds, and
its command, args or env name a host that can only be a Service's, while no such Service exists; or
for more than 10 seconds, and its log says of a name that it does not resolve.

Not this when: the Service is there and its pods are not ready yet; the name is one of outside the
cluster and resolves; the init container has not run for long (POD107 speaks of any that runs on).

First look: `kubectl logs POD -c INIT-CONTAINER`, and `kubectl get service` for the name.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import live_pods, parts
from stratus_cli.kube.waited_for import nobody, unresolved, waits_on
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("POD109", "init-waiting", Severity.DEGRADED, needs=("Pod", "Service"))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per pod."""
    for pod in live_pods(graph):
        for part in parts(pod):
            said = unresolved(graph, pod, part)
            if not waits_on(graph, part, said=bool(said)):
                continue
            named = nobody(graph, pod.metadata.namespace, part.container, part.spec_path)
            hosts = sorted({item.host for item in named} | said)
            if not hosts:
                continue
            both = any(item.host in said for item in named)
            yield META.finding(
                ref_of(pod),
                f"init container {part.status.name} waits for {', '.join(hosts)},"
                " which nobody in the cluster is",
                confidence=Confidence.HIGH if both else Confidence.MEDIUM,
                evidence=(field_evidence(pod, f"{part.status_path}.state.running.startedAt"),),
            )
            break
