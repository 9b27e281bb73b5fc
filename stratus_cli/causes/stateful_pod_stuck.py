"""A StatefulSet waits for a pod of an earlier revision that will not become ready.

How we know: the pod fails, its revision is not the one that is wanted now, and the controller has
seen the present template. In order (OrderedReady) it goes on only when each pod is ready, and it
does not replace one that never was (kubernetes.io, StatefulSets, "Forced rollback").

Known good: the present template. The controller makes the pod anew from it once the old one is
deleted; its claims stay.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.pods import is_failing, is_live
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import StatefulSet
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("stateful-pod-stuck", "a StatefulSet waits for a pod of an earlier revision")
LABEL = "controller-revision-hash"
FIELD = f"metadata.labels{quoted(LABEL)}"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per pod that is in the way."""
    for owner in sorted(case.graph.snap.of(StatefulSet), key=lambda item: str(ref_of(item))):
        status = owner.status
        if not status.update_revision or status.observed_generation < owner.metadata.generation:
            continue
        strategy = owner.spec.update_strategy
        rolling = strategy.rolling_update if strategy else None
        if strategy is not None and strategy.type == "OnDelete":
            continue  # somebody deletes pods by hand, when it suits them
        first = rolling.partition if rolling else 0
        for pod in sorted(case.graph.pods_of(owner), key=lambda item: item.metadata.name):
            has = pod.metadata.labels.get(LABEL, "")
            kept_back = _ordinal(pod) < first
            if not has or has == status.update_revision or kept_back or not is_live(pod):
                continue
            if is_failing(case.graph, pod):
                yield _diagnosis(case, owner, pod)


def _diagnosis(case: Case, owner: StatefulSet, pod: Pod) -> Diagnosis:
    ref = ref_of(pod)
    keys = [finding.key for finding in case.findings if finding.ref == ref]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=FIELD,
        observed=pod.metadata.labels[LABEL],
        expected=owner.status.update_revision,
        confidence=0.94,
        facts={
            "namespace": ref.namespace,
            "pod": ref.name,
            "workload": owner.metadata.name,
            "source": "the controller makes it anew from the present template",
        },
        evidence=(
            field_evidence(pod, FIELD),
            field_evidence(owner, "status.updateRevision"),
            *(
                piece
                for finding in case.findings
                if finding.ref == ref
                for piece in finding.evidence
            ),
        ),
        explains=case.present((*keys, *case.consequences(owner))),
        check=f"kubectl -n {ref.namespace} rollout status statefulset/{owner.metadata.name}",
    )


def _ordinal(pod: Pod) -> int:
    tail = pod.metadata.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() else 0
