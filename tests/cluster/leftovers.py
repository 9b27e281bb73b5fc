"""What there is of a bed on this machine; after `down` it must be nothing."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cluster import cgroups, record
from tests.cluster.layout import NODES, Layout


def leftovers(layout: Layout) -> list[str]:
    """What is there of a bed: processes, cgroups, mounts, files.

    A network namespace lives as long as a process or a mount of it, so there is none without.
    """
    names = [layout.cgroup(spec.name) for spec in NODES]
    marks = [f"{layout.state}/", *(f"/{name}" for name in names)]
    found = [f"cgroup {path}" for name in names for path in cgroups.search(name)]
    for process in Path("/proc").iterdir():
        pid = int(process.name) if process.name.isdigit() else 0
        if pid and pid != os.getpid() and record.start_time(pid) is not None:
            text = _read(process / "cmdline").replace("\0", " ") + _read(process / "cgroup")
            if any(mark in text for mark in marks):
                found.append(f"process {pid}: {text[:120]}")
    for line in _read(Path("/proc/self/mountinfo")).splitlines():
        if f"{layout.state}/" in line or str(layout.etcd) in line:
            found.append(f"mount {line}")
    for path in (layout.state, layout.etcd):
        if path.exists():
            found.append(f"folder {path}")
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
