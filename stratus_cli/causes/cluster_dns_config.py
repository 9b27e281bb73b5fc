"""The Corefile of the cluster's DNS keeps names of Services from resolving.

How we know: by the Corefile itself: a plugin refuses, rewrites or overrides the name of a Service
that is there, the cluster's domain is not served, or the file cannot be read. Callers that say that
such a name does not resolve, and traffic that fails for them, follow from it.

Known good: the Corefile in a recording, a release or as last applied, where that has nothing wrong;
else the present one without the lines that do it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic
from stratus_cli.kube.cluster_dns import FIELD, KEY, ClusterDns, cluster_dns, dns_problems
from stratus_cli.kube.corefile import Problem, reloads, without
from stratus_cli.kube.log_facts import facts_of
from stratus_cli.kube.log_patterns import BAD_CONFIG, UNRESOLVED
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("cluster-dns-config", "the cluster's DNS is told not to answer for Services")
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")
SHOWN = 2


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Corefile."""
    for dns in cluster_dns(case.graph):
        found = dns_problems(case.graph, dns)
        if found:
            yield _diagnosis(case, dns, found)


def _diagnosis(case: Case, dns: ClusterDns, found: tuple[Problem, ...]) -> Diagnosis:
    good = _good(case, dns, found)
    facts: dict[str, object] = {
        "namespace": dns.config.metadata.namespace,
        "config_map": dns.config.metadata.name,
        "dns_kind": dns.workload.KIND.lower(),
        "dns_workload": dns.workload.metadata.name,
    }
    if good is not None:
        facts |= {"good_corefile": good.value, "source": good.source}
        if reloads(dns.text) and reloads(str(good.value)):
            facts["reloads"] = True
    said = list(_said(case))
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(dns.config),
        field=FIELD,
        observed="; ".join(item.what for item in found),
        expected=f"as {good.source}" if good else None,
        confidence=0.97 if all(item.lines for item in found) or good else 0.9,
        facts=facts | case.changed(dns.config, FIELD),
        evidence=(*case.field_evidence(dns.config, FIELD), *(piece for _, piece in said[:SHOWN])),
        explains=_explains(case, dns, [pod for pod, _ in said]),
        check="from a pod, look up kubernetes.default and one of the names",
    )


def _good(case: Case, dns: ClusterDns, found: tuple[Problem, ...]) -> KnownGood | None:
    for good in case.known_good.object_field(dns.config, FIELD):
        if not isinstance(good.value, str):
            continue
        data = {**dns.config.data, KEY: good.value}
        earlier = ClusterDns(dns.service, dns.workload, _with(dns, data))
        if not dns_problems(case.graph, earlier):
            return good
    cured = without(dns.text, found)
    return KnownGood(cured, "it is without these lines") if cured else None


def _with(dns: ClusterDns, data: dict[str, str]) -> ConfigMap:
    return ConfigMap(metadata=dns.config.metadata, data=data)


def _said(case: Case) -> Iterator[tuple[Ref, Evidence]]:
    """(pod, line) for each container that complains that a name does not resolve."""
    for tail in case.graph.snap.signals.logs:
        for fact in facts_of(tail):
            if fact.kind == UNRESOLVED:
                yield fact.pod, fact.evidence


def _explains(case: Case, dns: ClusterDns, talking: list[Ref]) -> tuple[tuple[str, Ref], ...]:
    keys: list[tuple[str, Ref]] = [("NET703", ref_of(dns.workload))]
    for pod in case.graph.pods_of(dns.workload):
        if _refuses_config(case, pod):
            keys.extend((code, ref_of(pod)) for code in SHOWS_IN)
            keys.extend(case.consequences(dns.workload))
    for ref in dict.fromkeys(talking):
        asker = case.graph.snap.find(ref)
        if asker is None:
            continue
        keys.extend((code, ref) for code in SHOWS_IN)
        owner = case.graph.top_owner(asker)
        if isinstance(owner, Workload):
            found = accused_by_traffic(case.graph, case.findings, owner)
            keys.extend(item.key for item in found)
            keys.extend(case.consequences(owner))
    return case.present(keys)


def _refuses_config(case: Case, pod: Pod) -> bool:
    ref = ref_of(pod)
    tails = [tail for tail in case.graph.snap.signals.logs if tail.pod == ref]
    return any(KEY in line for tail in tails for line in tail.lines) or any(
        fact.kind == BAD_CONFIG for tail in tails for fact in facts_of(tail)
    )
