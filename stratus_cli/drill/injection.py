"""The steps of a fault, made one after the other; each write is in the ledger before it is made."""

from __future__ import annotations

import copy
import importlib
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping
from os import environ
from typing import Any

from stratus_cli.drill.api import Item
from stratus_cli.drill.errors import DrillError, DrillRefused
from stratus_cli.drill.fault import Fault
from stratus_cli.drill.ground import Ground
from stratus_cli.drill.hook import Hook
from stratus_cli.drill.ledger import Keep, Ledger
from stratus_cli.drill.mend import bare
from stratus_cli.drill.wellness import pods_of
from stratus_cli.kube.fields import segments
from stratus_cli.kube.paths import set_at, value_at
from stratus_cli.model.change import ABSENT
from stratus_cli.model.errors import Conflict
from stratus_cli.model.ref import Ref

TRIES = 10
WITHIN_S = 60.0
NODE_COMMAND = "STRATUS_DRILL_NODE_COMMAND"


class Injection:
    """One fault on its way into one app. Implements hook.World."""

    def __init__(self, ground: Ground, fault: Fault, ledger: Ledger, keep: Keep) -> None:
        self.ground = ground
        self.fault = fault
        self.ledger = ledger
        self.keep = keep
        self.namespace = ground.namespace(fault.app)
        self._api = ground.api
        self._own = {self.namespace, ground.tenant(fault.app)}

    def run(self) -> None:
        """All steps, then the hook."""
        for step in self.fault.steps:
            self.step(dict(step))
        if self.fault.hook:
            hook_of(self.fault).inject(self)

    def step(self, step: dict[str, Any]) -> None:
        """One step as fault files write it."""
        verb = next(iter(step))
        do: Callable[[Any, Mapping[str, Any]], None] = getattr(self, f"_{verb}")
        do(step[verb], step)

    def ref(self, text: str) -> Ref:
        """A ref as fault files write it."""
        return self._api.ref(text, self.namespace)

    def get(self, ref: Ref) -> Item | None:
        """The live object, or None."""
        return self._api.get(ref)

    def node_command(self, node: str, *words: str) -> None:
        """Run words on a node by the command that the environment names."""
        node_command(node, *words)

    def _change(self, text: str, step: Mapping[str, Any]) -> None:
        ref = self.ref(text)
        for _ in range(TRIES):
            live = self._live(ref)
            after = edited(live, step)
            try:
                self._write(ref, live, after, lambda after=after: self._api.replace(after))  # type: ignore[misc]  # bound now
            except Conflict:
                continue
            return
        raise DrillError("it changes all the time", str(ref))

    def _recreate(self, text: str, step: Mapping[str, Any]) -> None:
        ref = self.ref(text)
        live = self._live(ref)
        self._delete_ref(ref, live)
        self._gone_below(live)
        after = edited(bare(live), step)
        self._write(ref, None, after, lambda: self._api.create(after))

    def _create(self, item: Item, step: Mapping[str, Any]) -> None:
        info = self._api.info(item["kind"], item["apiVersion"])
        meta = dict(item["metadata"])
        if info.namespaced:
            meta.setdefault("namespace", self.namespace)
            if meta["namespace"] == self.ground.tenant(self.fault.app):
                self.ground.ensure(meta["namespace"], self.fault.app)
        made = {**item, "metadata": meta}
        space = meta["namespace"] if info.namespaced else ""
        ref = Ref(item["kind"], space, meta["name"], item["apiVersion"])
        self._write(ref, None, made, lambda: self._api.create(made))

    def _delete(self, text: str, step: Mapping[str, Any]) -> None:
        ref = self.ref(text)
        self._delete_ref(ref, self._live(ref))

    def _delete_pods(self, text: str, step: Mapping[str, Any]) -> None:
        pods = self.pods(text)
        self._delete_all(pods[: step.get("count", len(pods))])

    def _delete_replica_sets(self, text: str, step: Mapping[str, Any]) -> None:
        pods = {pod["metadata"]["uid"] for pod in self.pods(text)}
        owner = self._live(self.ref(text))["metadata"]["uid"]
        sets = self._owned("ReplicaSet", {owner})
        self._delete_all(sets)
        self._until(
            lambda: not pods & {pod["metadata"]["uid"] for pod in self._items("Pod")},
            f"the pods of {text} gone",
        )

    def _restart(self, text: str, step: Mapping[str, Any]) -> None:
        path = 'spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]'
        now = self.ground.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        self._change(text, {"set": {path: now}})

    def _wait_rolling(self, text: str, step: Mapping[str, Any]) -> None:
        def is_rolling() -> bool:
            return any(
                "running" in status.get("state", {}) and not status.get("ready")
                for pod in self.pods(text)
                for status in pod.get("status", {}).get("containerStatuses") or ()
            )

        self._until(is_rolling, f"a rollout of {text}", step)

    def _wait_ready(self, text: str, step: Mapping[str, Any]) -> None:
        def is_rolled_out() -> bool:
            item = self._live(self.ref(text))
            status, wanted = item.get("status") or {}, item["spec"].get("replicas", 1)
            counts = {status.get(name) for name in ("replicas", "readyReplicas", "updatedReplicas")}
            return status.get("observedGeneration") == item["metadata"]["generation"] and (
                counts == {wanted}
            )

        self._until(is_rolled_out, f"{text} rolled out", step)

    def _wait_field(self, text: str, step: Mapping[str, Any]) -> None:
        ref, wanted = self.ref(text), step.get("value", ABSENT)
        self._until(
            lambda: value_at(self._api.get(ref) or {}, step["path"]) == wanted,
            f"{text} {step['path']} {wanted!r}",
            step,
        )

    def _wait_s(self, seconds: float, step: Mapping[str, Any]) -> None:
        started = self.ground.clock.monotonic()
        self.ground.until(
            lambda: self.ground.clock.monotonic() - started >= seconds, "time", seconds + 5
        )

    def _call(self, text: str, step: Mapping[str, Any]) -> None:
        call(self.ground, self.ref(text), step, "path")

    def _write(
        self, ref: Ref, before: Item | None, after: Item | None, do: Callable[[], Item | None]
    ) -> None:
        space = ref.name if ref.kind == "Namespace" else ref.namespace
        outside = space not in self._own
        if outside:
            if not self.fault.cluster:
                raise DrillRefused("the fault's file does not say `cluster: true`", str(ref))
            if ref.kind == "Secret":
                raise DrillRefused("a Secret outside the drill's namespaces", str(ref))
        if ref.kind not in ("Pod", "ReplicaSet"):
            self.keep.touch(str(ref), before)
        self.ledger.write(ref, before, after, do)

    def _delete_ref(self, ref: Ref, live: Item) -> None:
        def do() -> None:
            self._api.delete(ref)

        self._write(ref, live, None, do)
        uid = live["metadata"]["uid"]
        self._until(
            lambda: ((self._api.get(ref) or {}).get("metadata") or {}).get("uid") != uid,
            f"{ref} gone",
        )

    def _delete_all(self, items: Iterable[Item]) -> None:
        held = list(items)
        for item in held:
            meta = item["metadata"]
            ref = Ref(item["kind"], meta["namespace"], meta["name"], item["apiVersion"])

            def do(ref: Ref = ref) -> None:
                self._api.delete(ref)

            self._write(ref, item, None, do)
        uids = {item["metadata"]["uid"] for item in held}
        kinds = {item["kind"] for item in held}
        self._until(
            lambda: (
                not any(
                    item["metadata"]["uid"] in uids for kind in kinds for item in self._items(kind)
                )
            ),
            f"{len(uids)} objects gone",
        )

    def _gone_below(self, owner: Item) -> None:
        """Everything that it owned, and what that owned, is gone."""
        uids = {owner["metadata"]["uid"]}
        sets = {item["metadata"]["uid"] for item in self._owned("ReplicaSet", uids)}

        def is_gone() -> bool:
            return not any(self._owned(kind, uids | sets) for kind in ("ReplicaSet", "Pod"))

        self._until(is_gone, f"what {owner['metadata']['name']} owned gone")

    def _live(self, ref: Ref) -> Item:
        live = self._api.get(ref)
        if live is None:
            raise DrillError("the fault wants to change what is not there", str(ref))
        return live

    def _items(self, kind: str) -> list[Item]:
        return self._api.items(kind, self.namespace)

    def _owned(self, kind: str, uids: set[str]) -> list[Item]:
        return [
            item
            for item in self._items(kind)
            if any(o["uid"] in uids for o in item["metadata"].get("ownerReferences") or ())
        ]

    def pods(self, text: str) -> list[Item]:
        """Of a workload, by name."""
        ref = self.ref(text)
        found = pods_of(self._live(ref), self._api.items("Pod", ref.namespace))
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def _until(
        self, ask: Callable[[], bool], what: str, step: Mapping[str, Any] | None = None
    ) -> None:
        self.ground.until(ask, what, float((step or {}).get("within_s", WITHIN_S)))


