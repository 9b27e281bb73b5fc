"""Which workloads answer requests by the Ingresses: they rest on the backends. Pure.

Nothing in the API names them (an IngressClass names a controller, not a workload). What tells: the
account that their pods run as is given the right to list Ingresses, by name and not by "*" (which
whoever administers the cluster has), and a Service sends them requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.rbac import account_of, all_bindings, names_account, reaches, role_of
from stratus_cli.model.objects_network import Ingress
from stratus_cli.model.objects_rbac import BindingObject
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

INGRESSES = "ingresses"


@dataclass(frozen=True, slots=True)
class Controller:
    """A workload, and the binding by which it reads Ingresses."""

    workload: Workload
    binding: BindingObject


def controllers(graph: Graph) -> tuple[Controller, ...]:
    """All of them. Few bindings give this right, so workloads are only asked about those."""
    giving = [item for item in all_bindings(graph) if _gives(graph, item)]
    if not giving:
        return ()
    return tuple(
        Controller(workload, binding)
        for workload in graph.workloads
        for binding in giving
        if names_account(binding, workload.metadata.namespace, account_of(workload))
        and graph.services_of(workload)
    )


def controllers_of(known: Sequence[Controller], ingress: Ingress) -> Iterator[Workload]:
    """Those that may read this Ingress, each once."""
    namespace = ingress.metadata.namespace
    found = {ref_of(it.workload): it.workload for it in known if reaches(it.binding, namespace)}
    yield from found.values()


def _gives(graph: Graph, binding: BindingObject) -> bool:
    role = role_of(graph, binding)
    return role is not None and any(
        INGRESSES in rule.resources and ("list" in rule.verbs or "*" in rule.verbs)
        for rule in role.rules or ()
    )
