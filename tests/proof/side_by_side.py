"""Many entries at once on one cluster, so that their waits overlap."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from tests.proof.courses import Tally
from tests.proof.entry import Entry
from tests.proof.prove import Opened, prove

AT_ONCE = 6  # as many as the scenarios' lab: more only make each other's pods start slowly


class SideBySide:
    """A context manager. Entries about objects without a namespace run one after the other."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="proof")
        self._alone = threading.Lock()  # they share the Lease of kube-system

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, entry: Entry) -> Future[Tally]:
        """What will have become of it."""
        return self._pool.submit(self._prove, entry)

    def _prove(self, entry: Entry) -> Tally:
        if not entry.is_of_the_cluster:
            return prove(entry, self._opened)
        with self._alone:
            return prove(entry, self._opened)
