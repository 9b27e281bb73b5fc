# ruff: noqa: E501  # expressions stay in one piece
"""Telemetry servers as ordinary workloads of namespace `monitoring`, found by their Services.

Prometheus and Alertmanager are cheap (Debian's programs) and stand alone; kube-state-metrics,
metrics-server and Jaeger are built once, which takes minutes, and only come where they are asked for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cluster.layout import REGISTRY
from tests.cluster.parts import DEBIAN, JAEGER, METRICS_SERVER, STATE_METRICS

NAMESPACE = "monitoring"
ACCOUNT = "monitoring"
SCRAPE = "2s"  # quick, so that tests need not wait; the usual 15 to 60 s only show later

RULES = [
    {
        "alert": "KubePodCrashLooping",
        "expr": 'max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[1m]) >= 1',
        "for": "2s",
        "labels": {"severity": "warning"},
        "annotations": {"summary": "Pod {{ $labels.pod }} is crash looping."},
    },
    {
        "alert": "ManyErrors",
        "expr": 'sum by (namespace, pod) (rate(http_requests_total{code=~"5.."}[1m])) / '
        "sum by (namespace, pod) (rate(http_requests_total[1m])) > 0.2",
        "for": "2s",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "More than a fifth of the requests fail."},
    },
]  # fmt: skip


def manifests(*, full: bool, aggregates: bool = True) -> list[dict[str, Any]]:
    """The objects, in the order in which they are made.

    aggregates: whether the API server may stand in front of metrics-server. Where it may not, an
    APIService that never answers would hold up the deletion of each namespace.
    """
    found = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *_account(),
        _config("prometheus", {"prometheus.yml": _prometheus(), "rules.yml": _rules()}),
        *_server(
            "prometheus",
            f"stratus/monitoring:{DEBIAN}",
            [
                "/usr/bin/prometheus", "--config.file=/config/prometheus.yml",
                "--storage.tsdb.path=/data", "--storage.tsdb.retention.time=2h",
            ],
            9090,
            "/-/ready",
            data=True,
        ),
        _config("alertmanager", {"alertmanager.yml": _alertmanager()}),
        *_server(
            "alertmanager",
            f"stratus/monitoring:{DEBIAN}",
            [
                "/usr/bin/prometheus-alertmanager", "--config.file=/config/alertmanager.yml",
                "--storage.path=/data", "--cluster.listen-address=",
            ],
            9093,
            "/-/ready",
            data=True,
        ),
    ]  # fmt: skip
    _add_discovery(found)
    if full:
        found += _server(
            "kube-state-metrics",
            f"stratus/kube-state-metrics:{STATE_METRICS}",
            ["/server", "--port=8080", "--telemetry-port=8081"],
            8080,
            "/livez",
        )
        found += _server(
            "jaeger", f"stratus/jaeger:{JAEGER}", ["/server"], 16686, "/", more=(4318,)
        )
        found += [*_metrics_server(), *_aggregated()] if aggregates else []
    return found


def _add_discovery(items: list[dict[str, Any]]) -> None:
    """The sidecar that finds targets, beside Prometheus."""
    [prometheus] = [
        item
        for item in items
        if (item["kind"], item["metadata"]["name"]) == ("Deployment", "prometheus")
    ]
    sidecar = {
        "name": "discover",
        "image": f"{REGISTRY}/stratus/app:1",
        "command": ["python3", "-c", (Path(__file__).parent / "discover.py").read_text()],
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}},
    }
    prometheus["spec"]["template"]["spec"]["containers"].append(sidecar)


def _metrics_server() -> list[dict[str, Any]]:
    """Kubelets of the bed have certificates of their own making."""
    command = [
        "/server", "--secure-port=10250", "--cert-dir=/tmp", "--kubelet-insecure-tls",
        "--kubelet-preferred-address-types=InternalIP", "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ]  # fmt: skip
    image = f"stratus/metrics-server:{METRICS_SERVER}"
    deployment, service = _server("metrics-server", image, command, 10250, "/livez")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container["readinessProbe"]["httpGet"]["scheme"] = "HTTPS"
    container["volumeMounts"] = [{"name": "tmp", "mountPath": "/tmp"}]
    pod["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    return [deployment, service]


def _aggregated() -> list[dict[str, Any]]:
    """What lets the API server stand in front of metrics-server, and that ask who somebody is."""
    rbac = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    name = "stratus-monitoring-delegator"
    delegator = {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:auth-delegator"}
    reader = {
        "apiGroup": rbac, "kind": "Role", "name": "extension-apiserver-authentication-reader",
    }  # fmt: skip
    service = {"name": "metrics-server", "namespace": NAMESPACE, "port": 10250}
    return [
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
         "roleRef": delegator, "subjects": [subject]},
        {"apiVersion": f"{rbac}/v1", "kind": "RoleBinding",
         "metadata": {"name": name, "namespace": "kube-system"},
         "roleRef": reader, "subjects": [subject]},
        {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
         "metadata": {"name": "v1beta1.metrics.k8s.io"},
         "spec": {"service": service, "group": "metrics.k8s.io", "version": "v1beta1",
                  "insecureSkipTLSVerify": True, "groupPriorityMinimum": 100,
                  "versionPriority": 100}},
    ]  # fmt: skip


def _server(
    name: str,
    image: str,
    command: list[str],
    port: int,
    ready: str,
    *,
    data: bool = False,
    more: tuple[int, ...] = (),
) -> list[dict[str, Any]]:
    labels = {"app.kubernetes.io/name": name}
    probe = {"httpGet": {"path": ready, "port": port}, "periodSeconds": 1}
    container = {
        "name": name,
        "image": f"{REGISTRY}/{image}",
        "command": command,
        "ports": [{"containerPort": number} for number in (port, *more)],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "readinessProbe": probe,
        "volumeMounts": [
            *([{"name": "config", "mountPath": "/config"}] if data else []),
            *([{"name": "data", "mountPath": "/data"}] if data else []),
        ],
    }
    pod = {
        "serviceAccountName": ACCOUNT,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [
            *([{"name": "config", "configMap": {"name": name}}] if data else []),
            *([{"name": "data", "emptyDir": {}}] if data else []),
        ],
    }
    ports = [{"name": f"http-{number}", "port": number} for number in (port, *more)]
    deployment = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return [
        _object("apps/v1", "Deployment", name, labels=labels, spec=deployment),
        _object("v1", "Service", name, labels=labels, spec={"selector": labels, "ports": ports}),
    ]


def _account() -> list[dict[str, Any]]:
    rbac = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    reads = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"nonResourceURLs": ["*"], "verbs": ["get"]},
    ]
    name = "stratus-monitoring"
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": name}
    return [
        _object("v1", "ServiceAccount", ACCOUNT),
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name},
         "rules": reads},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
         "roleRef": role, "subjects": [subject]},
    ]  # fmt: skip


def _object(version: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": more.pop("labels", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _config(name: str, data: dict[str, str]) -> dict[str, Any]:
    return _object("v1", "ConfigMap", name, data=data)


def _prometheus() -> str:
    """JSON is YAML."""
    secrets = "/var/run/secrets/kubernetes.io/serviceaccount"
    access = {
        "scheme": "https",
        "tls_config": {"ca_file": f"{secrets}/ca.crt"},
        "authorization": {"credentials_file": f"{secrets}/token"},
    }
    found = "http://127.0.0.1:9099"
    states = f"kube-state-metrics.{NAMESPACE}.svc:8080"
    return json.dumps(
        {
            "global": {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE},
            "rule_files": ["/config/rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [
                {"targets": [f"alertmanager.{NAMESPACE}.svc:9093"]}
            ]}]},
            "scrape_configs": [
                {"job_name": "pods",
                 "http_sd_configs": [{"url": f"{found}/pods", "refresh_interval": "2s"}]},
                {"job_name": "kubelets", "scrape_interval": "10s", **access,
                 "http_sd_configs": [{"url": f"{found}/nodes", "refresh_interval": "10s"}]},
                {"job_name": "states", "honor_labels": True,
                 "static_configs": [{"targets": [states]}]},
            ],
        }
    )  # fmt: skip


def _rules() -> str:
    return json.dumps({"groups": [{"name": "bed", "rules": RULES}]})


def _alertmanager() -> str:
    route = {"receiver": "none", "group_wait": "1s"}
    return json.dumps({"route": route, "receivers": [{"name": "none"}]})
