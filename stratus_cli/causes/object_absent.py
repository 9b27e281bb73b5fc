"""Something that a suffering workload or Service needs was there, is declared, and is gone.

How we know: a recording, the deployed Helm release or a folder of manifests has the object, the
cluster has not, and somebody who is hurt needs it: the workload behind a Service without endpoints,
a Service that is called, a reference of the pod template, a role of its account, a policy that let
its traffic through. A cause that knows the kind better comes first.

Known good: the object as recorded, released or declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Explained
from stratus_cli.kube.blame import Stage
from stratus_cli.kube.evidence import absent_evidence
from stratus_cli.kube.graph import config_maps_used
from stratus_cli.kube.log_facts import facts_of_pods
from stratus_cli.kube.log_patterns import FORBIDDEN
from stratus_cli.kube.network_policy import EGRESS, INGRESS, end_of, policies_of
from stratus_cli.kube.rbac import named_by
from stratus_cli.kube.selectors import matches_map, matches_raw
from stratus_cli.kube.states import with_age
from stratus_cli.kube.suffering import Suffering, suffering
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding, Severity
from stratus_cli.model.objects_network import Service
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("object-absent", "an object that is meant to be there is gone")

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
NEEDED = 0.7  # named by who suffers, or the only thing that could serve
LIKELY = 0.55  # it allowed something; whether just that is missing is not known


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per object that is gone and missed."""
    hurt = tuple(suffering(case.graph, case.findings))
    services = tuple(_services(case))
    namespaces = {who.workload.metadata.namespace for who in hurt}
    namespaces |= {service.metadata.namespace for service, _ in services}
    for namespace in sorted(namespaces):
        for ref, manifest in case.known_good.absent(namespace):
            sure, explains = _missed(case, ref, manifest, hurt, services)
            if explains:
                yield _diagnosis(case, ref, sure, explains)


def _services(case: Case) -> Iterator[tuple[Service, Finding]]:
    """Services that somebody feels."""
    for finding in case.findings:
        item = case.graph.snap.find(finding.ref)
        if isinstance(item, Service) and finding.severity >= Severity.DEGRADED:
            yield item, finding


def _missed(
    case: Case,
    ref: Ref,
    manifest: Mapping[str, Any],
    hurt: tuple[Suffering, ...],
    services: tuple[tuple[Service, Finding], ...],
) -> tuple[float, Explained]:
    """(how sure, what its absence explains)."""
    keys: list[tuple[str, Ref]] = []
    sure = 0.0
    if ref.kind in WORKLOADS:
        labels = _at(manifest, "spec", "template", "metadata", "labels")
        keys.extend(
            finding.key
            for service, finding in services
            if service.metadata.namespace == ref.namespace and _would_serve(case, service, labels)
        )
        sure = NEEDED
    for who in hurt:
        how = _needs(case, who, ref, manifest)
        if how:
            sure = max(sure, how)
            keys.extend(finding.key for finding in who.findings)
            keys.extend(case.consequences(who.workload))
    return sure, case.present(keys)


def _would_serve(case: Case, service: Service, labels: object) -> bool:
    """A Service that nothing serves now, and these pods would."""
    selector = service.spec.selector
    if not selector or not isinstance(labels, Mapping) or not matches_map(selector, labels):
        return False
    return not case.graph.selected_workloads(service)


def _needs(case: Case, who: Suffering, ref: Ref, manifest: Mapping[str, Any]) -> float:
    """How sure it is that this workload misses the object; 0 when it does not need it."""
    here = who.workload.metadata.namespace
    if ref.namespace != here:
        return 0.0
    spec = who.workload.spec.template.spec
    felt = any(stage in (Stage.TRAFFIC, Stage.RUNNING, Stage.INIT) for stage in who.stages)
    account = spec.service_account_name or "default"
    match ref.kind:
        case "Service":
            calls = case.graph.calls.of(ref_of(who.workload))
            return NEEDED if any(call.absent and _same(call.callee, ref) for call in calls) else 0.0
        case "ConfigMap":
            used = {name for name, _, optional in config_maps_used(spec) if not optional}
            return NEEDED if ref.name in used else 0.0
        case "ServiceAccount":
            return NEEDED if ref.name == account else 0.0
        case "RoleBinding" if felt and _is_denied(case, who):
            return NEEDED if _binds(manifest, here, account) else 0.0
        case "Role" if felt and _is_denied(case, who):
            return NEEDED if _is_given(case, ref, account) else 0.0
        case "NetworkPolicy" if felt:
            return LIKELY if _let_through(case, who, manifest) else 0.0
        case "Deployment" | "StatefulSet" | "DaemonSet" if felt:
            labels = _at(manifest, "spec", "template", "metadata", "labels")
            calls = case.graph.calls.of(ref_of(who.workload))
            called = (case.graph.snap.find(call.callee) for call in calls)
            serves = (
                isinstance(one, Service) and _would_serve(case, one, labels) for one in called
            )
            return NEEDED if any(serves) else 0.0
    return 0.0


def _same(one: Ref, other: Ref) -> bool:
    return (one.kind, one.namespace, one.name) == (other.kind, other.namespace, other.name)


def _is_denied(case: Case, who: Suffering) -> bool:
    """Whether its logs say that the API server did not let it."""
    pods = [ref_of(pod) for pod in case.graph.pods_of(who.workload)]
    return bool(facts_of_pods(case.graph.snap, pods, FORBIDDEN))


def _binds(manifest: Mapping[str, Any], namespace: str, account: str) -> bool:
    """Whether the binding names the account itself."""
    subjects = manifest.get("subjects")
    return any(
        isinstance(subject, Mapping)
        and subject.get("kind") == "ServiceAccount"
        and subject.get("name") == account
        and (subject.get("namespace") or namespace) == namespace
        for subject in (subjects if isinstance(subjects, list) else ())
    )


def _is_given(case: Case, ref: Ref, account: str) -> bool:
    """Whether a binding that is there gives this role to the account."""
    return any(
        binding.role_ref.kind == "Role" and binding.role_ref.name == ref.name
        for binding in named_by(case.graph, ref.namespace, account)
    )


def _let_through(case: Case, who: Suffering, manifest: Mapping[str, Any]) -> bool:
    """Whether the policy was about these pods, and others isolate them still."""
    labels = who.workload.spec.template.metadata.labels
    if not matches_raw(_at(manifest, "spec", "podSelector"), labels):
        return False
    end = end_of(case.graph, who.workload)
    return any(policies_of(case.graph, end, direction) for direction in (INGRESS, EGRESS))


def _at(node: object, *names: str) -> Any:  # noqa: ANN401  # JSON
    for name in names:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _diagnosis(case: Case, ref: Ref, sure: float, explains: Explained) -> Diagnosis:
    good = case.known_good.object(ref)
    facts: dict[str, object] = {"namespace": ref.namespace, "name": ref.name}
    if good is not None:
        facts |= {"manifest": good.value, "source": with_age(good.source, good.age_s)}
    symptoms = [finding for finding in case.findings if finding.key in explains]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field="",
        observed="(absent)",
        expected=f"as {good.source}" if good is not None else None,
        confidence=sure,
        facts=facts,
        evidence=(
            absent_evidence(ref),
            *(piece for finding in symptoms[:SHOWN_PODS] for piece in finding.evidence),
        ),
        explains=explains,
        check=f"ask whether {ref.kind} {ref.name} was given up on purpose",
    )
