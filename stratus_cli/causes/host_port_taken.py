"""A pod wants a port of its node that is taken there, so the scheduler finds no node for it.

How we know: the scheduler says that no node has free ports for the requested pod ports, and the
template asks for a hostPort (or for the node's whole network).

Known good: the template of an earlier revision, a recording, or what was last applied; else, where
a Service sends the traffic anyway, no hostPort.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.causes.setting import Setting, complained_of, earlier, wrong_setting
from stratus_cli.kube.called import containers_of
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.pods import condition, is_live
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload

META = CauseMeta("host-port-taken", "the node port that a pod wants is taken")
WORDS = "free ports for the requested pod ports"  # scheduler plugin NodePorts, ErrReason


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per port of the node that is wanted and taken."""
    for workload, pods in complained_of(case, "POD105"):
        refused = [pod for pod in pods if WORDS in _said(pod)]
        if not refused:
            continue
        # With the node's whole network the field is one, whatever the number of ports.
        wanted = list({item[0]: item for item in _wanted(workload)}.values())
        holders = {
            path: holder
            for path, container, number in wanted
            if (holder := _holder(case, workload, number)) is not None
        }
        for path, container, number in wanted:
            if path in holders or not holders:
                yield _diagnosis(
                    case, workload, refused, path, container, number, holders.get(path)
                )


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: list[Pod],
    path: str,
    container: Container,
    number: int,
    holder: Pod | None,
) -> Diagnosis:
    good = earlier(case, workload, path)
    if good is not None and good.values[path] in (None, 0, False):
        good = Setting({path: None}, good.source)
    confidence = 0.95 if good else 0.84 if holder else 0.7
    if good is None and path.endswith("hostPort") and case.services(workload):
        good = Setting({path: None}, "a Service sends the traffic anyway", known=False)
    evidence: list[Evidence] = [
        field_evidence(pods[0], "status.conditions[type=PodScheduled].message")
    ]
    if holder is not None:
        evidence.append(field_evidence(holder, "spec.nodeName"))
    return wrong_setting(
        case,
        META,
        workload,
        path,
        good=good,
        confidence=confidence,
        pods=pods,
        codes=("POD105",),
        container=container.name,
        evidence=evidence,
        facts={"host_port": number},
        check=f"kubectl get pods -A -o wide: which pods have hostPort {number} on the nodes",
    )


def _said(pod: Pod) -> str:
    scheduled = condition(pod.status.conditions, "PodScheduled")
    return scheduled.message if scheduled and scheduled.status == "False" else ""


def _wanted(workload: Workload) -> Iterator[tuple[str, Container, int]]:
    """(field below the pod spec, container, port of the node)."""
    spec = workload.spec.template.spec
    for path, container in containers_of(spec):
        numbers = [port.container_port for port in container.ports]
        for index, port in enumerate(container.ports):
            if spec.host_network:
                yield "hostNetwork", container, port.container_port
            elif port.host_port:
                only = numbers.count(port.container_port) == 1
                key = f"containerPort={port.container_port}" if only else str(index)
                yield f"{path}.ports[{key}].hostPort", container, port.host_port


def _holder(case: Case, workload: Workload, number: int) -> Pod | None:
    """A pod of somebody else that has this port of its node."""
    own = {pod.metadata.uid for pod in case.graph.pods_of(workload)}
    for pod in case.graph.snap.of(Pod):
        if pod.metadata.uid in own or not pod.spec.node_name or not is_live(pod):
            continue
        for container in pod.spec.containers:
            for port in container.ports:
                taken = port.container_port if pod.spec.host_network else port.host_port
                if taken == number:
                    return pod
    return None
