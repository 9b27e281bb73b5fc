"""Place: a namespace of the real cluster with the shop in it, seen by raw requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.redact import Redactor
from tests.cluster.bed import Bed
from tests.cluster.client import ApiError
from tests.scenarios.command import Stratus
from tests.scenarios.scenario import Item
from tests.scenarios.site import Site
from tests.scenarios.state import State, wishes
from tests.scenarios.wellness import unwell

REQUESTS = 30  # through the front door, one after the other


class Place:
    """One namespace. site: through Stratus' adapter; everything else: the raw API."""

    def __init__(self, bed: Bed, namespace: str, folder: Path) -> None:
        self.bed = bed
        self.namespace = namespace
        self.folder = folder

    @cached_property
    def site(self) -> Site:
        """For the injector."""
        cluster = LiveCluster(
            self.bed.kubeconfig,
            self.bed.context,
            timeout_s=15,
            redactor=Redactor(b"of the tests"),
        )
        return Site(cluster, SystemClock(), self.namespace)

    @cached_property
    def stratus(self) -> Stratus:
        """The command line, with a state folder of its own."""
        return Stratus(self.bed.kubeconfig, self.folder)

    def as_user(self, user: str) -> Stratus:
        """The command line as another user, with the same state folder."""
        return Stratus(self.bed.kubeconfig_for(user), self.folder)

    def items(self, kind: str) -> list[Item]:
        """Every object of a kind here."""
        found: list[Item] = self.bed.api("GET", BY_KIND[kind].path(self.namespace))["items"]
        return found

    def item(self, kind: str, name: str) -> Item:
        """One object. ApiError when it is not there."""
        return self.bed.api("GET", BY_KIND[kind].path(self.namespace, name))

    def state(self) -> State:
        """What is asked of this namespace."""
        return State.of(self.items)

    def unwell(self) -> list[str]:
        """What is not as it should be in the shop."""
        return unwell(self.items)

    def generations(self) -> dict[str, Any]:
        """What a write to any object's wishes would move."""
        kinds = ("Deployment", "Service", "ConfigMap", "ResourceQuota", "ReplicaSet")
        return {
            f"{kind}/{item['metadata']['name']}": (
                item["metadata"]["uid"],
                item["metadata"].get("generation"),
                wishes(item),
            )
            for kind in kinds
            for item in self.items(kind)
        }

    @property
    def is_open(self) -> bool:
        """Whether the shop answers each request through the API server's proxy well."""
        return all(self._is_answered() for _ in range(REQUESTS))

    def _is_answered(self) -> bool:
        path = f"/api/v1/namespaces/{self.namespace}/services/web:http/proxy/"
        try:
            return self.bed.api("GET", path).get("failed") == {}
        except (ApiError, OSError):
            return False


@contextmanager
def shop_in(bed: Bed, folder: Path) -> Iterator[Place]:
    """A new namespace with the shop, which is well; gone afterwards."""
    with bed.namespace() as namespace:
        home = folder / namespace
        home.mkdir(parents=True)
        place = Place(bed, namespace, home)
        place.site.install()
        place.site.wait_until_well()
        # A Service's address reaches a node's rules a moment after its endpoints.
        bed.until(lambda: place.is_open, f"{namespace}: an open front door", timeout_s=30)
        yield place
