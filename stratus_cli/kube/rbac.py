"""Which rules a ServiceAccount has, and by which bindings. Pure; as the authorizer decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_rbac import (
    BindingObject,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleObject,
    Subject,
)
from stratus_cli.model.objects_workload import Workload

KINDS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
SERVICE_ACCOUNT = "system:serviceaccount:"
INFORMER = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. resource: "pods" or "pods/log"; namespace: "" for cluster-scoped."""

    verb: str
    resource: str
    group: str
    namespace: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """One binding and its role, None where that is not there."""

    binding: BindingObject
    role: RoleObject | None


def were_read(graph: Graph) -> bool:
    """Whether all of RBAC is known, so that what is not there is not there."""
    return all(graph.snap.was_read(kind) for kind in KINDS)


def bindings_of(graph: Graph, namespace: str, account: str) -> tuple[BindingObject, ...]:
    """Bindings that name the account or one of its groups; those that name itself first."""
    found = [(item, _names(item.subjects, namespace, account)) for item in all_bindings(graph)]
    direct = [item for item, how in found if how == "account"]
    grouped = [item for item, how in found if how == "group"]
    return (*direct, *grouped)


def named_by(graph: Graph, namespace: str, account: str) -> tuple[BindingObject, ...]:
    """Bindings that name the account itself."""
    return tuple(item for item in all_bindings(graph) if names_account(item, namespace, account))


def names_account(binding: BindingObject, namespace: str, account: str) -> bool:
    """Whether the binding names the account itself, not only a group that it is in."""
    return _names(binding.subjects, namespace, account) == "account"


def role_of(graph: Graph, binding: BindingObject) -> RoleObject | None:
    """The role that a binding gives, None where it is not there or was not read."""
    name = binding.role_ref.name
    if binding.role_ref.kind == "ClusterRole":
        return graph.snap.get(ClusterRole, "", name)
    return graph.snap.get(Role, binding.metadata.namespace, name)


def reaches(binding: BindingObject, namespace: str) -> bool:
    """Whether the binding gives anything in this namespace ("" for cluster-scoped things)."""
    return isinstance(binding, ClusterRoleBinding) or binding.metadata.namespace == namespace


def may(graph: Graph, namespace: str, account: str, asked: Asked) -> bool:
    """Whether the account may do it, by what was read."""
    return any(
        allows(rule, asked)
        for binding in bindings_of(graph, namespace, account)
        if reaches(binding, asked.namespace)
        for role in (role_of(graph, binding),)
        if role is not None
        for rule in role.rules or ()
    )


def allows(rule: PolicyRule, asked: Asked) -> bool:
    """One rule (k8s.io/component-helpers/auth/rbac/validation, RulesAllow)."""
    return (
        _has(rule.verbs, asked.verb)
        and _has(rule.api_groups, asked.group)
        and _has_resource(rule.resources, asked.resource)
        and (not rule.resource_names or asked.name in rule.resource_names)
    )


def _has(values: tuple[str, ...], wanted: str) -> bool:
    return "*" in values or wanted in values


def _has_resource(values: tuple[str, ...], wanted: str) -> bool:
    _, slash, sub = wanted.partition("/")
    return _has(values, wanted) or (bool(slash) and f"*/{sub}" in values)


def all_bindings(graph: Graph) -> Iterator[BindingObject]:
    """RoleBindings, then ClusterRoleBindings, each by name."""
    for kind in (RoleBinding, ClusterRoleBinding):
        yield from sorted(
            graph.snap.of(kind), key=lambda item: (item.metadata.namespace, item.metadata.name)
        )


def _names(subjects: tuple[Subject, ...], namespace: str, account: str) -> str:
    groups = {
        "system:serviceaccounts",
        f"system:serviceaccounts:{namespace}",
        "system:authenticated",
    }
    user = f"{SERVICE_ACCOUNT}{namespace}:{account}"
    how = ""
    for subject in subjects:
        if (subject.kind == "ServiceAccount" and subject.name == account) and (
            subject.namespace == namespace
        ):
            return "account"
        if subject.kind == "User" and subject.name == user:
            return "account"
        if subject.kind == "Group" and subject.name in groups:
            how = "group"
    return how


def account_of(workload: Workload) -> str:
    """Name of the ServiceAccount that a workload's pods run as."""
    return workload.spec.template.spec.service_account_name or "default"


def roles_of(graph: Graph, namespace: str, account: str) -> tuple[Grant, ...]:
    """What is given to the account itself, roles of the system left out."""
    return tuple(
        Grant(binding, role_of(graph, binding))
        for binding in named_by(graph, namespace, account)
        if not binding.role_ref.name.startswith("system:")
    )


def with_rule(rules: Sequence[Mapping[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """Raw rules that allow it as well: the verb goes to the rule of that resource, if it has one.

    Who lists also watches (a client's informer), so those come together.
    """
    verbs = list(INFORMER) if asked.verb in INFORMER[1:] else [asked.verb]
    made = [dict(rule) for rule in rules]
    for rule in made:
        if (
            rule.get("resources") == [asked.resource]
            and rule.get("apiGroups") == [asked.group]
            and not rule.get("resourceNames")
        ):
            present = [str(verb) for verb in rule.get("verbs") or ()]
            rule["verbs"] = [*present, *(verb for verb in verbs if verb not in present)]
            return made
    made.append({"apiGroups": [asked.group], "resources": [asked.resource], "verbs": verbs})
    return made
