"""A Service's target port is one that the containers behind it do not serve.

How we know: no selected container has a port of that name, or none declares or probes that number
while each says what it serves. It is surer when a recording or the last-applied annotation has
another target, or the Service was changed after it was made.

Known good: that other target, where the containers serve it; else the only port they declare, or
the one whose name is the Service port's.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.pods import is_live
from stratus_cli.kube.ports import (
    ServedPort,
    is_named_port_missing,
    is_number_unserved,
    port_path,
    served_ports,
    target_of,
)
from stratus_cli.kube.refused import relying_on
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects import IntOrString
from stratus_cli.model.objects_network import Service, ServicePort
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("target-port-unserved", "the Service's target port is served by no container")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per port."""
    for finding in case.of_rule("SVC302"):
        service = case.graph.snap.find(finding.ref)
        if not isinstance(service, Service):
            continue
        pods = sorted(
            (pod for pod in case.graph.selected_pods(service) if is_live(pod)),
            key=lambda pod: pod.metadata.name,
        )
        specs = [pod.spec for pod in pods]
        for port in service.spec.ports:
            if is_named_port_missing(port, specs) or is_number_unserved(port, specs):
                yield _diagnosis(case, service, port, pods)


def _diagnosis(case: Case, service: Service, port: ServicePort, pods: list[Pod]) -> Diagnosis:
    field = port_path(port)
    expected = _expected(case, service, port, pods)
    facts: dict[str, object] = {
        "namespace": service.metadata.namespace,
        "service": service.metadata.name,
        "port": port.port,
        "protocol": port.protocol,
        "port_index": service.spec.ports.index(port),
        "target_port": target_of(port),
    }
    if expected is not None:
        facts |= {"good_target_port": expected[0], "source": expected[1]}
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(service),
        field=field,
        observed=str(target_of(port)),
        expected=str(expected[0]) if expected else None,
        confidence=_confidence(case, service, port, expected),
        facts=facts | case.changed(service, field),
        evidence=(
            *case.field_evidence(service, field),
            *(
                field_evidence(pods[0], f"spec.containers[name={item.name}].ports")
                for item in pods[0].spec.containers
            ),
        ),
        explains=case.present(
            [
                ("SVC302", ref_of(service)),
                *relying_on(case.graph, case.findings, [service]),
            ]
        ),
        check="connect to the pod's address on both ports: the one that is refused is wrong",
    )


def _expected(
    case: Case, service: Service, port: ServicePort, pods: list[Pod]
) -> tuple[IntOrString, str] | None:
    """(target port, who says so)."""
    served = served_ports(pods[0].spec)
    for good in case.known_good.service_field(service, port_path(port)):
        # A target that was left out means the port itself.
        value = port.port if good.value is None else good.value
        if isinstance(value, int | str) and _is_served(value, served):
            return value, good.source
    declared = [item for item in served if item.declared and item.protocol == port.protocol]
    named = [item for item in declared if item.name and item.name == port.name]
    if len(named) == 1:
        return named[0].number, f"the port named {port.name} of container {named[0].container}"
    if len(declared) == 1:
        return declared[0].number, f"the only port that container {declared[0].container} declares"
    probed = {item.number for item in served if not item.declared}
    if not declared and len(probed) == 1:
        return probed.pop(), "the port that the container's probes talk to"
    return None


def _confidence(
    case: Case, service: Service, port: ServicePort, expected: tuple[IntOrString, str] | None
) -> float:
    earlier = case.known_good.service_field(service, port_path(port))
    change = last_change(service, port_path(port))
    was_changed = change is not None and not change.at_creation
    if expected is None:
        return 0.55
    if earlier:
        return 0.95
    return 0.88 if was_changed or isinstance(target_of(port), str) else 0.7


def _is_served(value: IntOrString, served: tuple[ServedPort, ...]) -> bool:
    return any(value in (item.number, item.name) for item in served)
