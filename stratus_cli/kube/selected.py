"""Which of the workloads behind a Service are its own, and which joined by mistake. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.missing_services import NAME_LABELS
from stratus_cli.kube.ports import is_named_port_missing, is_number_unserved
from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload

SELECTOR = "spec.selector"
LATER = timedelta(seconds=60)
"""A Service this much younger than the workload was not deployed with it. Our choice: one deploy
makes its objects within seconds."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A Service's own workload, and those of other names that it selects as well.

    unserved: foreign ones that do not serve the target port. late: the selection is younger than
    what it selects.
    """

    own: Workload
    others: tuple[Workload, ...]
    unserved: tuple[Workload, ...]
    late: bool


def foreign_to(graph: Graph, service: Service) -> Foreign | None:
    """What joined a Service by mistake, or None.

    Its own is the workload of its name. Foreign is one of another name and other name labels that
    has a Service of its own, or does not serve the port. Variants of one name (web, web-canary)
    belong together.
    """
    selected = graph.selected_workloads(service)
    own = [item for item in selected if item.metadata.name == service.metadata.name]
    if len(own) != 1 or len(selected) < 2:
        return None
    others, unserved = [], []
    for item in sorted(selected, key=lambda item: (item.KIND, item.metadata.name)):
        if item is own[0] or not _is_another(own[0], item):
            continue
        serves = _serves(service, item)
        if not serves:
            unserved.append(item)
        if not serves or _has_its_own(graph, service, item):
            others.append(item)
    if not others:
        return None
    return Foreign(own[0], tuple(others), tuple(unserved), _is_late(service, others))


def narrowed(own: Workload, others: tuple[Workload, ...]) -> Mapping[str, str]:
    """Labels that select its own workload and none of the others; {} where there are none."""
    labels = own.spec.template.metadata.labels
    stable = own.spec.selector.match_labels
    for key in (*(key for key in NAME_LABELS if key in labels), *sorted(stable)):
        if all(item.spec.template.metadata.labels.get(key) != labels.get(key) for item in others):
            return {key: labels[key]} if key in labels else {}
    return {}


def as_siblings(graph: Graph, service: Service, found: Foreign) -> Mapping[str, str]:
    """Its own labels under the keys by which every other Service here selects; {} if unclear."""
    labels = found.own.spec.template.metadata.labels
    keys = {
        frozenset(item.spec.selector)
        for item in graph.services_in(service.metadata.namespace)
        if item is not service and item.spec.selector
    }
    if len(keys) != 1 or not all(key in labels for key in next(iter(keys))):
        return {}
    wanted = {key: labels[key] for key in sorted(next(iter(keys)))}
    others = (item.spec.template.metadata.labels for item in found.others)
    return {} if any(matches_map(wanted, other) for other in others) else wanted


def changed_at(service: Service) -> datetime | None:
    """When the selector was set, at creation or later."""
    change = last_change(service, SELECTOR)
    return change.at if change else service.metadata.creation_timestamp


def _is_another(own: Workload, item: Workload) -> bool:
    mine, other = own.metadata.name, item.metadata.name
    if other.startswith(f"{mine}-") or mine.startswith(f"{other}-"):
        return False
    labels, others = own.spec.template.metadata.labels, item.spec.template.metadata.labels
    named = [key for key in NAME_LABELS if key in labels and key in others]
    return bool(named) and any(labels[key] != others[key] for key in named)


def _has_its_own(graph: Graph, service: Service, item: Workload) -> bool:
    return any(
        other is not service and other.metadata.name == item.metadata.name
        for other in graph.services_of(item)
    )


def _serves(service: Service, item: Workload) -> bool:
    spec = [item.spec.template.spec]
    return not any(
        is_named_port_missing(port, spec) or is_number_unserved(port, spec)
        for port in service.spec.ports
    )


def _is_late(service: Service, others: list[Workload]) -> bool:
    change = last_change(service, SELECTOR)
    if change is not None and not change.at_creation:
        return True
    at = changed_at(service)
    ages = [item.metadata.creation_timestamp for item in others]
    return at is not None and any(age is not None and at - age > LATER for age in ages)
