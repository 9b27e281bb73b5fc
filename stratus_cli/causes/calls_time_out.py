"""Calls between two workloads are lost or late, though both are ready and nothing was changed.

How we know: a caller's log says that calls to a Service time out or break off, the Service has
ready endpoints, and no object that the caller rests on was edited within the hour. Then it is what
lies between them (the network of a node or pod, a saturated link) or the callee's inside: no field
of an object is wrong, and this says so instead of blaming one.

Known good: none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from stratus_cli.causes.case import Case
from stratus_cli.kube.called import service_named
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.lately import edited_at
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import RESET, TIMED_OUT, UNREACHABLE
from stratus_cli.kube.reach import reach
from stratus_cli.kube.timeline import template_changed_at
from stratus_cli.kube.victims import hurt
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("calls-time-out", "calls are lost or late, and no object was changed")

LATELY = timedelta(hours=1)  # our choice: who looks for a fault looks within the hour
SHOWN = 2


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Service that is called in vain."""
    found: dict[Ref, list[tuple[Workload, LogFact]]] = {}
    for workload in sorted(case.graph.workloads, key=ref_of):
        pods = [ref_of(pod) for pod in case.graph.new_pods_of(workload)]
        for fact in facts_of_pods(case.graph.snap, pods, TIMED_OUT, UNREACHABLE, RESET):
            called = service_named(case.graph, workload.metadata.namespace, fact.said.host)
            if called is not None and case.graph.ready_endpoints_of(called):
                found.setdefault(ref_of(called), []).append((workload, fact))
    for ref in sorted(found):
        service = case.graph.snap.find(ref)
        callers = {ref_of(workload): workload for workload, _ in found[ref]}
        explains = hurt(case.graph, case.findings, callers.values())
        quiet = not any(_was_changed(case, workload) for workload in callers.values())
        if isinstance(service, Service) and explains and quiet:
            facts = [fact for _, fact in found[ref]]
            names = ", ".join(sorted(one.name for one in callers))
            yield Diagnosis(
                cause=META.id,
                title=META.title,
                root=ref,
                field="",
                observed=f"calls of {names} to {ref.name} are lost or late; both are ready",
                expected=None,
                confidence=0.4,
                facts={"namespace": ref.namespace, "service": ref.name, "callers": names},
                evidence=(
                    field_evidence(service, "spec.clusterIP"),
                    *(fact.evidence for fact in facts[:SHOWN]),
                ),
                explains=explains,
                check=f"measure from a pod of {names} to each endpoint of {ref.name}: one or all?",
            )


def _was_changed(case: Case, workload: Workload) -> bool:
    """Whether anything that it rests on was edited within the hour."""
    now = case.graph.snap.taken_at
    for item, _ in reach(case.graph, workload, calls=True):
        rolled = template_changed_at(case.graph, item) if isinstance(item, Workload) else None
        made = item.metadata.creation_timestamp
        # A history that begins with the object is its creation, no change.
        times = [edited_at(item), rolled if rolled != made else None]
        if any(at is not None and now - at <= LATELY for at in times):
            return True
    return False
