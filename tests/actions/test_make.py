"""kubectl expose and autoscale: what kubectl would make, through plan, transaction and undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.model.plan import Refusal
from tests.actions.lifecycle import planned, refused, stand_of, there_and_back
from tests.flow.stand import Stand
from tests.flow.worlds import app, world

Item = dict[str, Any]


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return stand_of(tmp_path, world([*app("web"), *app("cart", metadata={"labels": {}})]))


def made(stand: Stand, line: str) -> Item:
    """The object that a line would create."""
    plan = planned(stand, line).plan
    assert plan is not None, planned(stand, line).refusal
    (step,) = plan.steps
    assert step.change.before is None
    again = parse_line(step.kubectl, "another")
    assert again == parse_line(line, "shop"), "the line that is shown means the same"
    return dict(step.change.after or {})


def test_a_deployment_is_exposed_as_kubectl_does(stand: Stand) -> None:
    item = made(stand, "kubectl expose deploy/web --name=front")
    assert item["kind"] == "Service"
    assert item["metadata"] == {"name": "front", "namespace": "shop", "labels": {"app": "web"}}
    assert item["spec"] == {
        "ports": [{"port": 8080, "protocol": "TCP", "targetPort": 8080}],
        "selector": {"app": "web"},
    }


def test_every_flag_of_expose(stand: Stand) -> None:
    line = (
        "kubectl -n shop expose service web --name=front --port=53 --target-port=dns"
        " --type=NodePort --protocol=UDP --selector=app=web,tier=x"
    )
    assert made(stand, line)["spec"] == {
        "ports": [{"port": 53, "protocol": "UDP", "targetPort": "dns"}],
        "selector": {"app": "web", "tier": "x"},
        "type": "NodePort",
    }


def test_several_ports_get_names_and_each_its_protocol(tmp_path: Path) -> None:
    ports = [{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]
    box = {"ports": ports, "readinessProbe": None}
    stand = stand_of(tmp_path, world(app("web", container=box)))
    item = made(stand, "kubectl expose deploy web --name=two --target-port=9000")
    assert item["spec"]["ports"] == [
        {"name": "port-1", "port": 8080, "protocol": "TCP", "targetPort": 9000},
        {"name": "port-2", "port": 53, "protocol": "UDP", "targetPort": 9000},
    ]


def test_an_exposed_service_serves_and_goes_again(stand: Stand) -> None:
    after = there_and_back(stand, "kubectl expose deploy/web --name=front --port=80")
    assert "Service/shop/front" in after


def test_an_autoscaler_as_kubectl_makes_it(stand: Stand) -> None:
    item = made(stand, "kubectl autoscale deploy/web --min=2 --max=5 --cpu-percent=80")
    assert item["apiVersion"] == "autoscaling/v2"
    assert item["metadata"] == {"name": "web", "namespace": "shop"}
    assert item["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 80},
                },
            }
        ],
    }


def test_an_autoscaler_by_amount_and_by_the_servers_default(stand: Stand) -> None:
    item = made(stand, "kubectl autoscale deploy/web --max=5 --cpu=500m --name=other")
    assert item["metadata"]["name"] == "other"
    assert item["spec"]["metrics"][0]["resource"]["target"] == {
        "type": "AverageValue",
        "averageValue": "500m",
    }
    plain = made(stand, "kubectl autoscale deploy/web --max=5")["spec"]
    assert "metrics" not in plain
    assert "minReplicas" not in plain


def test_an_autoscaler_goes_again(stand: Stand) -> None:
    after = there_and_back(stand, "kubectl autoscale deploy/web --min=1 --max=5 --cpu=80%")
    assert "HorizontalPodAutoscaler/shop/web" in after


def test_there_is_one_autoscaler_for_a_workload(stand: Stand) -> None:
    told = refused(
        stand,
        "kubectl autoscale deploy/web --max=5",
        "kubectl autoscale deploy/web --max=6 --name=again",
    )
    assert "HorizontalPodAutoscaler web sets the replicas" in told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kubectl expose deploy/web --port=80", "shop/Service/web is there already"),
        ("kubectl expose deploy/nobody --port=80", "there is no shop/Deployment/nobody"),
        ("kubectl expose cm/x --port=80", "a ConfigMap cannot be exposed"),
        ("kubectl expose deploy/web --port=70000", "is not a number from 0 to 65535"),
        ("kubectl expose deploy/web --port=a", "is not a number"),
        ("kubectl expose deploy/web --type=ExternalName", "--type is one of"),
        ("kubectl expose deploy/web --protocol=ICMP", "--protocol is one of"),
        ("kubectl expose deploy/web --selector='app in (a)'", "neither KEY=VALUE"),
        ("kubectl expose deploy/web --selector='a!=b'", "is not KEY=VALUE"),
        ("kubectl expose deploy/web --external-ip=1.2.3.4", "unknown flag --external-ip"),
        ("kubectl expose deploy/web extra", "extra"),
        ("kubectl autoscale deploy/web", "--max=NUMBER"),
        ("kubectl autoscale deploy/web --max=0", "--max=NUMBER"),
        ("kubectl autoscale deploy/web --min=5 --max=2", "at least --min"),
        ("kubectl autoscale deploy/web --max=2 --cpu=80", "--cpu=80% or --cpu=500m"),
        ("kubectl autoscale deploy/web --max=2 --cpu=5% --cpu-percent=6", "is no target"),
        ("kubectl autoscale ds/web --max=2", "a DaemonSet has no replicas"),
        ("kubectl autoscale deploy/web --max=2 --memory=5Mi", "unknown flag --memory"),
    ],
)
def test_what_is_refused(stand: Stand, line: str, told: str) -> None:
    assert told in refused(stand, line)


def test_several_objects_are_several_services() -> None:
    found = parse_line("kubectl expose deploy web cart --port=80", "shop")
    assert not isinstance(found, Refusal)
    assert len(found) == 2
