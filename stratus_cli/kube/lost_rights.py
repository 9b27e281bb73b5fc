"""Bindings that are gone, as far as something still knows them, and roles bound to nobody. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.known_good import KnownGoodValues
from stratus_cli.kube.rbac import Asked, allows, reaches, role_of
from stratus_cli.model.objects_rbac import (
    BindingObject,
    ClusterRoleBinding,
    Role,
    RoleBinding,
    RoleObject,
    ServiceAccount,
)
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

BINDINGS = (RoleBinding.KIND, ClusterRoleBinding.KIND)


@dataclass(frozen=True, slots=True)
class LostBinding:
    """A binding that is not there any more, whole."""

    ref: Ref
    manifest: Mapping[str, Any]
    source: str


def lost_binding(
    graph: Graph, known: KnownGoodValues, namespace: str, account: str
) -> LostBinding | None:
    """The binding of this account that a recording or a declared state has, and the cluster not."""
    for space in dict.fromkeys((namespace, "")):
        for ref, manifest in known.absent(space):
            if ref.kind not in BINDINGS:
                continue
            if not _names(manifest.get("subjects"), namespace, account, ref.namespace):
                continue
            good = known.object(ref)
            if good is not None and isinstance(good.value, Mapping):
                return LostBinding(ref, good.value, good.source)
    return None


def misdirected(
    graph: Graph, known: KnownGoodValues, namespace: str, account: str, asked: Sequence[Asked]
) -> tuple[BindingObject, str] | None:
    """(binding whose role allows it all but that names others, who says it named the account)."""
    for kind in (RoleBinding, ClusterRoleBinding):
        for item in sorted(graph.snap.of(kind), key=ref_of):
            role = role_of(graph, item)
            if role is None or not all(
                reaches(item, one.namespace) and any(allows(rule, one) for rule in role.rules or ())
                for one in asked
            ):
                continue
            for good in known.object_field(item, "subjects"):
                if _names(good.value, namespace, account, item.metadata.namespace):
                    return item, good.source
            if item.KIND == RoleBinding.KIND and _names_nobody(graph, item):
                return item, "the accounts that it names do not exist"
    return None


def _names_nobody(graph: Graph, binding: BindingObject) -> bool:
    """It names accounts only, and none of them is there."""
    accounts = [item for item in binding.subjects if item.kind == "ServiceAccount"]
    return (
        graph.snap.was_read(ServiceAccount.KIND)
        and bool(accounts)
        and len(accounts) == len(binding.subjects)
        and not any(
            graph.snap.get(ServiceAccount, item.namespace, item.name) is not None
            for item in accounts
        )
    )


def unbound_role(
    graph: Graph, namespace: str, account: str, asked: Sequence[Asked]
) -> RoleObject | None:
    """The one Role that allows it all and is bound to nobody; of several the account's namesake."""
    spaces = {item.namespace for item in asked}
    bound = {
        (item.metadata.namespace, item.role_ref.name)
        for item in graph.snap.of(RoleBinding)
        if item.role_ref.kind == "Role"
    }
    found = [
        role
        for role in graph.snap.of(Role)
        if spaces == {role.metadata.namespace}
        and (role.metadata.namespace, role.metadata.name) not in bound
        and all(any(allows(rule, item) for rule in role.rules or ()) for item in asked)
    ]
    named = [role for role in found if role.metadata.name == account]
    chosen = named or found
    return chosen[0] if len(chosen) == 1 else None


def _names(subjects: object, namespace: str, account: str, here: str) -> bool:
    return any(
        isinstance(item, Mapping)
        and item.get("kind") == "ServiceAccount"
        and item.get("name") == account
        and item.get("namespace", here) == namespace
        for item in (subjects if isinstance(subjects, Sequence) else ())
    )
