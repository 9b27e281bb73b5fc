"""`python -m tests.e2e.frail --at WHAT ...` is `stratus ...` that something happens to at a write.

--at before-1: the process is killed (SIGKILL) just before its first write reaches the API server;
--at after-1: just after; --at slow-2: the second write takes SLOW_S. Locks, Events and dry runs do
not count as writes. Everything else is the real thing: the real wiring, process and cluster.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from stratus_cli.cli.app import main
from stratus_cli.cli.options import Options
from stratus_cli.cli.wiring import Wiring
from stratus_cli.model.ports import Cluster
from stratus_cli.model.ref import Ref

ResultT = TypeVar("ResultT")

SLOW_S = 30.0
UNCOUNTED = ("Lease", "Event")


class FrailCluster:
    """A cluster whose writes are counted, and one of which something happens to."""

    def __init__(self, cluster: Cluster, at: str) -> None:
        self._cluster = cluster
        self._what, _, number = at.partition("-")
        self._left = int(number)

    def __getattr__(self, name: str) -> Any:  # every reading method
        return getattr(self._cluster, name)

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Counted unless it is a lock, an Event or a dry run."""
        call = partial(self._cluster.create, item, dry_run=dry_run)
        return self._through(item["kind"], dry_run, call)

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Counted unless it is a lock, an Event or a dry run."""
        call = partial(self._cluster.replace, item, dry_run=dry_run)
        return self._through(item["kind"], dry_run, call)

    def delete(self, ref: Ref, *, dry_run: bool = False, **more: Any) -> None:
        """Counted unless it is a lock, an Event or a dry run."""
        call = partial(self._cluster.delete, ref, dry_run=dry_run, **more)
        self._through(ref.kind, dry_run, call)

    def _through(self, kind: str, dry_run: bool, call: Callable[[], ResultT]) -> ResultT:
        if dry_run or kind in UNCOUNTED:
            return call()
        self._left -= 1
        if self._left == 0 and self._what == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._left == 0 and self._what == "slow":
            time.sleep(SLOW_S)
        answer = call()
        if self._left == 0 and self._what == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


class FrailWiring(Wiring):
    """The real wiring, with a frail cluster."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def cluster(self, options: Options) -> Cluster:
        """The cluster that the options name."""
        return FrailCluster(super().cluster(options), self._at)


if __name__ == "__main__":
    words = sys.argv[1:]
    place = words.index("--at")
    rest = [*words[:place], *words[place + 2 :]]
    sys.exit(main(rest, wiring=FrailWiring(words[place + 1])))
