"""What expose and autoscale would make, beside what kubectl itself makes of the same words."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.flow.reader import PlanReader
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.plan import Refusal
from tests.cluster.bed import Bed
from tests.cluster.objects import container, deployment, service

Item = dict[str, Any]
GIVEN = ("clusterIP", "clusterIPs", "healthCheckNodePort")
"""What a dry run invents."""


@pytest.fixture(scope="module")
def cluster(bed: Bed) -> LiveCluster:
    """The real cluster."""
    redactor = Redactor(b"of the tests")
    return LiveCluster(bed.kubeconfig, bed.context, timeout_s=15, redactor=redactor)


@pytest.fixture(scope="module")
def space(bed: Bed) -> Iterator[str]:
    """A namespace with a Deployment of two ports, which wants no pods, and a Service."""
    with bed.namespace() as namespace:
        box = container()
        box["ports"] = [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]
        made = deployment("web", box, replicas=0)
        made["metadata"]["labels"] = {"app": "web", "team": "shop"}
        bed.apply(namespace, made, service("web"))
        yield namespace


@pytest.mark.parametrize(
    "line",
    [
        "expose deployment web --name=front",
        "expose deployment web --name=front --port=80",
        "expose deployment web --name=front --port=53",
        "expose deployment web --name=front --target-port=http",
        "expose deployment web --name=front --port=80 --target-port=9000 --protocol=UDP",
        "expose deployment web --name=front --port=80 --type=NodePort",
        "expose service web --name=front --port=443 --target-port=8443",
        "expose service web --name=front",
        "expose deployment web --name=front --port=80 --selector=a=b,c=d",
        "autoscale deployment web --max=5",
        "autoscale deployment web --min=2 --max=5 --cpu-percent=80",
        "autoscale deployment web --min=2 --max=5 --cpu-percent=80 --name=other",
    ],
)
def test_the_same_as_kubectl(bed: Bed, cluster: LiveCluster, space: str, line: str) -> None:
    found = parse_line(f"kubectl {line}", space)
    assert not isinstance(found, Refusal), found
    made = found[0].prepare(PlanReader(cluster, SystemClock()))
    assert not isinstance(made, Refusal), made
    ours = cluster.create(made[0].change.after or {}, dry_run=True)
    words = ("-n", space, *shlex.split(line), "--dry-run=server", "-o", "json")
    theirs = json.loads(bed.kubectl(*words))
    if ours["kind"] == "HorizontalPodAutoscaler":
        theirs = cluster.create(_second(theirs), dry_run=True)
    assert _wished(ours) == _wished(theirs)


def _second(item: Item) -> Item:
    """An older kubectl writes autoscaling/v1."""
    if item["apiVersion"] == "autoscaling/v2":
        spec = item["spec"]
    else:
        spec = {k: v for k, v in item["spec"].items() if k != "targetCPUUtilizationPercentage"}
        share = item["spec"].get("targetCPUUtilizationPercentage")
        target = {"type": "Utilization", "averageUtilization": share}
        cpu = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
        spec |= {"metrics": [cpu]} if share else {}
    meta = {name: item["metadata"][name] for name in ("name", "namespace")}
    return {"apiVersion": "autoscaling/v2", "kind": item["kind"], "metadata": meta, "spec": spec}


def _wished(item: Item) -> Item:
    spec = {name: value for name, value in item["spec"].items() if name not in GIVEN}
    for port in spec.get("ports", ()):
        port.pop("nodePort", None)
    meta = item["metadata"]
    return {"name": meta["name"], "labels": meta.get("labels"), "spec": spec}
