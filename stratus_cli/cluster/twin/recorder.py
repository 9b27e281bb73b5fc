"""Events as components record them: repeated ones are counted, floods are thinned out.

Rules and numbers are client-go's (tools/record/events_cache.go): more than ten similar events in
ten minutes are combined, and one object may cause 25 events from one source, then one in 300 s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stratus_cli.cluster.twin.names import Names
from stratus_cli.cluster.twin.store import Item, Store
from stratus_cli.cluster.twin.timeline import Timeline

COMBINE_AFTER = 10
COMBINE_WINDOW_S = 600.0
BURST = 25.0
REFILL_S = 300.0
LIFETIME_S = 3600.0  # kube-apiserver --event-ttl


@dataclass
class _Budget:
    tokens: float = BURST
    at: float = 0.0


@dataclass
class _Similar:
    messages: set[str] = field(default_factory=set)
    at: float = 0.0


class Recorder:
    """Writes Event objects into the store."""

    def __init__(self, store: Store, timeline: Timeline, names: Names) -> None:
        self._store = store
        self._timeline = timeline
        self._names = names
        self._known: dict[tuple[str, ...], str] = {}
        self._budgets: dict[tuple[str, ...], _Budget] = {}
        self._similar: dict[tuple[str, ...], _Similar] = {}
        self._expired_at = 0.0

    def record(
        self,
        component: str,
        about: Item,
        kind: str,
        reason: str,
        message: str,
        *,
        host: str = "",
        field_path: str = "",
    ) -> None:
        """One event of type `kind` (Normal or Warning) about an object."""
        self.expire()
        meta = about["metadata"]
        source = (component, host, meta["uid"])
        if not self._within_budget(source):
            return
        group = (*source, field_path, kind, reason)
        message, key = self._combined(group, message)
        name = self._known.get(key)
        known = self._store.get("Event", _namespace(about), name) if name else None
        if known is not None:
            known["count"] = known.get("count", 1) + 1
            known["lastTimestamp"] = self._timeline.stamp()
            known["message"] = message
            self._store.touch(known)
            return
        stamp = self._timeline.stamp()
        self._known[key] = self._add(
            about,
            field_path,
            {
                "type": kind,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": stamp,
                "lastTimestamp": stamp,
                "eventTime": None,
                "source": {"component": component, **({"host": host} if host else {})},
                "reportingComponent": component,
                "reportingInstance": host,
            },
        )

    def record_action(
        self, component: str, about: Item, kind: str, reason: str, action: str, message: str
    ) -> None:
        """One event of the newer form (events.k8s.io), as the scheduler records them."""
        self.expire()
        key = (component, about["metadata"]["uid"], kind, reason, action, message)
        name = self._known.get(key)
        known = self._store.get("Event", _namespace(about), name) if name else None
        if known is not None:
            series = known.setdefault("series", {"count": 1})
            series["count"] += 1
            series["lastObservedTime"] = self._timeline.stamp_micro()
            self._store.touch(known)
            return
        self._known[key] = self._add(
            about,
            "",
            {
                "type": kind,
                "reason": reason,
                "message": message,
                "action": action,
                "eventTime": self._timeline.stamp_micro(),
                "firstTimestamp": None,
                "lastTimestamp": None,
                "source": {},
                "reportingComponent": component,
                "reportingInstance": component,
            },
        )

    def expire(self) -> None:
        """Forget what is older than an hour; looked at once a minute."""
        now = self._timeline.now_s
        if now - self._expired_at < 60.0:
            return
        self._expired_at = now
        for event in self._store.of("Event"):
            if now - self._timeline.seconds_at(_last(event)) > LIFETIME_S:
                self._store.remove(event)

    def _add(self, about: Item, field_path: str, body: Item) -> str:
        meta = about["metadata"]
        name = f"{meta['name']}.{self._names.uid().replace('-', '')[:16]}"
        involved = {
            "kind": about["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": meta.get("resourceVersion", ""),
            **({"namespace": meta["namespace"]} if meta.get("namespace") else {}),
            **({"fieldPath": field_path} if field_path else {}),
        }
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": name,
                "namespace": _namespace(about),
                "uid": self._names.uid(),
                "creationTimestamp": self._timeline.stamp(),
            },
            "involvedObject": involved,
            **body,
        }
        self._store.put(event)
        return name

    def _within_budget(self, source: tuple[str, ...]) -> bool:
        now = self._timeline.now_s
        budget = self._budgets.setdefault(source, _Budget(at=now))
        budget.tokens = min(BURST, budget.tokens + (now - budget.at) / REFILL_S)
        budget.at = now
        if budget.tokens < 1.0:
            return False
        budget.tokens -= 1.0
        return True

    def _combined(self, group: tuple[str, ...], message: str) -> tuple[str, tuple[str, ...]]:
        """The message to write, and what it counts as the same as."""
        now = self._timeline.now_s
        similar = self._similar.setdefault(group, _Similar(at=now))
        if now - similar.at > COMBINE_WINDOW_S:
            similar.messages.clear()
        similar.at = now
        similar.messages.add(message)
        if len(similar.messages) < COMBINE_AFTER:
            return message, (*group, message)
        return f"(combined from similar events): {message}", group


def _namespace(about: Item) -> str:
    return str(about["metadata"].get("namespace") or "default")


def _last(event: Item) -> str:
    series = (event.get("series") or {}).get("lastObservedTime")
    created = event["metadata"]["creationTimestamp"]
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or created)
