"""The image of one running pod is replaced, as a chaos experiment does it."""

from __future__ import annotations

from typing import Any

from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.hook import World

SUFFIX = "-chaos"  # a tag that nobody has pushed


class Replaced:
    """Of the Deployment that the fault's variant is called after."""

    def inject(self, world: World) -> None:
        """In the first pod. Nothing puts it back by itself."""
        pods = world.pods(_workload(world))
        if not pods:
            raise DrillError("the workload has no pod", _workload(world))
        container = pods[0]["spec"]["containers"][0]
        path = f"spec.containers[name={container['name']}].image"
        ref = f"Pod/{pods[0]['metadata']['name']}"
        world.step({"change": ref, "set": {path: container["image"] + SUFFIX}})

    def heal(self, world: World) -> None:
        """A pod that has it still is deleted, and made anew."""
        for pod in world.pods(_workload(world)):
            if _is_replaced(pod):
                world.step({"delete": f"Pod/{pod['metadata']['name']}"})


def _workload(world: World) -> str:
    return f"Deployment/{world.fault.variant}"


def _is_replaced(pod: dict[str, Any]) -> bool:
    return any(item["image"].endswith(SUFFIX) for item in pod["spec"]["containers"])
