"""CoreDNS as an ordinary Deployment behind the Service kube-dns."""

from __future__ import annotations

from typing import Any

from tests.cluster.layout import DNS_IP, DOMAIN, REGISTRY
from tests.cluster.parts import COREDNS

NAMESPACE = "kube-system"
LABELS = {"k8s-app": "kube-dns"}
# Two servers, since `template` would answer before `kubernetes` within one.
COREFILE = f"""{DOMAIN}:53 in-addr.arpa:53 ip6.arpa:53 {{
    errors
    health {{
        lameduck 1s
    }}
    ready
    kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
        pods insecure
        ttl 5
    }}
    prometheus :9153
    cache 5
    reload
    loadbalance
}}
.:53 {{
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def manifests() -> list[dict[str, Any]]:
    """The objects, in the order in which they are made."""
    rbac = "rbac.authorization.k8s.io"
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
        {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
    ]
    reads = [
        {
            "apiGroups": [""],
            "resources": ["endpoints", "services", "pods", "namespaces"],
            "verbs": ["list", "watch"],
        },
        {
            "apiGroups": ["discovery.k8s.io"],
            "resources": ["endpointslices"],
            "verbs": ["list", "watch"],
        },
    ]
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:coredns"}
    subject = {"kind": "ServiceAccount", "name": "coredns", "namespace": NAMESPACE}
    return [
        _object("v1", "ServiceAccount", "coredns"),
        _object(f"{rbac}/v1", "ClusterRole", "system:coredns", rules=reads),
        _object(
            f"{rbac}/v1", "ClusterRoleBinding", "system:coredns", roleRef=role, subjects=[subject]
        ),
        _object("v1", "ConfigMap", "coredns", data={"Corefile": COREFILE}),
        _object(
            "v1",
            "Service",
            "kube-dns",
            spec={"clusterIP": DNS_IP, "selector": LABELS, "ports": ports},
        ),
        _object(
            "apps/v1",
            "Deployment",
            "coredns",
            spec={
                "replicas": 1,
                "strategy": {"rollingUpdate": {"maxUnavailable": 0}},
                "selector": {"matchLabels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": _pod()},
            },
        ),
    ]


def _object(version: str, kind: str, name: str, **more: object) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": LABELS}
    if not kind.startswith("Cluster"):
        metadata["namespace"] = NAMESPACE
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _pod() -> dict[str, Any]:
    container = {
        "name": "coredns",
        "image": f"{REGISTRY}/stratus/coredns:{COREDNS}",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "resources": {
            "requests": {"cpu": "20m", "memory": "70Mi"},
            "limits": {"memory": "170Mi"},
        },
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 9153, "protocol": "TCP"},
        ],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
        "livenessProbe": {
            "httpGet": {"path": "/health", "port": 8080},
            "initialDelaySeconds": 30,
            "timeoutSeconds": 5,
            "failureThreshold": 5,
        },
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
    }
    return {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": 2,
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
