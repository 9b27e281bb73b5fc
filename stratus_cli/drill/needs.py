"""Whether a cluster has what a fault needs."""

from __future__ import annotations

from collections.abc import Iterable
from os import environ

from stratus_cli.drill.api import Api
from stratus_cli.drill.ground import Ground
from stratus_cli.drill.injection import NODE_COMMAND
from stratus_cli.drill.install import helm_program
from stratus_cli.model.errors import ClusterAnswer

ENFORCERS = ("calico", "cilium", "kube-router", "antrea", "weave", "ovn", "kindnet")


class Needs:
    """Asks once per need. said: what a person says the cluster has (--has)."""

    def __init__(self, ground: Ground, said: Iterable[str] = ()) -> None:
        self._ground = ground
        self._known = dict.fromkeys(said, True)

    def __call__(self, need: str) -> bool:
        """Whether it is there."""
        if need not in self._known:
            self._known[need] = self._ask(need)
        return self._known[need]

    def _ask(self, need: str) -> bool:
        api = self._ground.api
        match need:
            case "nodes":
                return len(self._ground.nodes()) >= 2
            case "prometheus" | "jaeger":
                return _has_service(api, need)
            case "metrics":
                return _answers(api, "metrics.k8s.io/v1beta1")
            case "network-policy":
                names = [item["metadata"]["name"] for item in api.items("DaemonSet", None)]
                return any(word in name for name in names for word in ENFORCERS)
            case "coredns":
                return api.get(api.ref("kube-system/ConfigMap/coredns", "")) is not None
            case "node-access":
                return bool(environ.get(NODE_COMMAND))
            case "helm":
                return bool(helm_program())
        return need == "storage"  # volumes of the nodes' own folders need nothing


def _has_service(api: Api, word: str) -> bool:
    return any(word in item["metadata"]["name"] for item in api.items("Service", None))


def _answers(api: Api, group_version: str) -> bool:
    try:
        return bool(api.resources(group_version))
    except ClusterAnswer:
        return False
