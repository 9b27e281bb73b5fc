"""Hooks change what they say, and nothing beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.hooks.coredns import with_denial, without_denial
from stratus_cli.drill.hooks.pod_image import Replaced
from stratus_cli.model.ref import Ref

COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
    }
    forward . /etc/resolv.conf
}
"""


def test_denial_stands_in_the_cluster_s_block() -> None:
    """The template comes before the plugin that would answer, and the rest stays as it is."""
    made = with_denial(COREFILE, "geo.shop.svc")
    denial = "    template ANY ANY geo.shop.svc.cluster.local {\n        rcode NXDOMAIN\n    }\n"
    assert denial in made
    assert without_denial(made) == COREFILE
    assert made.index("template") < made.index("kubernetes")


def test_denial_needs_a_cluster_s_block() -> None:
    """A Corefile that does not serve the cluster is refused."""
    with pytest.raises(DrillError):
        with_denial(".:53 {\n    forward . 10.0.0.1\n}\n", "geo.shop.svc")


@dataclass
class Pods:
    """A world with two pods of one workload; what the hook does to them."""

    images: list[str]
    done: list[dict[str, Any]] = field(default_factory=list)
    namespace: str = "ns"
    fault: Any = field(default_factory=lambda: SimpleNamespace(variant="geo"))

    def ref(self, text: str) -> Ref:
        return Ref("Pod", "ns", text)

    def get(self, ref: Ref) -> dict[str, Any] | None:
        return None

    def pods(self, text: str) -> list[dict[str, Any]]:
        assert text == "Deployment/geo"
        return [
            {
                "metadata": {"name": f"geo-{index}"},
                "spec": {"containers": [{"name": "geo", "image": image}]},
            }
            for index, image in enumerate(self.images)
        ]

    def step(self, step: dict[str, Any]) -> None:
        self.done.append(step)

    def node_command(self, node: str, *words: str) -> None:
        raise AssertionError(words)


def test_one_pod_gets_another_image_and_goes_when_healed() -> None:
    """Its siblings stay as they are."""
    before = Pods(["app:1", "app:1"])
    Replaced().inject(before)
    path = "spec.containers[name=geo].image"
    assert before.done == [{"change": "Pod/geo-0", "set": {path: "app:1-chaos"}}]
    after = Pods(["app:1-chaos", "app:1"])
    Replaced().heal(after)
    assert after.done == [{"delete": "Pod/geo-0"}]
    again = Pods(["app:1", "app:1"])
    Replaced().heal(again)
    assert again.done == []


def test_a_workload_without_pods_is_an_error_of_the_lab() -> None:
    """Nothing was injected."""
    with pytest.raises(DrillError):
        Replaced().inject(Pods([]))
