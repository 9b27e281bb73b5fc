"""How much a rollout may leave out for a while, by unit: what its strategy says (apps/v1)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.workloads import makers_of, wanted
from stratus_cli.model.objects import IntOrString
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import DaemonSet, Deployment, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of


def allowances(graph: Graph, deleted: Iterable[Ref] = ()) -> Mapping[Ref, int]:
    """Pods that each workload may lack while its pods are replaced; endpoints of each Service.

    deleted: pods that the change itself deletes. Their places are filled again, which takes a
    moment; whoever deletes a pod has agreed to that.
    """
    found = {ref_of(item): _of(item) for item in graph.workloads}
    for pod in deleted:
        for maker in makers_of(graph, pod):
            ref = ref_of(maker)
            found[ref] = min(found.get(ref, 0) + 1, wanted(maker))
    for service in graph.snap.of(Service):
        behind = graph.selected_workloads(service)
        found[ref_of(service)] = sum(found.get(ref_of(item), 0) for item in behind)
    return found


def _of(workload: Workload) -> int:
    number = wanted(workload)
    strategy = workload.spec.strategy or workload.spec.update_strategy
    if strategy is not None and strategy.type == "Recreate":
        return number
    rolling = strategy.rolling_update if strategy else None
    limit = rolling.max_unavailable if rolling else None
    if limit is None:
        limit = "25%" if isinstance(workload, Deployment) else 1  # apps/v1 defaults
    share = _share(limit, number)
    surge = rolling.max_surge if rolling else None
    if isinstance(workload, Deployment) and share == 0 and surge in (0, "0%"):
        return 1  # both zero is taken as one unavailable by the controller
    return min(max(share, 1) if isinstance(workload, DaemonSet) else share, number)


def _share(limit: IntOrString, number: int) -> int:
    if isinstance(limit, int):
        return limit
    text = limit.rstrip("%")
    return math.floor(int(text) * number / 100) if text.isdigit() else 0
