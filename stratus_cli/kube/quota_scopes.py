"""Which pods a ResourceQuota counts, by its scopes (kubernetes.io, Resource Quotas, Quota scopes).

Pure. Works on raw objects of any shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Spec = Mapping[str, Any]

PRIORITY = "PriorityClass"
AFFINITIES = ("podAffinity", "podAntiAffinity")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def counts(quota: Spec, pod: Spec, *, is_final: bool = True) -> bool | None:
    """Whether a quota's spec counts a pod of this spec; None when that cannot be told.

    is_final: False for a template, into which admission may still fill a priority class and
    requests.
    """
    answers = [_scope(name, pod, is_final) for name in _list(quota.get("scopes"))]
    selector = _map(quota.get("scopeSelector"))
    answers += [_term(_map(t), pod, is_final) for t in _list(selector.get("matchExpressions"))]
    if False in answers:
        return False
    return None if None in answers else True


def is_scoped(quota: Spec) -> bool:
    """Whether it counts some pods only."""
    return bool(quota.get("scopes") or quota.get("scopeSelector"))


def _term(term: Spec, pod: Spec, is_final: bool) -> bool | None:
    name, operator = str(term.get("scopeName")), term.get("operator")
    values = _list(term.get("values"))
    has = _scope(name, pod, is_final)
    if has is None or operator == "Exists":
        return has
    if operator == "DoesNotExist":
        return not has
    if name != PRIORITY or operator not in ("In", "NotIn"):
        return None
    return bool((pod.get("priorityClassName") in values) == (operator == "In"))


def _scope(name: object, pod: Spec, is_final: bool) -> bool | None:
    ask = SCOPES.get(str(name))
    return ask(pod, is_final) if ask else None


def _is_bounded(pod: Spec, _: bool) -> bool:
    return pod.get("activeDeadlineSeconds") is not None


def _is_best_effort(pod: Spec, is_final: bool) -> bool | None:
    """No container asks for cpu or memory (kubelet's quality of service classes)."""
    if any(_asks(container) for container in _containers(pod)):
        return False
    return True if is_final else None


def _has_priority(pod: Spec, is_final: bool) -> bool | None:
    if pod.get("priorityClassName"):
        return True
    return False if is_final else None


def _reaches_over(pod: Spec, _: bool) -> bool:
    """A term of pod affinity that names or selects namespaces."""
    affinity = _map(pod.get("affinity"))
    terms = [
        term
        for name in AFFINITIES
        for kind in [_map(affinity.get(name))]
        for term in (
            *map(_map, _list(kind.get(REQUIRED))),
            *(_map(_map(item).get("podAffinityTerm")) for item in _list(kind.get(PREFERRED))),
        )
    ]
    return any(
        term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms
    )


def _not(ask: Callable[[Spec, bool], bool | None]) -> Callable[[Spec, bool], bool | None]:
    def opposite(pod: Spec, is_final: bool) -> bool | None:
        answer = ask(pod, is_final)
        return None if answer is None else not answer

    return opposite


SCOPES: Mapping[str, Callable[[Spec, bool], bool | None]] = {
    "Terminating": _is_bounded,
    "NotTerminating": _not(_is_bounded),
    "BestEffort": _is_best_effort,
    "NotBestEffort": _not(_is_best_effort),
    PRIORITY: _has_priority,
    "CrossNamespacePodAffinity": _reaches_over,
}


def _containers(pod: Spec) -> Iterator[Spec]:
    for name in ("containers", "initContainers"):
        yield from map(_map, _list(pod.get(name)))


def _asks(container: Spec) -> bool:
    resources = _map(container.get("resources"))
    asked = {**_map(resources.get("limits")), **_map(resources.get("requests"))}
    return bool({"cpu", "memory"} & set(asked))


def _map(value: object) -> Spec:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
