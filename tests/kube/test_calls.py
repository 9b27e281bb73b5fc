"""Call edges: from env, args, ConfigMaps, Ingresses and traces; absence; walks both ways."""

from __future__ import annotations

from typing import Any

from stratus_cli.kube.graph import Graph
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Signals, TracedCall
from tests.cases.loader import snapshot


def deployment(name: str, env: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    container = {
        "name": "app",
        "image": "app:1",
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
        **spec.pop("container", {}),
    }
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "uid": f"u-{name}"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [container], **spec},
            },
        },
    }  # fmt: skip


def service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "uid": f"u-svc-{name}"},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }  # fmt: skip


def of(kind: str, name: str) -> Ref:
    return Ref(kind, "shop", name)


SPACES = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "u-ns"}}]


def test_edges_from_env_args_and_config() -> None:
    """Each with where the address stands."""
    config = {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u-cm"},
        "data": {"app.yaml": "cart: http://cart:80/\nratio: a:80\nlog: http://gone:80\n"},
    }  # fmt: skip
    web = deployment(
        "web",
        {"SEARCH": "http://search.shop.svc:80"},
        container={"args": ["--ad=ad:80"]},
        volumes=[{"name": "config", "configMap": {"name": "web"}}],
    )
    items = [*SPACES, config, web, *(service(name) for name in ("cart", "search", "ad", "web"))]
    calls = Graph(snapshot(items)).calls
    found = {(call.callee.name, call.source.kind, call.field) for call in calls.edges}
    env = "spec.template.spec.containers[name=app]"
    assert found == {
        ("search", "Deployment", f"{env}.env[name=SEARCH].value"),
        ("ad", "Deployment", f"{env}.args[0]"),
        ("cart", "ConfigMap", 'data["app.yaml"]'),
        ("gone", "ConfigMap", 'data["app.yaml"]'),
    }
    assert [call.callee for call in calls.absent] == [of("Service", "gone")]


def test_own_address_and_outside_are_no_calls() -> None:
    """Neither its own Service nor a host outside the cluster."""
    web = deployment("web", {"SELF": "http://web:80", "OUT": "https://api.example.com:443"})
    assert Graph(snapshot([*SPACES, web, service("web")])).calls.edges == ()


def test_walks_end_in_circles() -> None:
    """a calls b, b calls c, c calls a: each once, nearest first."""
    ring = {"a": "b", "b": "c", "c": "a"}
    items = [deployment(name, {"UP": f"http://{callee}:80"}) for name, callee in ring.items()]
    calls = Graph(snapshot([*SPACES, *items, *map(service, ring)])).calls
    down = calls.downstream(of("Deployment", "a"))
    assert down[of("Deployment", "b")] == 1
    assert down[of("Deployment", "c")] == 2
    assert of("Deployment", "a") not in down
    assert calls.downstream(of("Service", "a"))[of("Deployment", "a")] == 0
    assert calls.upstream(of("Deployment", "c"))[of("Deployment", "a")] == 2


def test_ingress_and_traces() -> None:
    """An Ingress is a caller; what a trace saw needs no address."""
    ingress = {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "door", "namespace": "shop", "uid": "u-door"},
        "spec": {"rules": [{"http": {"paths": [
            {"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
            {"path": "/x", "backend": {"service": {"name": "gone", "port": {"number": 80}}}},
        ]}}]},
    }  # fmt: skip
    traced = TracedCall(of("Deployment", "web"), of("Service", "cart"), 12.0, 3.0)
    items = [*SPACES, deployment("web"), service("web"), service("cart"), ingress]
    calls = Graph(snapshot(items, signals=Signals(calls=(traced,)))).calls
    assert calls.callers(of("Deployment", "web")) == (of("Ingress", "door"),)
    assert [call.callee.name for call in calls.absent] == ["gone"]
    [call] = calls.to(of("Service", "cart"))
    assert (call.requests, call.errors, call.field) == (12.0, 3.0, "")


def test_who_may_list_ingresses_rests_on_their_backends() -> None:
    """By its own account's rights and by name; an administrator's "*" makes no controller."""
    rbac = "rbac.authorization.k8s.io"
    ingress = {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "door", "namespace": "shop", "uid": "u-ing"},
        "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}},
    }  # fmt: skip

    def rights(account: str, resource: str) -> list[dict[str, Any]]:
        meta = {"name": account, "uid": f"u-{account}-{resource}"}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": "shop"}
        rules = [{"apiGroups": ["networking.k8s.io"], "resources": [resource], "verbs": ["list"]}]
        return [
            {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": meta, "rules": rules},
            {
                "apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": meta,
                "roleRef": {"kind": "ClusterRole", "name": account}, "subjects": [subject],
            },
        ]  # fmt: skip

    items = [
        *SPACES, deployment("web"), service("web"), service("edge"), service("admin"), ingress,
        deployment("edge", serviceAccountName="edge"), *rights("edge", "ingresses"),
        deployment("admin", serviceAccountName="admin"), *rights("admin", "*"),
    ]  # fmt: skip
    calls = Graph(snapshot(items)).calls
    web, edge, admin = (of("Deployment", name) for name in ("web", "edge", "admin"))
    assert list(calls.upstream(web)) == [of("Ingress", "door"), edge]
    assert web in calls.downstream(edge)
    assert not calls.downstream(admin)
    assert calls.callers(web) == (of("Ingress", "door"),), "no call that a rule could judge"
