"""The drill's own namespaces: made, labelled, filled with an app, removed. It has no others."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from stratus_cli.drill.api import Api, Item
from stratus_cli.drill.app import App, load, names, program
from stratus_cli.drill.certificates import Variables
from stratus_cli.drill.door import Door
from stratus_cli.drill.errors import DrillError, DrillRefused
from stratus_cli.drill.install import Access, make, run_helm
from stratus_cli.drill.spans import endpoint
from stratus_cli.drill.state import State, capture
from stratus_cli.drill.wellness import Well, unwell
from stratus_cli.model.ports import Clock, Interrupt

LABEL = "stratus.dev/drill"
MADE_OF = "stratus.dev/drill-made-of"
SANDBOX = "stratus.dev/sandbox"
BESIDE = ("PersistentVolume", "IngressClass")
DEFAULT_IMAGE = "python:3.11-slim"
WELL_WITHIN_S = 180.0  # our choice: a first pull of a small image, and a dozen starts
OPEN_WITHIN_S = 120.0
GONE_WITHIN_S = 120.0
POLL_S = 1.0


class Stopped(DrillError):
    """Ctrl-C; what was injected is taken back."""

    exit_code = 130


class Ground:
    """Where the drill stands. prefix: of its namespaces' names; keys: the certificates' folder."""

    def __init__(
        self,
        api: Api,
        clock: Clock,
        interrupt: Interrupt,
        access: Access,
        *,
        image: str = DEFAULT_IMAGE,
        prefix: str = "drill",
        keys: Path,
    ) -> None:
        self.api = api
        self.clock = clock
        self.interrupt = interrupt
        self.access = access
        self.image = image
        self.prefix = prefix
        self.keys = keys
        self._nodes: list[str] | None = None
        self.settling = False
        """While it takes back, a signal does not stop it."""

    def namespace(self, app: str) -> str:
        """Of an app."""
        return f"{self.prefix}-{app}"

    def tenant(self, app: str) -> str:
        """The second one, of what lives beside the app."""
        return f"{self.prefix}-{app}-tenant"

    def spaces(self, app: str) -> list[str]:
        """Both, those that are there."""
        both = (self.namespace(app), self.tenant(app))
        return [name for name in both if self.api.get(self.api.ref(f"/Namespace/{name}", ""))]

    def others(self, app: str) -> list[str]:
        """The namespaces of all other apps, whether they are there or not."""
        apps = [name for name in names() if name != app]
        return [space for name in apps for space in (self.namespace(name), self.tenant(name))]

    def state(self, app: str, *, around: bool = False) -> State:
        """All that is wished of an app now; around: and outside, but for what other apps have."""
        return capture(self.api, self.spaces(app), around=around, apart=self.others(app))

    def values(self, app: str) -> MutableMapping[str, Any]:
        """The built-in variables of fault and app files."""
        nodes = self.nodes()
        namespace = self.namespace(app)
        values = {
            "app": app,
            "namespace": namespace,
            "tenant": self.tenant(app),
            "image": self.image,
            "node": nodes[0],
            "other_node": nodes[-1],
            "nodes": len(nodes),
            "nodes_plus_1": len(nodes) + 1,
        }
        return Variables(values, self.keys / namespace, namespace)

    def nodes(self) -> list[str]:
        """The nodes that take pods, by name."""
        if self._nodes is None:
            self._nodes = sorted(
                item["metadata"]["name"]
                for item in self.api.items("Node", None)
                if not any(
                    taint["effect"] == "NoSchedule" and "control-plane" in taint["key"]
                    for taint in item["spec"].get("taints") or ()
                )
            )
        if not self._nodes:
            raise DrillError("the cluster has no node that takes pods")
        return self._nodes

    def ensure(self, namespace: str, app: str, digest: str = "") -> None:
        """A namespace that is the drill's own. DrillRefused: it is somebody else's.

        digest: what a new one is noted to hold.
        """
        ref = self.api.ref(f"/Namespace/{namespace}", "")
        live = self.api.get(ref)
        if live is not None and live["metadata"].get("deletionTimestamp"):
            self.until(lambda: self.api.get(ref) is None, f"{namespace} gone", GONE_WITHIN_S)
            live = None
        if live is None:
            meta = {"name": namespace, "labels": {LABEL: app}, "annotations": {MADE_OF: digest}}
            self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
            account = self.api.ref(f"{namespace}/ServiceAccount/default", "")
            self.until(lambda: self.api.get(account) is not None, f"{account}", 30.0)
        elif LABEL not in (live["metadata"].get("labels") or {}):
            raise DrillRefused(
                f"the namespace has no label {LABEL}, so it is not the drill's", namespace,
                "Remove it, or choose other names with --prefix.",
            )  # fmt: skip

    def check_sandbox(self) -> None:
        """DrillRefused unless somebody said that this cluster may be harmed."""
        system = self.api.get(self.api.ref("/Namespace/kube-system", "")) or {}
        labels = system.get("metadata", {}).get("labels") or {}
        if labels.get(SANDBOX) != "true":
            raise DrillRefused(
                f"kube-system has no label {SANDBOX}=true, so nothing outside the drill's own"
                " namespaces is touched",
                self.access.context,
                f"Where harm is allowed: kubectl label namespace kube-system {SANDBOX}=true",
            )

    def install(self, name: str) -> App:
        """Make the app's objects. They need not be well yet."""
        app, values = load(name), self.values(name)
        digest = app.digest(values)
        if self._made_of(name) not in ("", digest):
            self.remove(name)  # running pods would go on with what they were started with
        spaces = {"tenant": self.tenant(name)}
        for space in (self.namespace(name), *(spaces[word] for word in app.extra)):
            self.ensure(space, name, digest)
        space = self.namespace(name)
        make(self.api, program(), space, app.install)
        if spans := endpoint(self.api):
            make(self.api, spans, space, app.install)
        if app.install == "helm":
            run_helm(app, self.access, space, self.image)
        for item in app.manifests(values):
            make(self.api, item, space, app.install)
        return app

    def wait_well(self, app: App, well: Well, within_s: float = WELL_WITHIN_S) -> None:
        """Until every workload and Service is as when well, and the front door is open."""
        items = self.items(app.name)
        said: list[str] = []

        def is_well() -> bool:
            said[:] = unwell(well, items)
            return not said

        self.until(is_well, f"{app.name} well", within_s, lambda: "; ".join(said[:5]))
        door = self.door(app)
        self.until(
            lambda: door.look(5, give_up=1).is_open,
            f"an open front door of {app.name}",
            OPEN_WITHIN_S,
            lambda: door.look(1).first_failure,
        )

    def door(self, app: App) -> Door:
        """Where users come in."""
        return Door(self.api, self.namespace(app.name), app.front_door)

    def items(self, app: str) -> Callable[[str], list[Item]]:
        """Gives the objects of a kind in the app's namespace."""
        return lambda kind: self.api.items(kind, self.namespace(app))

    def remove(self, name: str) -> None:
        """Delete the app's namespaces, and wait until they are gone."""
        refs = [self.api.ref(f"/Namespace/{space}", "") for space in self.spaces(name)]
        for ref in refs:
            self.ensure(ref.name, name)  # never one that is not ours
            self.api.delete(ref)
        for ref in refs:
            gone = lambda ref=ref: self.api.get(ref) is None  # noqa: E731  # a short question
            self.until(gone, f"{ref.name} gone", GONE_WITHIN_S)
        self._remove_beside(self.namespace(name))

    def _made_of(self, name: str) -> str:
        """The digest of what is installed; "" when nothing is."""
        live = self.api.get(self.api.ref(f"/Namespace/{self.namespace(name)}", ""))
        if live is None or LABEL not in (live["metadata"].get("labels") or {}):
            return ""
        return str((live["metadata"].get("annotations") or {}).get(MADE_OF, "unknown"))

    def _remove_beside(self, namespace: str) -> None:
        """What an app has outside namespaces carries the label with its namespace's name.

        Waited for: made anew while it is still going, an object would go all the same.
        """
        refs = [
            self.api.ref(f"/{kind}/{item['metadata']['name']}", "")
            for kind in BESIDE
            for item in self.api.items(kind, None)
            if (item["metadata"].get("labels") or {}).get(LABEL) == namespace
        ]
        for ref in refs:
            self.api.delete(ref)
        for ref in refs:
            gone = lambda ref=ref: self.api.get(ref) is None  # noqa: E731  # a short question
            self.until(gone, f"{ref} gone", GONE_WITHIN_S)

    def check_interrupt(self) -> None:
        """Stopped when a signal came."""
        if self.interrupt.requested and not self.settling:
            raise Stopped("interrupted", "", "")

    def until(
        self,
        ask: Callable[[], bool],
        what: str,
        within_s: float,
        why: Callable[[], str] = lambda: "",
    ) -> float:
        """Ask until it is so, and give the seconds it took. DrillError at the deadline."""
        started = self.clock.monotonic()
        while not ask():
            waited = self.clock.monotonic() - started
            if self.interrupt.requested and not self.settling:
                raise Stopped("interrupted", what, "")
            if waited > within_s:
                raise DrillError(f"not within {within_s:g} s: {what}", why())
            self.clock.sleep(POLL_S)
        return self.clock.monotonic() - started
