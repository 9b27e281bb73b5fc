"""A node: a private set of mount, cgroup, network, UTS, IPC and pid namespaces.

When its first process ends, the kernel ends everything in it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import cgroups
from tests.cluster.errors import BedError
from tests.cluster.layout import GATEWAY, Layout, NodeSpec
from tests.cluster.record import Process, Record

HERE = Path(__file__).parent
JOIN = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1"; shift; n=$((n-1)); done; exec "$@"'
START = 'log=$1; shift; setsid "$@" > "$log" 2>&1 < /dev/null & echo $!'


@dataclass(frozen=True, slots=True)
class Node:
    """A running node."""

    spec: NodeSpec
    init: Process
    layout: Layout
    cgroups: tuple[Path, ...]

    def command(self, words: Sequence[str]) -> list[str]:
        """The command that runs `words` inside the node, in its cgroups and namespaces."""
        enter = ["nsenter", "-t", str(self.init.pid), "-m", "-C", "-n", "-u", "-i", "-p", "--"]
        return _joining(cgroups.entrances(self.cgroups), [*enter, *words])

    def run(self, *words: str, timeout_s: float = 60.0) -> str:
        """Run a command inside the node; its output. BedError when it fails."""
        return run(self.command(words), timeout_s=timeout_s)

    def start(self, component: str, *words: str) -> None:
        """Start a component inside the node, with its log in the node's folder."""
        log = self.layout.log(self.spec.name, component)
        log.parent.mkdir(parents=True, exist_ok=True)
        run(self.command(["sh", "-c", START, "start", str(log), *words]))


def begin(layout: Layout, record: Record, spec: NodeSpec, init: Path) -> subprocess.Popen[bytes]:
    """Start the node's first process; `ready` waits for it. Recorded before it exists."""
    layout.node(spec.name).mkdir(parents=True, exist_ok=True)
    paths = cgroups.folders(layout.cgroup(spec.name))
    record.cgroups[spec.name] = [str(p) for p in paths]
    record.save()
    cgroups.create(paths)
    kinds = [h.controllers or "unified" for h in cgroups.hierarchies()]
    if cgroups.is_unified():
        kinds = ["unified-only"]
    words = ["unshare", "--mount", "--net", "--uts", "--ipc", "--pid", "--fork"]
    words += ["--kill-child", "--mount-proc", "bash", str(HERE / "node-init.sh"), spec.name]
    words += [str(_ready_file(layout, spec)), str(init), *kinds]
    words = ["unshare", "--cgroup", *_joining(cgroups.entrances(paths), words)]
    started = popen(cgroups.roots(paths), words, layout.node(spec.name) / "init.log")
    record.add(f"{spec.name}/unshare", started.pid)
    return started


def ready(layout: Layout, record: Record, spec: NodeSpec, started: subprocess.Popen[bytes]) -> Node:
    """Wait until the node's namespaces are set up. BedError with its log when that fails."""
    deadline = time.monotonic() + 10
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
    while True:
        if started.poll() is not None or time.monotonic() > deadline:
            log = (layout.node(spec.name) / "init.log").read_text()[-800:]
            raise BedError(f"{spec.name} did not start: {log}")
        pids = children.read_text().split()
        if pids and record.find(spec.name) is None:
            record.add(spec.name, int(pids[0]))
        if _ready_file(layout, spec).exists():
            break
        time.sleep(0.02)
    found = find(layout, record, spec)
    if found is None:
        raise BedError(f"{spec.name} ended at once")
    return found


def find(layout: Layout, record: Record, spec: NodeSpec) -> Node | None:
    """The recorded node, when it runs."""
    init = record.find(spec.name)
    if init is None or not init.alive():
        return None
    return Node(spec, init, layout, tuple(Path(p) for p in record.cgroups[spec.name]))


def connect(first: Node, second: Node) -> None:
    """Give the nodes their network: the second hangs on the first, which routes for it.

    Nothing is added to the machine's own network. The default routes lead nowhere, but cluster
    addresses need one.
    """
    a, b = first.spec, second.spec
    _script(
        first,
        f"""ip link add eth0 type veth peer name eth0p; ip link set eth0p up; ip link set eth0 up
        ip addr add {a.address}/24 dev eth0; ip route add default via {GATEWAY} dev eth0
        ip link add n2 type veth peer name n2peer; ip link set n2 up
        ip route add {b.address}/32 dev n2
        ip route add {b.pods} via {b.address} dev n2 onlink
        sysctl -qw net.ipv4.conf.n2.proxy_arp=1""",
    )
    pid = str(second.init.pid)
    run(["nsenter", "-t", str(first.init.pid), "-n", "ip", "link", "set", "n2peer", "netns", pid])
    _script(
        second,
        f"""ip link set n2peer name eth0; ip link set eth0 up; ip addr add {b.address}/24 dev eth0
        ip route add default via {a.address} dev eth0
        ip route add {a.pods} via {a.address} dev eth0""",
    )


def run(
    words: Sequence[str],
    *,
    timeout_s: float = 60.0,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    text: str | None = None,
) -> str:
    """Run a command; its standard output. BedError with the end of its errors when it fails."""
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
    except OSError as error:
        raise BedError(str(error)) from error
    try:
        output, errors = child.communicate(text, timeout=timeout_s)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # a build has children of its own
        child.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise BedError(str(error)) from error
        raise
    if child.returncode:
        raise BedError(f"{' '.join(words)[-400:]}: {errors.strip()[-1500:]}")
    return output


def popen(files: Sequence[Path], words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process on this machine, in the cgroups of `files` and a session of its own."""
    with log.open("wb") as file:
        return subprocess.Popen(
            _joining(files, words),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _joining(files: Sequence[Path], words: Sequence[str]) -> list[str]:
    """The command that joins cgroups and then becomes `words`."""
    return ["sh", "-c", JOIN, "join", str(len(files)), *map(str, files), *words]


def _ready_file(layout: Layout, spec: NodeSpec) -> Path:
    return layout.node(spec.name) / "ready"


def _script(node: Node, text: str) -> None:
    run(["nsenter", "-t", str(node.init.pid), "-n", "sh", "-ec", text])
