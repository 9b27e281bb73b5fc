"""A Service's port has another protocol than the containers serve on that number.

How we know: no container serves the target port by the Service's protocol, and all that declare the
number do so by another one.

Known good: the protocol in a recording, a release or as last applied; else that of the containers.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.pods import is_live
from stratus_cli.kube.ports import is_number_unserved, other_protocol, port_path, target_of
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_network import Service, ServicePort
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("service-protocol-wrong", "the Service's port has the wrong protocol")


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
        for port in service.spec.ports:
            if is_number_unserved(port, [pod.spec for pod in pods]):
                served = other_protocol(service, port, [pod.spec for pod in pods])
                if served:
                    yield _diagnosis(case, service, port, pods[0], served)


def _diagnosis(case: Case, service: Service, port: ServicePort, pod: Pod, served: str) -> Diagnosis:
    field = port_path(port, "protocol")
    accused = [
        item.key
        for workload in case.graph.selected_workloads(service)
        for item in accused_by_traffic(case.graph, case.findings, workload)
        if item.ref == ref_of(service)
    ]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(service),
        field=field,
        observed=port.protocol,
        expected=served,
        confidence=0.96,
        facts={
            "namespace": service.metadata.namespace,
            "service": service.metadata.name,
            "port": port.port,
            "put_back": put_back(as_json(case.graph.snap, service), {field: served}),
            "source": f"what the containers declare for port {target_of(port)}",
            **case.changed(service, field),
        },
        evidence=(
            *case.field_evidence(service, field),
            *(
                field_evidence(pod, f"spec.containers[name={item.name}].ports")
                for item in pod.spec.containers
                if item.ports
            ),
        ),
        explains=case.present([("SVC302", ref_of(service)), *accused]),
        check="connect to the pod's address by either protocol: which one answers?",
    )
