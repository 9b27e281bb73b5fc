"""What the tests of the observing side look at: the healthy shop, served over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stratus_cli.cluster.live import LiveCluster
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.ports import Cluster, Ports, Source
from tests.cases.loader import manifests
from tests.cluster.apiserver import ApiServer, kubeconfig

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REDACTOR = Redactor(b"0123456789abcdef")


class Noon:
    """A clock that stands at noon."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Nothing to wait for."""


class Nobody:
    """No person, no progress, no signal: observing needs none of them."""

    requested = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AssertionError(f"observing must not use {name}")


@dataclass
class Shop:
    """The objects of the shop, with its namespaces."""

    items: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.items = [namespace("kube-system"), namespace("shop"), namespace("other")]
        self.items += manifests("shop-healthy.yaml")


def namespace(name: str) -> dict[str, Any]:
    """An active namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "uid": f"u-ns-{name}"},
        "status": {"phase": "Active"},
    }


def config_map(name: str, data: dict[str, str], space: str = "shop") -> dict[str, Any]:
    """A ConfigMap."""
    meta = {"name": name, "namespace": space, "uid": f"u-{name}", "resourceVersion": "7"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def live(api: ApiServer, folder: Path, timeout_s: float = 5.0) -> LiveCluster:
    """A LiveCluster on that server."""
    return LiveCluster(kubeconfig(folder, api.url), None, timeout_s=timeout_s, redactor=REDACTOR)


def ports(cluster: Cluster, *sources: Source) -> Ports:
    """Ports with which one can only observe."""
    nobody: Any = Nobody()
    return Ports(cluster, Noon(), nobody, nobody, nobody, "tester", sources=sources)