def edited(item: Item, step: Mapping[str, Any]) -> Item:
    """A copy with the step's fields set and removed."""
    made = copy.deepcopy(item)
    for path, value in (step.get("set") or {}).items():
        set_at(made, segments(path), copy.deepcopy(value))
    for path in step.get("remove") or ():
        if value_at(made, path) is ABSENT:
            raise DrillError(f"there is no field {path}", item["metadata"]["name"])
        set_at(made, segments(path), ABSENT)
    return made


def call(ground: Ground, ref: Ref, step: Mapping[str, Any], which: str) -> None:
    """A request to a Service, until it answers well. which: "path" or "heal"."""
    said: list[str] = []

    def is_taken() -> bool:
        answer = ground.api.ask(ref.namespace, ref.name, step["port"], str(step[which]))
        said[:] = [f"{answer.status} {answer.body[:300]}"]
        return answer.status == 200

    ground.until(is_taken, f"{ref} taking {step[which]}", WITHIN_S, lambda: said[0])


def hook_of(fault: Fault) -> Hook:
    """The fault's own Python."""
    module, _, name = fault.hook.partition(":")
    hook: Hook = getattr(importlib.import_module(module), name)()
    return hook


def node_command(node: str, *words: str) -> None:
    """Run words on a node. DrillError: there is no way there, or it ended with an error."""
    command = shlex.split(environ.get(NODE_COMMAND, ""))
    if not command:
        raise DrillError("there is no way to the nodes", node, f"Set {NODE_COMMAND}.")
    done = subprocess.run(  # noqa: S603  # no shell; the words are the fault file's
        [*command, node, *words], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise DrillError(f"{words} failed", node, done.stderr[-300:])
