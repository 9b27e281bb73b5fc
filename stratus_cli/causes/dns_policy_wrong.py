"""A workload's own DNS settings lead it out of the cluster, so no Service's name resolves.

How we know: dnsPolicy and dnsConfig of the template ask resolvers outside the cluster, while the
workload calls Services by name; surer when its log says so or the settings were different before.

Known good: dnsPolicy and dnsConfig of an earlier revision, a recording, or what was last applied;
else Kubernetes' default, ClusterFirst (ClusterFirstWithHostNet on the node's network).
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_LINES, Case
from stratus_cli.causes.setting import (
    PREFIX,
    Setting,
    earlier_of,
    facts_of_container,
    value_of,
    wrong_setting,
)
from stratus_cli.kube.accused import failing_pods
from stratus_cli.kube.dns_settings import names_called, outside
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.log_patterns import UNRESOLVED
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("dns-policy-wrong", "the workload's DNS settings do not know the cluster's names")
CODES = ("POD101", "POD106", "POD107", "POD108", "POD109")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload."""
    for finding in case.of_rule("WRK206"):
        workload = case.graph.snap.find(finding.ref)
        if not isinstance(workload, Workload):
            continue
        field = outside(case.graph, workload.spec.template.spec)
        if field:
            yield _diagnosis(case, workload, field)


def _diagnosis(case: Case, workload: Workload, field: str) -> Diagnosis:
    said = [
        fact for facts in facts_of_container(case, workload, UNRESOLVED).values() for fact in facts
    ]
    good = earlier_of(case, workload, ("dnsPolicy", "dnsConfig", "hostNetwork"))
    confidence = 0.95 if good else 0.9 if said else 0.8
    if good is None:
        spec = workload.spec.template.spec
        policy = "ClusterFirstWithHostNet" if spec.host_network else "ClusterFirst"
        wanted: dict[str, str | None] = {"dnsPolicy": policy}
        if value_of(workload, "dnsConfig") is not None:
            wanted["dnsConfig"] = None  # its name servers would be asked as well
        good = Setting(wanted, "Kubernetes' default", known=False)
    if field not in good.values:
        field = next(iter(good.values))
    evidence = [fact.evidence for fact in said[:SHOWN_LINES]]
    if value_of(workload, "dnsConfig") is not None:
        evidence.insert(0, field_evidence(workload, f"{PREFIX}dnsConfig"))
    return wrong_setting(
        case,
        META,
        workload,
        field,
        good=good,
        confidence=confidence,
        pods=failing_pods(case.graph, case.findings, workload, *CODES),
        codes=CODES,
        evidence=evidence,
        also=[("WRK206", ref_of(workload))],
        facts={"names": ", ".join(names_called(case.graph, workload)[:3])},
        check="kubectl exec POD -- cat /etc/resolv.conf: the cluster's DNS should be first",
    )
