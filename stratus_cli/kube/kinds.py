"""The kinds Stratus knows: where the API serves them, and how their lists are decoded."""

from __future__ import annotations

from dataclasses import dataclass

from stratus_cli.model import (
    objects,
    objects_admission,
    objects_batch,
    objects_config,
    objects_history,
    objects_network,
    objects_pod,
    objects_policy,
    objects_rbac,
    objects_scheduling,
    objects_storage,
    objects_workload,
)
from stratus_cli.model.ref import Ref, ServedKind


@dataclass(frozen=True, slots=True)
class KindInfo:
    """struct: what list items decode to; None for kinds that are only written or read one by one.

    core: without it the question "what is broken" is not answered (exit code 3).
    """

    kind: str
    api_version: str
    plural: str
    namespaced: bool = True
    struct: type[objects.KubeObject] | None = None
    core: bool = False
    aliases: tuple[str, ...] = ()

    def path(self, namespace: str | None = None, name: str = "") -> str:
        """URL path of the collection, or of one object when name is given."""
        group = self.api_version
        root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
        middle = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{middle}/{self.plural}" + (f"/{name}" if name else "")

    @property
    def group(self) -> str:
        """API group, "" for core."""
        return self.api_version.rpartition("/")[0]

    @property
    def served(self) -> ServedKind:
        """As the port Cluster says it."""
        return ServedKind(self.kind, self.api_version, self.plural, self.namespaced)


_KINDS = (
    KindInfo("Namespace", "v1", "namespaces", False, objects.Namespace, aliases=("ns",)),
    KindInfo("Node", "v1", "nodes", False, objects_scheduling.Node, aliases=("no",)),
    KindInfo("Pod", "v1", "pods", True, objects_pod.Pod, core=True, aliases=("po",)),
    KindInfo(
        "Deployment", "apps/v1", "deployments", True, objects_workload.Deployment, True, ("deploy",)
    ),
    KindInfo(
        "ReplicaSet", "apps/v1", "replicasets", True, objects_workload.ReplicaSet, True, ("rs",)
    ),
    KindInfo(
        "StatefulSet", "apps/v1", "statefulsets", True, objects_workload.StatefulSet, True, ("sts",)
    ),
    KindInfo("DaemonSet", "apps/v1", "daemonsets", True, objects_workload.DaemonSet, True, ("ds",)),
    KindInfo("Job", "batch/v1", "jobs", True, objects_batch.Job),
    KindInfo("CronJob", "batch/v1", "cronjobs", True, objects_batch.CronJob, aliases=("cj",)),
    KindInfo("Service", "v1", "services", True, objects_network.Service, True, ("svc",)),
    KindInfo(
        "EndpointSlice",
        "discovery.k8s.io/v1",
        "endpointslices",
        True,
        objects_network.EndpointSlice,
        core=True,
    ),
    KindInfo(
        "Ingress",
        "networking.k8s.io/v1",
        "ingresses",
        True,
        objects_network.Ingress,
        aliases=("ing",),
    ),
    KindInfo("ConfigMap", "v1", "configmaps", True, objects_config.ConfigMap, aliases=("cm",)),
    KindInfo("Secret", "v1", "secrets", True, objects_config.Secret),
    KindInfo(
        "ResourceQuota",
        "v1",
        "resourcequotas",
        True,
        objects_scheduling.ResourceQuota,
        aliases=("quota",),
    ),
    KindInfo(
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        "horizontalpodautoscalers",
        True,
        objects_workload.HorizontalPodAutoscaler,
        aliases=("hpa",),
    ),
    KindInfo(
        "PodDisruptionBudget",
        "policy/v1",
        "poddisruptionbudgets",
        True,
        objects_workload.PodDisruptionBudget,
        aliases=("pdb",),
    ),
    KindInfo(
        "PersistentVolumeClaim",
        "v1",
        "persistentvolumeclaims",
        True,
        objects_storage.PersistentVolumeClaim,
        aliases=("pvc",),
    ),
    KindInfo("Event", "v1", "events", True, objects.Event, core=True, aliases=("ev",)),
    KindInfo(
        "ControllerRevision",
        "apps/v1",
        "controllerrevisions",
        True,
        objects_history.ControllerRevision,
    ),
    KindInfo(
        "ServiceAccount", "v1", "serviceaccounts", True, objects_rbac.ServiceAccount, False, ("sa",)
    ),
    KindInfo(
        "LimitRange", "v1", "limitranges", True, objects_scheduling.LimitRange, aliases=("limits",)
    ),
    KindInfo("Lease", "coordination.k8s.io/v1", "leases"),
    KindInfo(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "networkpolicies",
        True,
        objects_policy.NetworkPolicy,
        aliases=("netpol",),
    ),
    *(
        KindInfo(struct.KIND, struct.API_VERSION, f"{struct.KIND.lower()}s", namespaced, struct)
        for struct, namespaced in (
            (objects_rbac.Role, True),
            (objects_rbac.RoleBinding, True),
            (objects_rbac.ClusterRole, False),
            (objects_rbac.ClusterRoleBinding, False),
        )
    ),
    KindInfo(
        "PriorityClass",
        "scheduling.k8s.io/v1",
        "priorityclasses",
        False,
        objects_scheduling.PriorityClass,
        aliases=("pc",),
    ),
    KindInfo(
        "StorageClass",
        "storage.k8s.io/v1",
        "storageclasses",
        False,
        objects_storage.StorageClass,
        aliases=("sc",),
    ),
    KindInfo(
        "PersistentVolume",
        "v1",
        "persistentvolumes",
        False,
        objects_storage.PersistentVolume,
        aliases=("pv",),
    ),
    KindInfo(
        "IngressClass",
        "networking.k8s.io/v1",
        "ingressclasses",
        False,
        objects_policy.IngressClass,
    ),
    KindInfo(
        "APIService",
        "apiregistration.k8s.io/v1",
        "apiservices",
        False,
        objects_admission.APIService,
    ),
    KindInfo("Endpoints", "v1", "endpoints", aliases=("ep",)),
    *(
        KindInfo(struct.KIND, struct.API_VERSION, f"{struct.KIND.lower()}s", False, struct)
        for struct in (
            objects_admission.ValidatingWebhookConfiguration,
            objects_admission.MutatingWebhookConfiguration,
            objects_admission.ValidatingAdmissionPolicyBinding,
        )
    ),
    *(
        KindInfo(kind, "admissionregistration.k8s.io/v1", plural, False)
        for kind, plural in (("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),)
    ),
    KindInfo(
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        False,
        aliases=("crd", "crds"),
    ),
)

BY_KIND = {info.kind: info for info in _KINDS}
OBSERVED = tuple(info for info in _KINDS if info.struct is not None)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def kind_named(word: str) -> KindInfo | None:
    """The kind a person or kubectl means by "deploy", "deployments.apps", "Service"; or None."""
    plain = word.lower().partition(".")[0]
    for info in _KINDS:
        if plain in (info.kind.lower(), info.plural, *info.aliases):
            return info
    return None


def with_api_version(ref: Ref) -> Ref:
    """The ref with its api version filled in from the table, when it has none."""
    if ref.api_version or ref.kind not in BY_KIND:
        return ref
    return Ref(ref.kind, ref.namespace, ref.name, BY_KIND[ref.kind].api_version, ref.uid)
