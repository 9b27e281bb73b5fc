"""A record in a queue that its consumer cannot decode stops the consumer, again and again.

How we know: a consumer's log says that it cannot decode a record at an offset, the same one after a
restart, while neither its template nor what it reads was changed before that.

Known good: none. Skipping a record loses it, and only a person may decide that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from stratus_cli.causes.case import Case, Explained
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.lately import changed_at
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import UNDECODABLE
from stratus_cli.kube.victims import hurt
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("record-undecodable", "a record that cannot be decoded stops its consumer")

LATELY = timedelta(hours=1)  # our choice: a consumer that was changed since may be what is wrong
SHOWN = 2


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per consumer that is stopped by a record."""
    for workload in sorted(case.graph.workloads, key=ref_of):
        pods = [ref_of(pod) for pod in case.graph.new_pods_of(workload)]
        facts = facts_of_pods(case.graph.snap, pods, UNDECODABLE)
        explains = hurt(case.graph, case.findings, [workload]) if facts else ()
        if explains:
            keys = tuple(dict.fromkeys((*explains, *case.consequences(workload))))
            yield _diagnosis(case, workload, facts, keys)


def _diagnosis(
    case: Case, workload: Workload, facts: tuple[LogFact, ...], explains: Explained
) -> Diagnosis:
    ref = ref_of(workload)
    offsets = sorted({fact.target for fact in facts if fact.target.isdigit()}, key=int)
    same = len(offsets) == 1
    at = changed_at(case.graph, workload)
    changed = at is not None and case.graph.snap.taken_at - at <= LATELY
    sure = 0.85 if same else 0.6
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field="",
        observed=f"cannot decode the record at offset {offsets[0]}" if same else "cannot decode",
        expected=None,
        # What was changed lately may read records otherwise than before.
        confidence=sure * 0.6 if changed else sure,
        facts={"namespace": ref.namespace, "workload": ref.name},
        evidence=(
            field_evidence(workload, "metadata.name"),
            *(fact.evidence for fact in facts[:SHOWN]),
        ),
        explains=explains,
        check="read the record at that offset: who wrote it, and in which format?",
    )
