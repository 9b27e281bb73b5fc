"""A cluster that fails at a chosen write, in the ways that real ones do. Wraps another cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    RequestTimeout,
)
from stratus_cli.model.ports import Cluster
from stratus_cli.model.ref import ClusterIdentity, Ref, ServedKind

Item = dict[str, Any]


class Crash(BaseException):
    """The process dies here: nothing catches it, as nothing catches kill -9."""


@dataclass
class FaultyCluster:
    """Fails at writes by number (1 is the first).

    Leases, Events, dry runs and writes of nothing but managedFields do not count.

    faults: number -> name: crash-before, crash-after, timeout-applied, timeout-lost, conflict,
    forbidden, error, error-applied, unreachable, unreachable-applied, interrupt-before,
    interrupt-after, drift. before_read is called before each read by name, and may raise.
    """

    inner: Cluster
    faults: Mapping[int, str] = field(default_factory=dict)
    drift: Callable[[Cluster, Ref], None] = lambda cluster, ref: None
    before_write: Callable[[Ref], None] = lambda ref: None
    after_write: Callable[[Ref], None] = lambda ref: None
    before_read: Callable[[Ref], None] = lambda ref: None
    writes: int = 0

    def identity(self) -> ClusterIdentity:
        return self.inner.identity()

    def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
        return self.inner.list_pages(kind, namespace)

    def get(self, ref: Ref) -> Item | None:
        self.before_read(ref)
        return self.inner.get(ref)

    def kind_of(self, word: str) -> ServedKind | None:
        return self.inner.kind_of(word)

    def seal(self, value: bytes) -> str:
        return self.inner.seal(value)

    def allowed(self, verb: str, ref: Ref) -> bool | None:
        return self.inner.allowed(verb, ref)

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        return self.inner.logs(pod, container, previous=previous, lines=lines)

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        return self.inner.fetch(path, query)

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        ref = _ref(item)
        return self._made(ref, lambda: self.inner.create(item, dry_run=dry_run), dry_run)

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> Item:
        ref = _ref(item)
        aside = dry_run or _is_same_but_for_owners(item, self.inner.get(ref))
        return self._made(ref, lambda: self.inner.replace(item, dry_run=dry_run), aside)

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
            self.inner.delete(
                ref,
                uid=uid,
                resource_version=resource_version,
                orphan=orphan,
                evict=evict,
                dry_run=dry_run,
            )

        self._made(ref, call, dry_run)

    def _made(self, ref: Ref, call: Callable[[], Any], dry_run: bool) -> Any:
        if dry_run or ref.kind in ("Lease", "Event"):
            return call()
        self.writes += 1
        self.before_write(ref)
        answer = self._fail(self.faults.get(self.writes, ""), ref, call)
        self.after_write(ref)
        return answer

    def _fail(self, fault: str, ref: Ref, call: Callable[[], Any]) -> Any:
        if fault == "drift":
            self.drift(self.inner, ref)
        if fault in ("", "drift"):
            return call()
        kind, _, when = fault.partition("-")
        if when in ("applied", "after"):
            call()
        raise FAULTS[kind](str(ref))


FAULTS: Mapping[str, Callable[[str], BaseException]] = {
    "crash": lambda where: Crash(),
    "interrupt": lambda where: KeyboardInterrupt(),
    "timeout": lambda where: RequestTimeout(504, "Timeout", "no answer in time", where),
    "conflict": lambda where: Conflict(409, "Conflict", "the object moved", where),
    "forbidden": lambda where: Forbidden(403, "Forbidden", "not allowed", where),
    "error": lambda where: ClusterAnswer(500, "InternalError", "the server failed", where),
    "unreachable": lambda where: ClusterUnreachable("no answer", where),
}


def _is_same_but_for_owners(item: Mapping[str, Any], live: Item | None) -> bool:
    return live is not None and _unowned(item) == _unowned(live)


def _unowned(item: Mapping[str, Any]) -> Item:
    meta = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {**item, "metadata": meta}


def _ref(item: Mapping[str, Any]) -> Ref:
    meta = item["metadata"]
    return Ref(item["kind"], meta.get("namespace", ""), meta["name"], item["apiVersion"])
