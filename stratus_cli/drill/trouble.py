"""What of a workload anybody can see is broken, apart from what is still on its way.

A pod is given the time that its probes and its making allow by Stratus' own predicates: a clock
that starts before that would ask Stratus to call a rollout broken that may yet go well. They decide
only when the clock starts; whether Stratus is right is judged without them (ADR 016).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

import msgspec

from stratus_cli.drill.api import Item
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import is_live, is_ready, is_starting
from stratus_cli.model.objects import Event, KubeObject
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_scheduling import Node
from stratus_cli.model.ref import ClusterIdentity
from stratus_cli.model.snapshot import Snapshot

ObjectT = TypeVar("ObjectT", bound=KubeObject)
NOBODY = ClusterIdentity("", "", "", "")  # no predicate asks which cluster it is


def broken_pods(pods: list[Item], nodes: list[Item], events: list[Item], now: datetime) -> set[str]:
    """Names of those that are not ready and will not be so by waiting, or should be so by now.

    pods: of one namespace; events: its own.
    """
    typed = tuple(_typed(pods, Pod))
    objects: dict[str, tuple[KubeObject, ...]] = {
        Pod.KIND: typed,
        Node.KIND: tuple(_typed(nodes, Node)),
    }
    graph = Graph(Snapshot(now, NOBODY, objects, tuple(_typed(events, Event))))
    return {
        pod.metadata.name
        for pod in typed
        if is_live(pod) and not is_ready(pod) and not is_starting(graph, pod)
    }


def is_refused(workload: Item, events: list[Item]) -> bool:
    """The API server takes none of the pods that its controller makes: quota, policy, webhook.

    events: new ones of its namespace. A Deployment has a condition; other controllers of pods only
    write an event.
    """
    status = workload.get("status") or {}
    for told in status.get("conditions") or ():
        if told["type"] == "ReplicaFailure" and told["status"] == "True":
            return True
    name = workload["metadata"]["name"]
    return any(
        event.get("reason") == "FailedCreate"
        and (event.get("involvedObject") or {}).get("kind") == workload["kind"]
        and (event.get("involvedObject") or {}).get("name") == name
        for event in events
    )


def _typed(items: list[Item], kind: type[ObjectT]) -> Iterator[ObjectT]:
    for item in items:
        yield msgspec.json.decode(json.dumps(item), type=kind)
