"""Operators whose objects the API server refuses: what was said, and which kinds they look after.

Pure. What an operator makes is checked by the API server, the custom resource that asks for it is
not: a field that makes no sense shows only in the operator's log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.kube.custom import kind_word
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.rbac import bindings_of, role_of
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_rbac import PolicyRule
from stratus_cli.model.ref import Ref

KNOWN_GROUPS = frozenset(info.group for info in BY_KIND.values())
# k8s.io/apimachinery, api/errors, NewInvalid: `KIND.GROUP "NAME" is invalid: FIELD: WHY`; in a log
# of JSON the quotes are escaped, once or more.
_INVALID = re.compile(
    r"\b(?P<kind>[A-Z]\w{1,62})(?:\.[a-z0-9.-]{1,253})? \\{0,8}[\"'](?P<name>[a-z0-9.-]{1,253}?)"
    r"\\{0,8}[\"'] is invalid: (?P<why>.{1,2000})"
)


@dataclass(frozen=True, slots=True)
class Invalid:
    """One line of a pod's log: the API server does not take an object that this pod asks for."""

    pod: Ref
    kind: str
    name: str
    why: str


def invalid_objects(graph: Graph) -> tuple[Invalid, ...]:
    """What the logs that were read say so, each once: an operator tries again and again."""
    found = (
        invalid_object(tail.pod, line) for tail in graph.snap.signals.logs for line in tail.lines
    )
    return tuple(dict.fromkeys(item for item in found if item is not None))


def invalid_object(pod: Ref, line: str) -> Invalid | None:
    """What one line says of it."""
    found = _INVALID.search(line) if " is invalid: " in line else None
    return Invalid(pod, found["kind"], found["name"], found["why"]) if found is not None else None


def kinds_looked_after(graph: Graph) -> tuple[str, ...]:
    """The custom kinds, as PLURAL.GROUP, that the operators of such lines have rights on."""
    found: dict[str, None] = {}
    for ref in dict.fromkeys(item.pod for item in invalid_objects(graph)):
        pod = graph.snap.find(ref)
        if isinstance(pod, Pod):
            account = pod.spec.service_account_name or "default"
            for rule in _rules(graph, ref.namespace, account):
                found.update((word, None) for word in _words(rule))
    return tuple(sorted(found))


def _rules(graph: Graph, namespace: str, account: str) -> Iterator[PolicyRule]:
    for binding in bindings_of(graph, namespace, account):
        role = role_of(graph, binding)
        yield from (role.rules or ()) if role is not None else ()


def _words(rule: PolicyRule) -> Iterator[str]:
    """Of a rule that names its kinds: `*` does not say which there are."""
    for group in rule.api_groups:
        if "." not in group or group in KNOWN_GROUPS or group.endswith(".k8s.io"):
            continue
        for resource in rule.resources:
            word = f"{resource}.{group}"
            if "/" not in resource and kind_word(word) is not None:
                yield word
