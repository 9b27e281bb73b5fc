"""The machine that the figures are from."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def size() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [f"{cores} cores", f"{memory:.0f} GiB of memory", _processor()]
    parts += [platform.system(), f"Python {platform.python_version()}"]
    return ", ".join(part for part in parts if part)


def busy() -> str:
    """A warning when others use the machine, or "": the figures are then not the program's."""
    load = os.getloadavg()[0]
    return f"others use this machine (load {load:.1f}); measure again when idle" if load > 1 else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
