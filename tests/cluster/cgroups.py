"""The cgroups of a node: one folder per hierarchy, below the caller's own cgroup.

With version 1 hierarchies (also mixed with 2) each node gets a child of the caller's cgroup. With
version 2 alone the child hangs on the root, since a cgroup that holds processes cannot hand
controllers to its children; the node's own processes stay in a child of it for the same reason.

NOTE: the bed has run with version 1 hierarchies; the way of version 2 alone follows the kernel's
documentation and kind's entry point, and has not been run.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
INSIDE = "init"  # the child that holds a version 2 node's processes


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A mounted hierarchy: its controllers as the kernel lists them ("" = version 2), own path."""

    controllers: str
    mount: Path
    own: str

    @property
    def folder(self) -> str:
        """The name of its folder below /sys/fs/cgroup."""
        return self.controllers.removeprefix("name=") or "unified"


def hierarchies(listing: str | None = None) -> tuple[Hierarchy, ...]:
    """The hierarchies of the caller that are mounted in their usual place."""
    found = []
    for line in (listing or Path("/proc/self/cgroup").read_text()).splitlines():
        _, controllers, own = line.split(":", 2)
        mount = ROOT / (controllers.removeprefix("name=") or "unified")
        if not controllers and is_unified():
            mount, own = ROOT, "/"
        if (mount / own.lstrip("/")).is_dir():
            found.append(Hierarchy(controllers, mount, own))
    return tuple(found)


def is_unified() -> bool:
    """Whether the machine has version 2 alone."""
    return (ROOT / "cgroup.controllers").exists()


def folders(name: str) -> list[Path]:
    """Where the cgroups called `name` belong, whether or not they exist."""
    return [h.mount / h.own.lstrip("/") / name for h in hierarchies()]


def create(paths: Iterable[Path]) -> None:
    """Make the folders and let processes in."""
    for path in paths:
        path.mkdir(parents=True, exist_ok=True)
        if (path / "cpuset.cpus").exists() and (path / "cgroup.clone_children").exists():
            for knob in ("cpuset.cpus", "cpuset.mems"):  # empty ones let no process in
                (path / knob).write_text((path.parent / knob).read_text())
            (path / "cgroup.clone_children").write_text("1")
        if is_unified():
            with contextlib.suppress(OSError):
                (path.parent / "cgroup.subtree_control").write_text(
                    "+cpu +cpuset +io +memory +pids"
                )
            (path / INSIDE).mkdir(exist_ok=True)


def roots(paths: Iterable[Path]) -> list[Path]:
    """The files into which a node's first process writes its pid before its cgroup namespace."""
    return [path / "cgroup.procs" for path in paths]


def entrances(paths: Iterable[Path]) -> list[Path]:
    """The files into which any later process writes its pid to join."""
    return [(p / INSIDE if is_unified() else p) / "cgroup.procs" for p in paths]


def kill(paths: Iterable[Path]) -> None:
    """Kill every process in the folders and below: what is in a cgroup of ours is ours."""
    for path in paths:
        for folder, _, _ in os.walk(path):
            with contextlib.suppress(OSError):
                for pid in (Path(folder) / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)


def remove(paths: Iterable[Path], timeout_s: float = 10.0) -> list[Path]:
    """End what is in the folders and remove them and all below; those that stay in spite of it.

    A process that was forked a moment before may enter while the others are ended, so that it is
    looked for again each time.
    """
    deadline = time.monotonic() + timeout_s
    left = [p for p in paths if p.exists()]
    while left:
        kill(left)
        for path in left:
            for folder, _, _ in os.walk(path, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        left = [p for p in left if p.exists()]
        if time.monotonic() > deadline:
            break
        if left:
            time.sleep(0.05)  # the kernel empties a killed node's cgroups a moment later
    return left


def search(name: str) -> Iterator[Path]:
    """All cgroups called `name`, wherever they hang (a caller may have been in another)."""
    for folder, below, _ in os.walk(ROOT):
        if name in below:
            yield Path(folder) / name
