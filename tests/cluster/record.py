"""What a bed has started, written down before it is needed, so that `down` finds all of it.

A process is known by its pid and its start time: a pid that was given to another process since
is not ours and is left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process that the bed started: what it is for, pid, start time in clock ticks since boot."""

    role: str
    pid: int
    started: int

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return start_time(self.pid) == self.started


@dataclass(slots=True)
class Record:
    """The bed's processes and cgroup folders; `complete` once it has come up."""

    path: Path
    port: int = 0
    complete: bool = False
    processes: list[Process] = field(default_factory=list)
    cgroups: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Record | None:
        """The record at `path`, or None when there is none."""
        try:
            raw = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        processes = [Process(**entry) for entry in raw["processes"]]
        return cls(path, raw["port"], raw["complete"], processes, raw["cgroups"])

    def save(self) -> None:
        """Write the record in one piece."""
        raw = asdict(self)
        del raw["path"]
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(raw, indent=1))
        part.replace(self.path)

    def add(self, role: str, pid: int) -> Process:
        """Record a process that was just started."""
        process = Process(role, pid, start_time(pid) or 0)
        self.processes.append(process)
        self.save()
        return process

    def find(self, role: str) -> Process | None:
        """The process recorded for `role`."""
        return next((p for p in self.processes if p.role == role), None)


def start_time(pid: int) -> int | None:
    """The start time of a running process, or None when there is none or it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before may hold blanks and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def end(process: Process, *, group: bool = False, timeout_s: float = 5.0) -> bool:
    """Kill a process of ours (and the group that it leads); whether it is gone in time."""
    if process.alive():
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + timeout_s
    while process.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)  # ours in this very run: leave no zombie
    return not process.alive()
