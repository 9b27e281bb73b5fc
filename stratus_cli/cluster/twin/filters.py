"""Why a node does not take a pod, in the scheduler's words (1.34). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from stratus_cli.cluster.twin.store import Item
from stratus_cli.cluster.twin.usage import ZERO, Amounts, amount, pod_amounts

UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
FIRM = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


@dataclass
class NodeLoad:
    """One node and what its pods take.

    ports: (host port, protocol) in use. siblings: pods by the uid of their controller.
    """

    node: Item
    used: Amounts = field(default_factory=dict)
    pods: dict[str, Item] = field(default_factory=dict)
    ports: set[tuple[int, str]] = field(default_factory=set)
    siblings: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Demand:
    """What one pod asks of a node."""

    pod: Item
    requests: Amounts
    ports: frozenset[tuple[int, str]]


def demand_of(pod: Item) -> Demand:
    """Computed once for all nodes."""
    return Demand(pod, pod_amounts(pod["spec"], "requests"), frozenset(host_ports(pod)))


def host_ports(pod: Item) -> Iterable[tuple[int, str]]:
    """Host ports of all containers."""
    for container in pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield int(port["hostPort"]), str(port.get("protocol", "TCP"))


def refusals(demand: Demand, load: NodeLoad, others: Iterable[NodeLoad]) -> tuple[list[str], bool]:
    """(reasons in filter order, whether preemption could never help); ([], False): it fits."""
    node, pod = load.node, demand.pod
    spec = node.get("spec") or {}
    if spec.get("unschedulable") and not tolerates(
        pod, {"key": UNSCHEDULABLE_TAINT, "effect": "NoSchedule"}
    ):
        return ["node(s) were unschedulable"], True
    if any(not tolerates(pod, taint) for taint in _hard(spec.get("taints") or ())):
        return ["node(s) had untolerated taint(s)"], True
    if not fits_affinity(pod, node):
        return ["node(s) didn't match Pod's node affinity/selector"], True
    if demand.ports & load.ports:
        return ["node(s) didn't have free ports for the requested pod ports"], False
    short = _short(demand, load)
    if short:
        return short
    return _anti_affinity(demand, load, others)


def _short(demand: Demand, load: NodeLoad) -> tuple[list[str], bool] | None:
    allocatable = (load.node.get("status") or {}).get("allocatable") or {}
    reasons, hopeless = [], False
    if len(load.pods) + 1 > amount(str(allocatable.get("pods", "110"))):
        reasons.append("Too many pods")
    for name, wanted in sorted(demand.requests.items()):
        whole = amount(str(allocatable.get(name, "0")))
        if wanted > 0 and wanted > whole - load.used.get(name, ZERO):
            reasons.append(f"Insufficient {name}")
            hopeless = hopeless or wanted > whole
    return (reasons, hopeless) if reasons else None


def message(total: int, found: Iterable[tuple[list[str], bool]]) -> str:
    """The text of condition PodScheduled and of the event FailedScheduling."""
    outcomes = list(found)
    if total == 0:
        return "no nodes available to schedule pods"
    counts: dict[str, int] = {}
    for reasons, _ in outcomes:
        for reason in reasons:
            counts[reason] = counts.get(reason, 0) + 1
    shown = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    firm = sum(hopeless for _, hopeless in outcomes)
    help_counts = {FIRM: firm, NO_VICTIMS: len(outcomes) - firm}
    helped = ", ".join(sorted(f"{count} {text}" for text, count in help_counts.items() if count))
    head = f"0/{total} nodes are available:"
    return f"{head} {shown}. no new claims to deallocate, preemption: {head} {helped}."


def tolerates(pod: Item, taint: Mapping[str, str]) -> bool:
    """Some toleration of the pod covers the taint."""
    for toleration in pod["spec"].get("tolerations") or ():
        effect = toleration.get("effect")
        if effect and effect != taint.get("effect"):
            continue
        key = toleration.get("key")
        if key and key != taint.get("key"):
            continue
        exists = toleration.get("operator", "Equal") == "Exists"
        if exists or (key and toleration.get("value", "") == taint.get("value", "")):
            return True
    return False


def _hard(taints: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    return [taint for taint in taints if taint.get("effect") in ("NoSchedule", "NoExecute")]


def fits_affinity(pod: Item, node: Item) -> bool:
    """nodeSelector and required node affinity."""
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(term, node, labels) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Item, node: Item, labels: Mapping[str, str]) -> bool:
    expressions = term.get("matchExpressions") or []
    fields = term.get("matchFields") or []
    if not expressions and not fields:
        return False
    names = {"metadata.name": node["metadata"]["name"]}
    return all(requirement_holds(item, labels) for item in expressions) and all(
        requirement_holds(item, names) for item in fields
    )


def requirement_holds(requirement: Item, labels: Mapping[str, str]) -> bool:
    """One expression of a node or label selector."""
    value = labels.get(requirement["key"])
    values = requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not value.lstrip("-").isdigit() or not values:
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return False


def selects(selector: Item, labels: Mapping[str, str]) -> bool:
    """A LabelSelector over labels."""
    matching = (selector.get("matchLabels") or {}).items()
    return all(labels.get(key) == value for key, value in matching) and all(
        requirement_holds(item, labels) for item in selector.get("matchExpressions") or ()
    )


def _anti_affinity(
    demand: Demand, load: NodeLoad, others: Iterable[NodeLoad]
) -> tuple[list[str], bool]:
    """Required pod anti-affinity and affinity of the pod itself."""
    affinity = demand.pod["spec"].get("affinity") or {}
    name = "requiredDuringSchedulingIgnoredDuringExecution"
    against = (affinity.get("podAntiAffinity") or {}).get(name) or ()
    towards = (affinity.get("podAffinity") or {}).get(name) or ()
    if not against and not towards:
        return [], False
    loads = list(others)
    if any(_has_neighbour(term, demand.pod, load, loads) for term in against):
        return ["node(s) didn't match pod anti-affinity rules"], False
    labels = demand.pod["metadata"].get("labels") or {}
    for term in towards:
        if _has_neighbour(term, demand.pod, load, loads):
            continue
        anywhere = any(_has_neighbour(term, demand.pod, other, loads) for other in loads)
        # The first pod of a group that wants to be together may go anywhere.
        if anywhere or not selects(term.get("labelSelector") or {}, labels):
            return ["node(s) didn't match pod affinity rules"], True
    return [], False


def _has_neighbour(term: Item, pod: Item, load: NodeLoad, loads: list[NodeLoad]) -> bool:
    key = str(term.get("topologyKey", ""))
    zone = (load.node["metadata"].get("labels") or {}).get(key)
    if zone is None:
        return False
    spaces = term.get("namespaces") or [pod["metadata"]["namespace"]]
    selector = term.get("labelSelector") or {}
    return any(
        other["metadata"]["namespace"] in spaces
        and selects(selector, other["metadata"].get("labels") or {})
        for near in loads
        if (near.node["metadata"].get("labels") or {}).get(key) == zone
        for other in near.pods.values()
    )


def free_share(demand: Demand, load: NodeLoad) -> Decimal:
    """How empty the node would be with the pod: the scheduler spreads by this."""
    allocatable = (load.node.get("status") or {}).get("allocatable") or {}
    total = ZERO
    for name in ("cpu", "memory"):
        whole = amount(str(allocatable.get(name, "0")))
        if whole > 0:
            wanted = load.used.get(name, ZERO) + demand.requests.get(name, ZERO)
            total += (whole - wanted) / whole
    return total
