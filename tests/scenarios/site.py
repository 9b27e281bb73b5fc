"""Site: the shop in one namespace of a cluster, real or simulated, and what is done to it.

Everything goes through the ports Cluster and Clock, so that it runs alike on both. Waits have
deadlines; on the twin they advance its virtual time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.errors import Conflict, NotFound
from stratus_cli.model.ports import Clock, Cluster
from stratus_cli.model.ref import Ref
from tests.scenarios.fields import with_fields
from tests.scenarios.scenario import Item, Scenario, shop
from tests.scenarios.wellness import unwell

POLL_S = 1.0  # a look lists every kind; six stories that look more often slow each other down
WELL_WITHIN_S = 90.0
GONE_WITHIN_S = 60.0


class Late(AssertionError):
    """Something did not come about before its deadline."""


class Site:
    """One namespace. It must exist."""

    def __init__(self, cluster: Cluster, clock: Clock, namespace: str) -> None:
        self.cluster = cluster
        self.clock = clock
        self.namespace = namespace

    def ref(self, text: str) -> Ref:
        """The ref of "Kind/name" here."""
        kind, _, name = text.partition("/")
        return Ref(kind, self.namespace, name, BY_KIND[kind].api_version)

    def items(self, kind: str) -> list[Item]:
        """Every object of a kind here, as listed."""
        found: list[Item] = []
        for page in self.cluster.list_pages(kind, self.namespace):
            found.extend(json.loads(page).get("items") or ())
        return found

    def install(self) -> None:
        """Make the shop's objects."""
        for item in shop():
            self.create(item)

    def create(self, item: Mapping[str, Any]) -> Item:
        """Make one object here."""
        meta = {**item["metadata"], "namespace": self.namespace}
        return self.cluster.create({**item, "metadata": meta})

    def inject(self, scenario: Scenario) -> None:
        """Run a scenario's steps."""
        for step in scenario.steps:
            verb = next(iter(step))
            getattr(self, f"_{verb}")(step[verb], step)

    def delete_pods(self, app: str, count: int | None = None) -> None:
        """Delete pods with label app, all or some, and wait until they are gone."""
        self._delete_all("Pod", sorted(self._of_app("Pod", app))[:count])

    def wait_until_well(self) -> None:
        """Until each Deployment has its pods, all current and ready, and each Service them."""
        self.until(lambda: not self.unwell(), lambda: f"well: {self.unwell()}", WELL_WITHIN_S)

    def unwell(self) -> list[str]:
        """What is not as it should be."""
        return unwell(self.items)

    def until(
        self, ask: Callable[[], bool], what: Callable[[], str], within_s: float = 60.0
    ) -> None:
        """Ask until it is so. Late at the deadline."""
        started = self.clock.monotonic()
        while not ask():
            if self.clock.monotonic() - started > within_s:
                raise Late(f"{self.namespace}: not within {within_s:g} s: {what()}")
            self.clock.sleep(POLL_S)

    def _change(self, text: str, step: Mapping[str, Any]) -> None:
        ref = self.ref(text)
        for _ in range(10):
            live = self.cluster.get(ref)
            assert live is not None, f"{ref} is absent"
            try:
                self.cluster.replace(with_fields(live, step["set"]))
            except Conflict:
                continue
            return
        raise Late(f"{ref} changes all the time")

    def _recreate(self, text: str, step: Mapping[str, Any]) -> None:
        kind, _, name = text.partition("/")
        made = next(i for i in shop() if i["kind"] == kind and i["metadata"]["name"] == name)
        self._delete(text, step)
        self._gone([("Pod", name), ("ReplicaSet", name)])
        self.create(with_fields(made, step["set"]))

    def _create(self, item: Item, step: Mapping[str, Any]) -> None:
        self.create(item)

    def _delete(self, text: str, step: Mapping[str, Any]) -> None:
        ref = self.ref(text)
        self._delete_all(kind=ref.kind, names=[ref.name])

    def _delete_pods(self, app: str, step: Mapping[str, Any]) -> None:
        self.delete_pods(app, step.get("count"))

    def _delete_replica_sets(self, app: str, step: Mapping[str, Any]) -> None:
        pods = self._of_app("Pod", app)
        self._delete_all("ReplicaSet", self._of_app("ReplicaSet", app))
        gone = lambda: not pods & self._of_app("Pod", app)  # noqa: E731  # a short question
        self.until(gone, lambda: f"pods of {app} gone", GONE_WITHIN_S)

    def _wait_rolling(self, app: str, step: Mapping[str, Any]) -> None:
        def is_rolling() -> bool:
            pods = [pod for pod in self.items("Pod") if pod["metadata"]["labels"]["app"] == app]
            states = [
                status
                for pod in pods
                for status in pod["status"].get("containerStatuses") or ()
                if "running" in status["state"] and not status["ready"]
            ]
            return bool(states)

        self.until(is_rolling, lambda: f"rollout of {app}")

    def _delete_all(self, kind: str, names: Iterable[str]) -> None:
        """Delete, and wait until these very objects are gone."""
        uids = {}
        for name in names:
            ref = self.ref(f"{kind}/{name}")
            live = self.cluster.get(ref)
            assert live is not None, f"{ref} is absent"
            uids[ref] = live["metadata"]["uid"]
            try:
                self.cluster.delete(ref, uid=uids[ref])
            except NotFound:  # it went by itself meanwhile
                continue

        def is_gone() -> bool:
            return all(
                live is None or live["metadata"]["uid"] != uid
                for ref, uid in uids.items()
                for live in [self.cluster.get(ref)]
            )

        self.until(is_gone, lambda: f"{', '.join(map(str, uids))} gone", GONE_WITHIN_S)

    def _gone(self, apps: list[tuple[str, str]]) -> None:
        gone = lambda: not any(self._of_app(*app) for app in apps)  # noqa: E731  # a short question
        self.until(gone, lambda: f"{apps} gone", GONE_WITHIN_S)

    def _of_app(self, kind: str, app: str) -> set[str]:
        """Names of the objects with label app, those that are being deleted left out."""
        return {
            item["metadata"]["name"]
            for item in self.items(kind)
            if (item["metadata"].get("labels") or {}).get("app") == app
            and not (kind == "Pod" and item["metadata"].get("deletionTimestamp"))
        }
