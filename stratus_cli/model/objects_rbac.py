"""Roles, their bindings and ServiceAccounts, as far as they are read (Kubernetes API v1.34)."""

from __future__ import annotations

import msgspec

from stratus_cli.model.objects import KubeObject, ObjectPart, TrackedMeta

RBAC = "rbac.authorization.k8s.io/v1"


class PolicyRule(ObjectPart, frozen=True):
    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")


class RoleObject(KubeObject, frozen=True):
    """A Role or ClusterRole. `rules` is null, not missing, when there are none."""

    API_VERSION = RBAC
    metadata: TrackedMeta = TrackedMeta()
    rules: tuple[PolicyRule, ...] | None = None


class Role(RoleObject, frozen=True):
    KIND = "Role"


class ClusterRole(RoleObject, frozen=True):
    KIND = "ClusterRole"


class RoleRef(ObjectPart, frozen=True):
    kind: str = ""
    name: str = ""


class Subject(ObjectPart, frozen=True):
    kind: str = ""
    name: str = ""
    namespace: str = ""


class BindingObject(KubeObject, frozen=True):
    """A RoleBinding or ClusterRoleBinding."""

    API_VERSION = RBAC
    metadata: TrackedMeta = TrackedMeta()
    role_ref: RoleRef = RoleRef()
    subjects: tuple[Subject, ...] = ()


class RoleBinding(BindingObject, frozen=True):
    KIND = "RoleBinding"


class ClusterRoleBinding(BindingObject, frozen=True):
    KIND = "ClusterRoleBinding"


class ServiceAccount(KubeObject, frozen=True):
    KIND = "ServiceAccount"
    metadata: TrackedMeta = TrackedMeta()
    automount_service_account_token: bool | None = None
