"""A cluster of which any API call may fail, and somebody else who writes at the worst moment."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    RequestTimeout,
)
from stratus_cli.model.ref import ClusterIdentity, Ref, ServedKind
from tests.fakes.faulty import Crash
from tests.flow.fields import MISSING, Path, at, differing, put

Item = dict[str, Any]
ON_ANY = (
    "crash-before",
    "crash-after",
    "timeout-applied",
    "timeout-lost",
    "timeout-late",
    "conflict",
    "forbidden",
    "error-applied",
    "error-lost",
    "away-5",
    "away-40",
    "away-100",
    "interrupt",
    "interrupt-hard",
)
DRIFTS = ("drift-same-before", "drift-same-after", "drift-other-before", "drift-other-after")
STEAL = "steal-lease"
FAULTS = (*ON_ANY, *DRIFTS, STEAL)
LATE = 3  # calls until a request arrives that was given up
THEIRS = 7  # the other writer's value, as a number or as text


@dataclass
class Call:
    """One write that we asked for, and the object as it was then."""

    verb: str
    ref: Ref
    before: Item | None
    after: Item | None


@dataclass
class Adversary:
    """Fails at calls by number, reads by name and writes alike; lists do not count.

    schedule: number -> one of FAULTS. press: what the first interrupt does.
    """

    twin: Twin
    schedule: dict[int, str] = field(default_factory=dict)
    press: Callable[[], None] = lambda: None
    on_write: Callable[[Call], None] = lambda call: None
    calls: int = 0
    writes: list[Call] = field(default_factory=list)
    drifted: dict[str, dict[Path, Any]] = field(default_factory=dict)
    """What the other writer set last, by object and field."""
    remade: set[str] = field(default_factory=set)
    """Objects that the other writer made, or deleted."""
    _late: list[tuple[int, Callable[[], Any]]] = field(default_factory=list)
    _away_until: float = 0.0
    _dead: bool = False

    def revive(self) -> None:
        """Another process starts."""
        self._dead = False

    def calm(self) -> None:
        """Nothing goes wrong any more; what was on its way arrives."""
        self.schedule.clear()
        for _, call in self._late:
            _quietly(call)
        self._late.clear()
        self._away_until = 0.0

    def identity(self) -> ClusterIdentity:
        return self.twin.identity()

    def kind_of(self, word: str) -> ServedKind | None:
        return self.twin.kind_of(word)

    def seal(self, value: bytes) -> str:
        return self.twin.seal(value)

    def allowed(self, verb: str, ref: Ref) -> bool | None:
        return True

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        return self.twin.logs(pod, container, previous=previous, lines=lines)

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        return self.twin.fetch(path, query)

    def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
        self._alive()
        return self.twin.list_pages(kind, namespace)

    def get(self, ref: Ref) -> Item | None:
        result: Item | None = self._made(ref, None, lambda: self.twin.get(ref))
        return result

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        if dry_run:
            return self.twin.create(item, dry_run=True)
        made: Item = self._write("create", _ref(item), item, lambda: self.twin.create(item))
        return made

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        if dry_run:
            return self.twin.replace(item, dry_run=True)
        made: Item = self._write("update", _ref(item), item, lambda: self.twin.replace(item))
        return made

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        resource_version: str = "",
        orphan: bool = False,
        evict: bool = False,
        dry_run: bool = False,
    ) -> None:
        def call() -> None:
            self.twin.delete(
                ref,
                uid=uid,
                resource_version=resource_version,
                orphan=orphan,
                evict=evict,
                dry_run=dry_run,
            )

        if dry_run:
            call()
        else:
            self._write("delete", ref, None, call)

    def _write(
        self, verb: str, ref: Ref, after: Mapping[str, Any] | None, call: Callable[[], Any]
    ) -> Any:
        self._alive()
        asked = Call(verb, ref, self.twin.get(ref), copy.deepcopy(after and dict(after)))
        if ref.kind not in ("Lease", "Event"):
            self.writes.append(asked)
            self.on_write(asked)
        return self._made(ref, asked, call)

    def _alive(self) -> None:
        if self._dead:
            raise Crash
        if self.twin.elapsed_s() < self._away_until:
            raise ClusterUnreachable("no answer")

    def _made(self, ref: Ref, asked: Call | None, call: Callable[[], Any]) -> Any:
        self._alive()
        self.calls += 1
        for entry in [entry for entry in self._late if entry[0] <= self.calls]:
            self._late.remove(entry)
            _quietly(entry[1])
        fault = self.schedule.pop(self.calls, "")
        kind, _, when = fault.partition("-")
        match kind:
            case "":
                return call()
            case "interrupt":
                if when:
                    raise KeyboardInterrupt
                self.press()
                return call()
            case "away":
                self._away_until = self.twin.elapsed_s() + float(when)
                raise ClusterUnreachable("no answer", str(ref))
            case "steal":
                self._steal()
                return call()
            case "drift":
                return self._with_drift(when, ref, asked, call)
        if when in ("applied", "after"):
            call()
        elif when == "late" and asked is not None:
            self._late.append((self.calls + LATE, call))
        if kind == "crash":
            self._dead = True
        raise ERRORS[kind](str(ref))

    def _steal(self) -> None:
        ref = Ref("Lease", "shop", "stratus", "coordination.k8s.io/v1")
        item = self.twin.get(ref)
        if item is not None:
            item["spec"]["holderIdentity"] = "mallory tx-0"
            self.twin.replace(item)

    def _with_drift(self, how: str, ref: Ref, asked: Call | None, call: Callable[[], Any]) -> Any:
        field_of, _, when = how.partition("-")
        if ref.kind in ("Lease", "Event", "Pod"):
            self.schedule.setdefault(self.calls + 1, f"drift-{how}")  # a better moment will come
            return call()
        if when == "before":
            self._drift(field_of, ref, asked)
            return call()
        answer = call()
        self._drift(field_of, ref, asked)
        return answer

    def _drift(self, field_of: str, ref: Ref, asked: Call | None) -> None:
        """Somebody sets a label nobody here uses, or just the field that is being written."""
        live = self.twin.get(ref)
        if live is None:
            if asked is not None and asked.verb != "update" and field_of == "same":
                item = copy.deepcopy(asked.after or asked.before or {})
                for name in ("uid", "resourceVersion", "managedFields", "finalizers"):
                    item["metadata"].pop(name, None)
                item["metadata"].setdefault("labels", {})["made-by"] = "somebody-else"
                _quietly(lambda: self.twin.apply(item, "somebody-else"))
                self.remade.add(key_of(ref))
            return
        path: Path = ("metadata", "labels", "drift")
        if field_of == "same" and asked is not None and asked.after and asked.before:
            changed = differing(wished(asked.before), wished(asked.after))
            single = [p for p, (_, new) in changed.items() if isinstance(new, str | int)]
            path = single[0] if single else path
        number = isinstance(at(live, path), int)
        put(live, path, THEIRS if number else str(THEIRS))
        with suppress(ClusterAnswer):
            self.twin.replace(live)
            self.drifted.setdefault(key_of(ref), {})[path] = THEIRS if number else str(THEIRS)


ERRORS: Mapping[str, Callable[[str], BaseException]] = {
    "crash": lambda where: Crash(),
    "timeout": lambda where: RequestTimeout(504, "Timeout", "no answer in time", where),
    "conflict": lambda where: Conflict(409, "Conflict", "the object moved", where),
    "forbidden": lambda where: Forbidden(403, "Forbidden", "not allowed", where),
    "error": lambda where: ClusterAnswer(500, "InternalError", "the server failed", where),
}


def key_of(ref: Ref) -> str:
    return f"{ref.kind}/{ref.name}"


def wished(item: Mapping[str, Any]) -> Item:
    """What people set of an object."""
    kept = {name: value for name, value in item.items() if name in ("spec", "data")}
    meta = item.get("metadata") or {}
    kept["metadata"] = {name: meta.get(name) or {} for name in ("labels", "annotations")}
    kept["metadata"]["annotations"] = {
        name: value
        for name, value in kept["metadata"]["annotations"].items()
        if name != "deployment.kubernetes.io/revision"
    }
    return kept


def _quietly(call: Callable[[], Any]) -> None:
    with suppress(ClusterAnswer):
        call()


def _ref(item: Mapping[str, Any]) -> Ref:
    meta = item["metadata"]
    return Ref(item["kind"], meta.get("namespace", ""), meta["name"], item["apiVersion"])


__all__ = ["FAULTS", "MISSING", "Adversary", "Call", "key_of", "wished"]
