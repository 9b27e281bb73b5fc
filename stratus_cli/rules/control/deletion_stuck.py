"""CTL802 deletion-stuck: an object is to be deleted, and what must happen first does not.

Why it hurts: it stays for ever, with what it holds; a namespace that cannot go takes no new
objects, and one of the same name cannot be made.

How we tell: it has a deletion timestamp and a finalizer of somebody's, or it is a namespace with
conditions that say what is left in it. It is degraded when the
controller that reads such objects may no longer change them by its role; else a risk after five
minutes.

Not this when: only Kubernetes' own finalizers are left (a claim in use, dependents that go first);
it is a pod.

First look: `kubectl get KIND NAME -o jsonpath='{.metadata.finalizers}'`, and the log of the
controller of that name. Taking the finalizer away by hand loses what it was to clean up.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.denials import terminating, waiting_for_rights
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import EVENT_WINDOW_S, age_s
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects import Namespace
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("CTL802", "deletion-stuck", Severity.RISK, needs=("Namespace",))

LONG_S = EVENT_WINDOW_S
"""Controllers try again within minutes: the same as the longest back-off of events."""


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per object."""
    unable = {ref_of(item.about): item for item in waiting_for_rights(graph)}
    for item in terminating(graph):
        if isinstance(item, Namespace):
            continue
        ref = ref_of(item)
        names = ", ".join(item.metadata.finalizers)
        evidence = (field_evidence(item, "metadata.finalizers"),)
        if ref in unable:
            found = unable[ref]
            yield META.finding(
                ref,
                f"is to be deleted and waits for {names}; ServiceAccount {found.account}"
                f" may not change {found.asked.resource}",
                severity=Severity.DEGRADED,
                evidence=(*evidence, *found.evidence),
            )
        elif age_s(graph, item.metadata.deletion_timestamp) > LONG_S:
            yield META.finding(
                ref,
                f"is to be deleted and waits for {names}",
                confidence=Confidence.MEDIUM,
                evidence=evidence,
            )
    yield from _namespaces(graph)


def _namespaces(graph: Graph) -> Iterator[Finding]:
    """Namespaces that do not go; their conditions say what is left in them."""
    for space in sorted(graph.snap.of(Namespace), key=lambda item: item.metadata.name):
        if age_s(graph, space.metadata.deletion_timestamp) <= LONG_S:
            continue
        if space.metadata.deletion_timestamp is None:
            continue
        left = [item for item in space.status.conditions if item.status == "True"]
        said = "; ".join(item.message.strip() for item in left) or "nothing says what is left"
        yield META.finding(
            ref_of(space),
            f"is to be deleted and does not go: {said}",
            confidence=Confidence.MEDIUM,
            evidence=(
                field_evidence(space, "status.phase"),
                *(
                    field_evidence(space, f"status.conditions[type={item.type}].message")
                    for item in left
                ),
            ),
        )
