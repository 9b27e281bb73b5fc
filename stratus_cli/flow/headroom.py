"""Room for what a change asks of its namespace: quotas for more pods, budgets for restarted ones.

Reads only. What is asked is what the pod template says; defaults that a LimitRange fills in are not
counted, nor are quotas whose scopes may or may not count such pods: the server's own word comes
with the dry run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from stratus_cli.actions.base import Reader
from stratus_cli.kube.diff import same_value
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.kube.quota_scopes import counts
from stratus_cli.kube.selectors import matches_raw
from stratus_cli.model.change import Change
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
REPLICAS, TEMPLATE = "spec.replicas", "spec.template"
PODS = ("pods", "count/pods")
Amounts = dict[str, Decimal]
Item = Mapping[str, Any]


def quota_refusal(change: Change, read: Reader) -> Refusal | None:
    """The first quota that has no room for the pods that the change adds."""
    more = added_pods(change)
    if more <= 0:
        return None
    pod = _map(value_at(change.after or {}, "spec.template.spec"))
    need = pod_amounts(pod)
    try:
        quotas = _listed(read, "ResourceQuota", change.ref)
    except ClusterAnswer:
        return None  # said by room_notes
    for quota in quotas:
        if counts(_map(quota.get("spec")), pod, is_final=False) is not True:
            continue
        refusal = _over(quota, change.ref, more, need)
        if refusal is not None:
            return refusal
    return None


def room_notes(change: Change, read: Reader) -> Iterator[str]:
    """What a reviewer must know of budgets, and of what could not be read."""
    try:
        if added_pods(change) > 0:
            _listed(read, "ResourceQuota", change.ref)
    except ClusterAnswer as error:
        yield f"room in quotas of {change.ref.namespace} is not known ({error.what})"
    if not _is_restart(change):
        return
    labels = _map(value_at(change.before or {}, "spec.template.metadata.labels"))
    try:
        budgets = _listed(read, "PodDisruptionBudget", change.ref)
    except ClusterAnswer as error:
        yield f"PodDisruptionBudgets of {change.ref.namespace} are not known ({error.what})"
        return
    for budget in budgets:
        allowed = value_at(budget, "status.disruptionsAllowed")
        if allowed == 0 and matches_raw(value_at(budget, "spec.selector"), labels):
            name = _map(budget.get("metadata")).get("name")
            yield (
                f"PodDisruptionBudget {name} has no room now; a rollout of {change.ref} does not"
                " ask it, but evictions wait meanwhile"
            )


def added_pods(change: Change) -> int:
    """How many pods more than before the object wants."""
    if change.ref.kind not in SCALED or change.after is None:
        return 0
    return _wanted(change.after) - (_wanted(change.before) if change.before is not None else 0)


def pod_amounts(spec: Item) -> Amounts:
    """What one pod counts for, by the names that quotas use; containers run beside each other."""
    found: Amounts = defaultdict(Decimal, dict.fromkeys(PODS, Decimal(1)))
    for which in ("requests", "limits"):
        together = _sums(spec.get("containers"), which)
        for alone in _each(spec.get("initContainers"), which):
            for name, value in alone.items():
                together[name] = max(together[name], value)
        for name, value in together.items():
            found[f"{which}.{name}"] = value
            if which == "requests":
                found[name] = value
    return found


def _over(quota: Item, ref: Ref, more: int, need: Amounts) -> Refusal | None:
    spec, status = _map(quota.get("spec")), _map(quota.get("status"))
    used, hard = _map(status.get("used")), _map(spec.get("hard"))
    name = _map(quota.get("metadata")).get("name")
    for resource in sorted(hard):
        limit, taken = _amount(hard[resource]), _amount(used.get(resource, "0"))
        each = need.get(str(resource), Decimal(0))
        if limit is None or taken is None or each <= 0 or taken + more * each <= limit:
            continue
        room = max(0, int((limit - taken) / each))
        return Refusal(
            "quota",
            f"ResourceQuota {name} has room for {room} more pods of {ref}, not for {more}"
            f" ({resource}: {used.get(resource, 0)} of {hard[resource]} used)",
            f"raise {resource} of quota {name}, or add at most {room} replicas",
        )
    return None


def _is_restart(change: Change) -> bool:
    before, after = change.before, change.after
    if before is None or after is None:
        return False
    return not same_value(value_at(before, TEMPLATE), value_at(after, TEMPLATE))


def _wanted(item: Item) -> int:
    number = value_at(item, REPLICAS)
    return number if isinstance(number, int) and not isinstance(number, bool) else 1


def _sums(containers: object, which: str) -> Amounts:
    found: Amounts = defaultdict(Decimal)
    for amounts in _each(containers, which):
        for name, value in amounts.items():
            found[name] += value
    return found


def _each(containers: object, which: str) -> Iterator[Amounts]:
    for container in containers if isinstance(containers, list) else ():
        resources = _map(_map(container).get("resources"))
        given = {**_map(resources.get("limits")), **_map(resources.get("requests"))}
        chosen = given if which == "requests" else _map(resources.get("limits"))
        amounts = ((str(name), _amount(value)) for name, value in chosen.items())
        yield {name: value for name, value in amounts if value is not None}


def _amount(value: object) -> Decimal | None:
    if not isinstance(value, str | int | float):
        return None
    try:
        return parse_quantity(value)
    except ValueError:
        return None


def _listed(read: Reader, kind: str, ref: Ref) -> list[dict[str, Any]]:
    return read.list(kind, ref.namespace) if ref.namespace else []


def _map(value: object) -> Mapping[str, Any]:
    """A cluster's data may be of any shape."""
    return value if isinstance(value, Mapping) else {}
