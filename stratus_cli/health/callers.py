"""Who calls some units, at any distance: the errors of these are theirs, too. Pure."""

from __future__ import annotations

from collections.abc import Collection

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of


def callers_of(graph: Graph, units: Collection[Ref]) -> frozenset[Ref]:
    """The callers, and the Services by which these answer."""
    found: set[Ref] = set()
    for unit in units:
        for ref in graph.calls.upstream(unit):
            item = graph.snap.find(ref)
            found.add(ref)
            if isinstance(item, Workload):
                found.update(ref_of(service) for service in graph.services_of(item))
    return frozenset(found)
