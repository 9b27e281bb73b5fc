"""The objects that the entries of the proof change. All of them are well, and stay so."""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]
META: Item = {"labels": {"team": "shop"}, "annotations": {"note": "before"}}


def workload(kind: str, **spec: Any) -> Item:
    """ "web": two ready pods, of each kind of workload. spec: fields beside or instead."""
    made: Item = {"selector": {"matchLabels": {"app": "web"}}, "template": template()}
    if kind != "DaemonSet":
        made["replicas"] = 2
    if kind == "StatefulSet":
        made["serviceName"] = "web"
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", **META},
        "spec": {**made, **spec},
    }


def template() -> Item:
    """A pod of the tests' app."""
    container = {
        "name": "app",
        "image": "$APP:1",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
    }
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }


def service(name: str = "web") -> Item:
    """In front of web."""
    port = {"name": "http", "port": 80, "targetPort": 8080}
    spec = {"selector": {"app": "web"}, "ports": [port]}
    return _object("v1", "Service", name, spec=spec)


def config_map(name: str = "settings", **data: str) -> Item:
    """Read by nobody."""
    body = {"MODE": "fast", "app.json": '{"pool": {"size": 5}, "debug": false}', **data}
    return _object("v1", "ConfigMap", name, data=body)


def secret() -> Item:
    """Read by nobody."""
    data = {"password": "b2xkLXBsYW50ZWQ=", "user": "Ym9iLXBsYW50ZWQ="}
    return _object("v1", "Secret", "db", type="Opaque", data=data)


def ingress() -> Item:
    """To web."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": "shop.example", "http": {"paths": [path]}}
    return _object("networking.k8s.io/v1", "Ingress", "web", spec={"rules": [rule]})


def autoscaler() -> Item:
    """Of web; there are no metrics, so it changes nothing."""
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", "web", spec=spec)


def budget() -> Item:
    """A PodDisruptionBudget of web."""
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    return _object("policy/v1", "PodDisruptionBudget", "web", spec=spec)


def network_policy() -> Item:
    """Of pods that are not there."""
    peer = {"podSelector": {"matchLabels": {"app": "friend"}}}
    spec = {
        "podSelector": {"matchLabels": {"app": "nobody"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [peer], "ports": [{"protocol": "TCP", "port": 8080}]}],
    }
    return _object("networking.k8s.io/v1", "NetworkPolicy", "web", spec=spec)


def quota() -> Item:
    """With room."""
    return _object("v1", "ResourceQuota", "room", spec={"hard": {"pods": "50", "services": "20"}})


def limit_range() -> Item:
    """Defaults for containers."""
    limits = {"type": "Container", "default": {"memory": "96Mi"}, "max": {"memory": "1Gi"}}
    limits["defaultRequest"] = {"memory": "16Mi"}
    return _object("v1", "LimitRange", "defaults", spec={"limits": [limits]})


def role() -> Item:
    """Reads pods."""
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
    return _object("rbac.authorization.k8s.io/v1", "Role", "reader", rules=[rule])


def role_binding() -> Item:
    """Gives reader to a group."""
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "Group", "name": "shop-team", "apiGroup": group}
    ref = {"apiGroup": group, "kind": "Role", "name": "reader"}
    return _object(f"{group}/v1", "RoleBinding", "reader", subjects=[subject], roleRef=ref)


def priority_class() -> Item:
    """Used by nobody."""
    return _object(
        "scheduling.k8s.io/v1", "PriorityClass", "proof-$NS", value=10, description="before"
    )


def webhook() -> Item:
    """Matches no namespace, and is ignored when it does not answer."""
    hook = {
        "name": "check.proof.example",
        "clientConfig": {"url": "https://127.0.0.1:1/check"},
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
            }
        ],
        "namespaceSelector": {"matchLabels": {"proof.example/none": "none"}},
        "failurePolicy": "Ignore",
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "admissionReviewVersions": ["v1"],
    }
    return _object(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "proof-$NS",
        webhooks=[hook],
    )


def cluster_role() -> Item:
    """Reads nodes."""
    rule = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
    return _object("rbac.authorization.k8s.io/v1", "ClusterRole", "proof-$NS", rules=[rule])


def cron_job() -> Item:
    """On New Year's Eve."""
    container = {"name": "report", "image": "$APP:1", "command": ["true"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    spec = {
        "schedule": "59 23 31 12 *",
        "jobTemplate": {"spec": {"template": {"spec": pod}}},
    }
    return _object("batch/v1", "CronJob", "report", spec=spec)


def service_account() -> Item:
    """Used by nobody yet."""
    return _object("v1", "ServiceAccount", "robot")


def _object(version: str, kind: str, name: str, **fields: Any) -> Item:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **META}, **fields}
