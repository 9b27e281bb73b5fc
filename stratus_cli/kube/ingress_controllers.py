"""Which workloads answer requests by the Ingresses: they call the backends. Pure.

Nothing in the API names them (an IngressClass names a controller, not a workload). What tells: the
account that their pods run as is given the right to list Ingresses, by name and not by "*" (which
whoever administers the cluster has), and a Service sends them requests.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.rbac import account_of, named_by, reaches, role_of
from stratus_cli.model.objects_network import Ingress
from stratus_cli.model.objects_workload import Workload

INGRESSES = "ingresses"


def controllers_of(graph: Graph, ingress: Ingress) -> Iterator[Workload]:
    """Those that may read this Ingress and take requests."""
    for workload in graph.workloads:
        if graph.services_of(workload) and _lists(graph, workload, ingress.metadata.namespace):
            yield workload


def _lists(graph: Graph, workload: Workload, namespace: str) -> bool:
    here = workload.metadata.namespace
    return any(
        INGRESSES in rule.resources and ("list" in rule.verbs or "*" in rule.verbs)
        for binding in named_by(graph, here, account_of(workload))
        if reaches(binding, namespace)
        for role in (role_of(graph, binding),)
        if role is not None
        for rule in role.rules or ()
    )
