"""What the API server fills in by itself, by the name of the field. A table, no more."""

from __future__ import annotations

from collections.abc import Mapping

from stratus_cli.model.change import Json

DEFAULTS: Mapping[str, tuple[Json, ...]] = {
    # pkg/apis/{core,apps,batch,networking,autoscaling}/v*/defaults.go of Kubernetes 1.34.
    "restartPolicy": ("Always",),
    "terminationGracePeriodSeconds": (30,),
    "dnsPolicy": ("ClusterFirst",),
    "schedulerName": ("default-scheduler",),
    "enableServiceLinks": (True,),
    "preemptionPolicy": ("PreemptLowerPriority",),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "imagePullPolicy": ("Always", "IfNotPresent"),
    "protocol": ("TCP",),
    "defaultMode": (420,),
    "timeoutSeconds": (1,),
    "periodSeconds": (10,),
    "successThreshold": (1,),
    "failureThreshold": (3,),
    "path": ("/",),
    "scheme": ("HTTP",),
    "replicas": (1,),
    "revisionHistoryLimit": (10,),
    "progressDeadlineSeconds": (600,),
    "maxSurge": ("25%", 0),
    "maxUnavailable": ("25%", 1),
    "partition": (0,),
    "podManagementPolicy": ("OrderedReady", "Parallel"),
    "whenDeleted": ("Retain",),
    "whenScaled": ("Retain",),
    "completions": (1,),
    "parallelism": (1,),
    "backoffLimit": (6,),
    "completionMode": ("NonIndexed",),
    "podReplacementPolicy": ("TerminatingOrFailed",),
    "manualSelector": (False,),
    "suspend": (False,),
    "concurrencyPolicy": ("Allow",),
    "successfulJobsHistoryLimit": (3,),
    "failedJobsHistoryLimit": (1,),
    "sessionAffinity": ("None",),
    "internalTrafficPolicy": ("Cluster",),
    "externalTrafficPolicy": ("Cluster",),
    "allocateLoadBalancerNodePorts": (True,),
    "ipFamilyPolicy": ("SingleStack", "PreferDualStack"),
    "minReplicas": (1,),
    "policyTypes": (["Ingress"], ["Ingress", "Egress"]),
    "volumeMode": ("Filesystem",),
    "apiVersion": ("v1",),
    "readOnly": (False,),
    "recursiveReadOnly": ("Disabled",),
    "globalDefault": (False,),
}
"""What the server fills in, by the name of the field. type is decided by its parent, see below."""

TYPE_DEFAULTS = ("ClusterIP", "RollingUpdate", "", "Opaque")
BY_SERVER = frozenset(
    {
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "nodePort",
        "healthCheckNodePort",
        "volumeName",
        "claimRef",
        "serviceAccount",  # the old name of serviceAccountName, always equal to it
        "behavior",
        "finalizers",
        "ownerReferences",
    }
)
"""Fields that the server or a controller fills in with values of its own."""
