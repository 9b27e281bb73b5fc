"""`python -m tests.e2e.frail --at TRAPS ...` is `stratus ...` that something happens to on its way.

TRAPS are separated by commas, each `WHAT-PLACE-N`: at the N-th event of PLACE (1 is the first),
WHAT happens. `before-1`, `after-1` and `slow-2` are short for a kill, or for SLOW_S, at a write.

PLACE: `list` (a kind is listed), `baseline` (the same under the lock), `lease` (a Lease was
written), `write` (a write is about to be sent), `wrote` (it was answered), `record` (a journal
record is on disk). WHAT: `kill` (SIGKILL), `int` (SIGINT), `stop` (SIGSTOP, until somebody
continues it), `fill` (the disk under the journal is full from now on), `limit` (no file may grow
any more), `slow`.

Locks, Events and dry runs are no writes. Everything else is the real thing: the real wiring,
process and cluster.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from stratus_cli.cli.app import main
from stratus_cli.cli.options import Options
from stratus_cli.cli.wiring import Wiring
from stratus_cli.journal.file import FileJournal
from stratus_cli.model.entry import Entry
from stratus_cli.model.ports import Cluster, Journal
from stratus_cli.model.ref import ClusterIdentity, Ref

ResultT = TypeVar("ResultT")

SLOW_S = 30.0
UNCOUNTED = ("Lease", "Event")
SHORT = {"before": "kill-write", "after": "kill-wrote", "slow": "slow-write"}
SIGNALS = {"kill": signal.SIGKILL, "int": signal.SIGINT, "stop": signal.SIGSTOP}


@dataclass
class Traps:
    """What is to happen, and how often each place was passed."""

    traps: Mapping[tuple[str, int], str]
    journal: Path | None = None
    passed: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Traps:
        """From the command line."""
        found = {}
        for word in text.split(","):
            head, _, number = word.rpartition("-")
            what, _, place = SHORT.get(head, head).partition("-")
            found[place, int(number)] = what
        return cls(found)

    def at(self, place: str) -> None:
        """One more event of this place."""
        self.passed[place] = self.passed.get(place, 0) + 1
        what = self.traps.get((place, self.passed[place]), "")
        if what in SIGNALS:
            os.kill(os.getpid(), SIGNALS[what])
        elif what == "slow":
            time.sleep(SLOW_S)
        elif what == "limit":
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        elif what == "fill" and self.journal is not None:
            with contextlib.suppress(OSError), (self.journal.parent / "full").open("wb") as file:
                while file.write(bytes(1 << 12)):
                    file.flush()


class FrailCluster:
    """A cluster whose calls are counted."""

    def __init__(self, cluster: Cluster, traps: Traps) -> None:
        self._cluster = cluster
        self._traps = traps

    def __getattr__(self, name: str) -> Any:  # every other reading method
        return getattr(self._cluster, name)

    def list_pages(self, kind: str, namespace: str | None) -> Iterable[bytes]:
        """Counted."""
        self._traps.at("baseline" if "lease" in self._traps.passed else "list")
        return self._cluster.list_pages(kind, namespace)

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Counted unless it is an Event or a dry run."""
        call = partial(self._cluster.create, item, dry_run=dry_run)
        return self._through(item["kind"], dry_run, call)

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Counted unless it is an Event or a dry run."""
        call = partial(self._cluster.replace, item, dry_run=dry_run)
        return self._through(item["kind"], dry_run, call)

    def delete(self, ref: Ref, *, dry_run: bool = False, **more: Any) -> None:
        """Counted unless it is a lock, an Event or a dry run."""
        call = partial(self._cluster.delete, ref, dry_run=dry_run, **more)
        self._through(ref.kind, dry_run, call)

    def _through(self, kind: str, dry_run: bool, call: Callable[[], ResultT]) -> ResultT:
        if dry_run or kind in UNCOUNTED:
            answer = call()
            if kind == "Lease" and not dry_run:
                self._traps.at("lease")
            return answer
        self._traps.at("write")
        answer = call()
        self._traps.at("wrote")
        return answer


class FrailJournal(FileJournal):
    """The real journal, whose records are counted once they are on disk."""

    traps: Traps

    def append(self, entry: Entry) -> None:
        """As the real one."""
        super().append(entry)
        self.traps.at("record")


class FrailWiring(Wiring):
    """The real wiring, with traps on the way."""

    def __init__(self, traps: Traps) -> None:
        super().__init__()
        self._traps = traps

    def cluster(self, options: Options) -> Cluster:
        """The cluster that the options name."""
        return FrailCluster(super().cluster(options), self._traps)

    def journal(
        self, options: Options, identity: ClusterIdentity
    ) -> AbstractContextManager[Journal]:
        """The journal that the options name."""
        path = self._traps.journal = self.journal_path(options, identity)
        made = FrailJournal(path, identity, redactor=self.redactor())
        made.traps = self._traps
        return made


if __name__ == "__main__":
    words = sys.argv[1:]
    place = words.index("--at")
    rest = [*words[:place], *words[place + 2 :]]
    sys.exit(main(rest, wiring=FrailWiring(Traps.of(words[place + 1]))))
