"""Whom a change of an Ingress reaches: whoever answers by it, and whoever comes in that way."""

from __future__ import annotations

import copy
from typing import Any

from stratus_cli.flow.blast import blast_radius
from stratus_cli.kube.graph import Graph
from stratus_cli.model.change import Change
from stratus_cli.model.ref import Ref
from tests.cases.loader import snapshot
from tests.kube.test_calls import SPACES, deployment, service

RBAC = "rbac.authorization.k8s.io"
NAMED = {"name": "edge", "namespace": "shop", "uid": "u-rights"}
RULE = {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["list"]}


def ingress(backend: str) -> dict[str, Any]:
    path = {"path": "/", "backend": {"service": {"name": backend, "port": {"number": 80}}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "door", "namespace": "shop", "uid": "u-ing"},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    }


def test_an_ingress_reaches_who_answers_by_it_and_who_is_meant() -> None:
    """Also where it leads to a Service that is not there: its controller's errors end with it."""
    wrong = ingress("wbe")
    graph = Graph(
        snapshot(
            [
                *SPACES,
                wrong,
                deployment("web"),
                service("web"),
                deployment("edge", serviceAccountName="edge"),
                service("edge"),
                deployment("load", {"TARGET": "http://edge:80"}),
                deployment("far"),
                {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": NAMED, "rules": [RULE]},
                {
                    "apiVersion": f"{RBAC}/v1",
                    "kind": "RoleBinding",
                    "metadata": NAMED,
                    "roleRef": {"kind": "Role", "name": "edge"},
                    "subjects": [{"kind": "ServiceAccount", "name": "edge", "namespace": "shop"}],
                },
            ]
        )
    )
    change = Change(Ref("Ingress", "shop", "door"), wrong, copy.deepcopy(ingress("web")))
    assert {str(ref) for ref in blast_radius(graph, [change])} == {
        "shop/Deployment/edge",
        "shop/Deployment/load",
        "shop/Service/edge",
        "shop/Service/web",
    }
