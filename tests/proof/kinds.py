"""Where the API serves what the proof reads: the tests' own table."""

from __future__ import annotations

KINDS: dict[str, tuple[str, str]] = {
    "ConfigMap": ("v1", "configmaps"),
    "CronJob": ("batch/v1", "cronjobs"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Deployment": ("apps/v1", "deployments"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "LimitRange": ("v1", "limitranges"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "Role": ("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings"),
    "Secret": ("v1", "secrets"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "StatefulSet": ("apps/v1", "statefulsets"),
}
"""Kinds of a namespace whose every object is compared."""

REPORTED: dict[str, tuple[str, str]] = {
    "ControllerRevision": ("apps/v1", "controllerrevisions"),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices"),
    "Lease": ("coordination.k8s.io/v1", "leases"),
    "Pod": ("v1", "pods"),
    "ReplicaSet": ("apps/v1", "replicasets"),
}
"""Kinds of a namespace that controllers make."""

CLUSTER: dict[str, tuple[str, str]] = {
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "Namespace": ("v1", "namespaces"),
    "Node": ("v1", "nodes"),
    "PriorityClass": ("scheduling.k8s.io/v1", "priorityclasses"),
    "StorageClass": ("storage.k8s.io/v1", "storageclasses"),
    "ValidatingWebhookConfiguration": (
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
    ),
}
"""Kinds without a namespace: only the objects that an entry names are compared."""


def api_version(kind: str) -> str:
    """KeyError for a kind that the proof does not know."""
    return {**KINDS, **REPORTED, **CLUSTER}[kind][0]


def path_of(kind: str, namespace: str, name: str = "") -> str:
    """The URL path of a collection, or of one object."""
    version, plural = {**KINDS, **REPORTED, **CLUSTER}[kind]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    space = "" if kind in CLUSTER else f"/namespaces/{namespace}"
    return f"{root}{space}/{plural}" + (f"/{name}" if name else "")
