"""STO601 claim-pending: pods wait for a claim that gets no volume.

Why it hurts: none of the pods that mount it can start.

How we tell: the claim is Pending for longer than a minute, a live pod mounts it, and the newest
word about it is that no volume was found or made (events ProvisioningFailed, FailedBinding or
ExternalProvisioning less than five minutes old).

Not this when: no pod mounts it; it waits for its first pod to be scheduled (WaitForFirstConsumer):
then the pod says what is wrong.

First look: `kubectl describe pvc`: the events, the class and the size.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.claims import users_of
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import CREATION_ALLOWANCE_S, EVENT_WINDOW_S, age_s
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_storage import PersistentVolumeClaim
from stratus_cli.model.snapshot import ref_of

META = RuleMeta(
    "STO601",
    "claim-pending",
    Severity.DEGRADED,
    needs=("PersistentVolumeClaim", "Pod", "Event"),
)

# Reasons as the volume controller writes them (pkg/controller/volume/events).
STUCK = frozenset({"ProvisioningFailed", "FailedBinding", "ExternalProvisioning"})


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per claim."""
    for claim in sorted(
        graph.snap.of(PersistentVolumeClaim),
        key=lambda item: (item.metadata.namespace, item.metadata.name),
    ):
        young = age_s(graph, claim.metadata.creation_timestamp) <= CREATION_ALLOWANCE_S
        events = graph.events_of(claim)
        if claim.status.phase != "Pending" or young or not events:
            continue
        newest = events[0]
        recent = age_s(graph, newest.last_seen) <= EVENT_WINDOW_S
        if newest.reason in STUCK and recent and users_of(graph, claim):
            yield META.finding(
                ref_of(claim),
                f"it gets no volume: {newest.message.strip()}",
                evidence=(
                    field_evidence(claim, "status.phase"),
                    event_evidence(claim, newest),
                ),
            )
