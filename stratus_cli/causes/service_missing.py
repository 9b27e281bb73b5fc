"""A Service that workloads call is not there.

How we know: an address names it, no Service has that name or nearly that name, and somebody is hurt
by it. It is surest when a recording has it, and nearly as sure when a workload of that name serves
and no Service selects it.

Known good: the Service as recorded; else one for the workload that it would front, on the port that
the callers use, where the workload declares the port to send it to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic, failing_pods
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import UNRESOLVED
from stratus_cli.kube.missing_services import MissingService, declared_ports, missing_services
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_workload import StatefulSet, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("service-missing", "a Service that workloads call is missing")
WELL_KNOWN = {80: "http", 443: "https", 53: "dns", 25: "smtp"}
"""What a container calls the port that a Service serves by these numbers (IANA)."""
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per missing Service that hurts somebody."""
    complained = {finding.ref for finding in case.of_rule("SVC303", "NET702")}
    for missing in missing_services(case.graph):
        callers = [
            item
            for ref in dict.fromkeys(call.caller for call in missing.calls)
            if isinstance(item := case.graph.snap.find(ref), Workload) and ref in complained
        ]
        routed = [call.caller for call in missing.calls if call.caller.kind == "Ingress"]
        if callers or complained.intersection(routed):
            yield _diagnosis(case, missing, callers, routed)


def _diagnosis(
    case: Case, missing: MissingService, callers: list[Workload], routed: list[Ref]
) -> Diagnosis:
    ref = missing.ref
    manifest, source, confidence = _manifest(case, missing)
    said = _said(case, ref, callers)
    facts: dict[str, object] = {"namespace": ref.namespace, "service": ref.name}
    if manifest is not None:
        facts |= {"manifest": manifest, "source": source}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field="",
        observed="(absent)",
        expected=f"as {source}" if manifest is not None else None,
        confidence=confidence if manifest is not None or said else 0.5,
        facts=facts,
        evidence=(
            absent_evidence(ref),
            *(
                field_evidence(item, call.field)
                for call in missing.calls[:2]
                if call.field and (item := case.graph.snap.find(call.source)) is not None
            ),
            *(fact.evidence for fact in said[:2]),
        ),
        explains=(
            *_explains(case, callers, said),
            *case.present(("NET702", item) for item in routed),
        ),
        check=f"from a caller's pod, resolve {ref.name}; was the Service deleted or renamed?",
    )


def _explains(
    case: Case, callers: list[Workload], said: list[LogFact]
) -> tuple[tuple[str, Ref], ...]:
    keys: list[tuple[str, Ref]] = []
    talking = {fact.pod for fact in said}
    for caller in callers:
        pods = failing_pods(case.graph, case.findings, caller, *SHOWS_IN)
        keys.append(("SVC303", ref_of(caller)))
        keys.extend(
            (code, ref_of(pod))
            for pod in pods
            if ref_of(pod) in talking or not talking
            for code in SHOWS_IN
        )
        keys.extend(item.key for item in accused_by_traffic(case.graph, case.findings, caller))
        keys.extend(case.consequences(caller))
    return case.present(keys)


def _said(case: Case, ref: Ref, callers: list[Workload]) -> list[LogFact]:
    pods = [ref_of(pod) for caller in callers for pod in case.graph.pods_of(caller)]
    return [
        fact
        for fact in facts_of_pods(case.graph.snap, pods, UNRESOLVED)
        if fact.said.host.partition(".")[0] == ref.name
    ]


def _manifest(case: Case, missing: MissingService) -> tuple[dict[str, Any] | None, str, float]:
    """(manifest, who says so, confidence)."""
    recorded = case.known_good.object(missing.ref)
    if recorded is not None and isinstance(recorded.value, dict):
        return recorded.value, f"in the {recorded.source}", 0.96
    workload = missing.workload
    if workload is None:
        return None, "", 0.7
    ports = _ports(missing, workload)
    selector = workload.spec.selector
    if ports is None or not selector.match_labels or selector.match_expressions:
        return None, "", 0.85
    spec: dict[str, Any] = {"selector": dict(selector.match_labels), "ports": ports}
    if isinstance(workload, StatefulSet) and workload.spec.service_name == missing.ref.name:
        spec["clusterIP"] = "None"
    meta = {"name": missing.ref.name, "namespace": missing.ref.namespace}
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
    source = f"{workload.KIND} {workload.metadata.name} declares its ports and callers name them"
    return manifest, source, 0.9


def _ports(missing: MissingService, workload: Workload) -> list[dict[str, Any]] | None:
    """The Service's ports: those that callers name, each sent to a declared one."""
    declared = declared_ports(workload)
    called = sorted({call.port for call in missing.calls if call.port})
    if not called:
        called = [declared[0].container_port] if len(declared) == 1 else []
    made = []
    for number in called:
        same = [item for item in declared if item.container_port == number]
        named = [item for item in declared if item.name and item.name == WELL_KNOWN.get(number)]
        target = same or (list(declared) if len(declared) == 1 else named)
        if len(target) != 1:
            return None
        port: dict[str, Any] = {
            "port": number,
            "targetPort": target[0].container_port,
            "protocol": target[0].protocol,
        }
        if target[0].name:
            port["name"] = target[0].name
        elif len(called) > 1:
            port["name"] = f"port-{number}"
        made.append(port)
    names = [item.get("name") for item in made]
    return made if made and len(names) == len(set(names)) else None
