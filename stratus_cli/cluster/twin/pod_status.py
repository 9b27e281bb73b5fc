"""A pod's status from its containers' states (pkg/kubelet/status/generate.go). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratus_cli.cluster.twin import conditions
from stratus_cli.cluster.twin.containers import Container
from stratus_cli.cluster.twin.store import Item


def status_of(
    pod: Item,
    containers: Sequence[Container],
    *,
    stamp: str,
    host_ip: str,
    has_sandbox: bool,
) -> Item:
    """The whole status. containers: init containers first."""
    old = pod.get("status") or {}
    inits = [item for item in containers if item.is_init]
    mains = [item for item in containers if not item.is_init]
    unfinished = [item.name for item in inits if not _is_done(item)]
    reason = "PodInitializing" if inits else "ContainerCreating"
    main_statuses = [item.status(reason) for item in mains]
    init_statuses = [item.status("PodInitializing") for item in inits]
    policy = pod["spec"].get("restartPolicy", "Always")
    phase = phase_of(inits, main_statuses, policy, unfinished)
    status: Item = {
        "phase": phase,
        "qosClass": old.get("qosClass", "BestEffort"),
        "observedGeneration": pod["metadata"].get("generation", 1),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": old.get("startTime", stamp),
        "conditions": [dict(item) for item in old.get("conditions") or ()],
        "containerStatuses": main_statuses,
    }
    if old.get("podIP"):
        status["podIP"], status["podIPs"] = old["podIP"], [{"ip": old["podIP"]}]
    if inits:
        status["initContainerStatuses"] = init_statuses
    _set_conditions(status, pod, unfinished, phase, stamp, has_sandbox, inits)
    return status


def phase_of(
    inits: Sequence[Container], statuses: Sequence[Item], policy: str, unfinished: Sequence[str]
) -> str:
    """Pending, Running, Succeeded or Failed."""
    if unfinished:
        stuck = any(item.state == "ended" and not item.ready for item in inits)
        return "Failed" if policy == "Never" and stuck else "Pending"
    states = [item["state"] for item in statuses]
    running = sum("running" in state for state in states)
    waiting = sum(
        "waiting" in item["state"] and "terminated" not in item["lastState"] for item in statuses
    )
    if waiting:
        return "Pending"
    if running or policy == "Always":
        return "Running"
    ends = [state["terminated"]["exitCode"] for state in states if "terminated" in state]
    if all(code == 0 for code in ends) and len(ends) == len(states):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _is_done(container: Container) -> bool:
    """An init container that the next one need not wait for."""
    if container.is_sidecar:
        return container.state == "running" and container.startup_done
    return container.state == "ended" and container.ready


def _set_conditions(
    status: Item,
    pod: Item,
    unfinished: Sequence[str],
    phase: str,
    stamp: str,
    has_sandbox: bool,
    inits: Sequence[Container],
) -> None:
    generation = pod["metadata"].get("generation", 1)

    def put(kind: str, truth: bool, reason: str = "", message: str = "") -> None:
        condition: dict[str, Any] = {
            "type": kind,
            "observedGeneration": generation,
            "status": "True" if truth else "False",
            "lastProbeTime": None,
            "lastTransitionTime": stamp,
        }
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        conditions.assign(status, condition)

    sidecars = [item.name for item in inits if item.is_sidecar and not item.ready]
    unready = sidecars + [item["name"] for item in status["containerStatuses"] if not item["ready"]]
    put("PodReadyToStartContainers", has_sandbox)
    if unfinished:
        names = " ".join(unfinished)
        message = f"containers with incomplete status: [{names}]"
        put("Initialized", False, "ContainersNotInitialized", message)
    else:
        put("Initialized", True)
    if phase in ("Succeeded", "Failed"):
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        put("Ready", False, reason)
        put("ContainersReady", False, reason)
    elif unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        put("Ready", False, "ContainersNotReady", message)
        put("ContainersReady", False, "ContainersNotReady", message)
    else:
        put("Ready", True)
        put("ContainersReady", True)
    # The scheduler wrote PodScheduled first; kubelet writes it last.
    status["conditions"].sort(key=lambda item: item["type"] == "PodScheduled")
