"""Virtual time: what is due when. Nothing here reads the machine's clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Action = Callable[[], None]
Key = TypeVar("Key")


class Timeline:
    """A heap of actions. Two actions due at the same moment run in the order they were added."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.now_s = 0.0
        self._heap: list[tuple[float, int, Action]] = []
        self._count = 0
        self._stamped = (-1, "")

    def after(self, delay_s: float, action: Action) -> None:
        """Run the action this many seconds from now."""
        self._count += 1
        heapq.heappush(self._heap, (self.now_s + max(0.0, delay_s), self._count, action))

    def advance(self, seconds: float) -> None:
        """Let time pass and run everything that is due meanwhile."""
        until = self.now_s + seconds
        while self._heap and self._heap[0][0] <= until:
            due, _, action = heapq.heappop(self._heap)
            self.now_s = max(self.now_s, due)
            action()
        self.now_s = until

    def now(self) -> datetime:
        """The virtual moment, UTC."""
        return self.start + timedelta(seconds=self.now_s)

    def stamp(self) -> str:
        """Now as metav1.Time: seconds, "Z"."""
        second = int(self.now_s)
        if self._stamped[0] != second:
            self._stamped = (second, stamp_of(self.start + timedelta(seconds=second)))
        return self._stamped[1]

    def stamp_micro(self) -> str:
        """Now as metav1.MicroTime."""
        return f"{self.now():%Y-%m-%dT%H:%M:%S.%f}Z"

    def seconds_at(self, stamp: str) -> float:
        """The virtual second of a stamp that stamp() or stamp_micro() made."""
        return (datetime.fromisoformat(stamp) - self.start).total_seconds()


class WorkQueue(Generic[Key]):
    """Keys to look at soon; a key that waits already is not added twice (client-go workqueue)."""

    def __init__(self, timeline: Timeline, sync: Callable[[Key], None], delay_s: float) -> None:
        self._timeline = timeline
        self._sync = sync
        self._delay_s = delay_s
        self._due: dict[Key, float] = {}

    def add(self, key: Key, delay_s: float | None = None) -> None:
        """Look at the key after the delay, or earlier when it is due earlier already."""
        delay = self._delay_s if delay_s is None else delay_s
        due = self._timeline.now_s + delay
        waiting = self._due.get(key)
        if waiting is not None and waiting <= due:
            return
        self._due[key] = due
        self._timeline.after(delay, lambda: self._run(key, due))

    def _run(self, key: Key, due: float) -> None:
        if self._due.get(key) == due:
            del self._due[key]
            self._sync(key)


def stamp_of(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as the API writes times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
