"""The shop on the twin: the same image, program and nodes as on the real bed."""

from __future__ import annotations

from pathlib import Path

from stratus_cli.cluster.twin.clock import TwinClock
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from tests.scenarios.site import Site

WORLD = Path(__file__).parents[1] / "twin" / "bed-world.yaml"
NAMESPACE = "shop"


def simulated_site() -> Site:
    """A new twin with the shop, which is well."""
    twin = Twin(load_world(WORLD.read_text(encoding="utf-8"), WORLD.name))
    site = Site(twin, TwinClock(twin), NAMESPACE)
    meta = {"name": NAMESPACE}
    twin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    site.install()
    site.wait_until_well()
    return site
