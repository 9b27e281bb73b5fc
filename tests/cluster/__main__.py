"""python -m tests.cluster COMMAND

up [--telemetry]             bring the bed up (builds and installs what is missing);
                             with Prometheus, Alertmanager, kube-state-metrics,
                             metrics-server and Jaeger
down                         take it down
status                       whether it is up; exit code 0 or 1
kubeconfig [USER [GROUP...]] the path of the administrator's kubeconfig, or of a restricted user's
logs [[NODE/]COMPONENT]      the logs there are, or a component's
images FOLDER                write the app's images as archives, for a cluster that is not the bed
                             (kind load image-archive FOLDER/app-1.tar)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import bed, lifecycle, oci, parts
from tests.cluster.errors import BedError
from tests.cluster.layout import REGISTRY, Layout, default
from tests.cluster.record import Record
from tests.cluster.steps import Steps

USAGE = __doc__ or ""


def main(words: Sequence[str]) -> int:
    """Run one command; its exit code: 0 well, 1 failed or not up, 2 wrong usage, 130 stopped."""
    layout = default()
    command, *rest = words or [""]
    try:
        if command == "up" and rest in ([], ["--telemetry"]):
            return _up(layout, telemetry=bool(rest))
        if command == "down" and not rest:
            return _down(layout)
        if command == "status" and not rest:
            return _status(layout)
        if command == "kubeconfig":
            return _kubeconfig(layout, rest)
        if command == "logs" and len(rest) <= 1:
            return _logs(layout, rest)
        if command == "images" and len(rest) == 1:
            return _images(Path(rest[0]))
    except BedError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing is left running", file=sys.stderr)
        return 130
    print(USAGE, file=sys.stderr)
    return 2


def _up(layout: Layout, *, telemetry: bool) -> int:
    steps = Steps()
    if not lifecycle.up(layout, steps):
        steps.say("already up")
    if telemetry:
        lifecycle.monitor(layout, steps, full=True)
    print(layout.kubeconfig)
    return 0


def _down(layout: Layout) -> int:
    left = lifecycle.down(layout)
    for line in left:
        print(f"left: {line}", file=sys.stderr)
    return 1 if left else 0


def _status(layout: Layout) -> int:
    is_up = lifecycle.is_up(layout)
    print("up" if is_up else "down")
    if is_up:
        api = lifecycle.client(layout)
        print(f"api: {api.server}")
        print(f"ready nodes: {lifecycle.ready_nodes(api)}")
        print(f"kubeconfig: {layout.kubeconfig}")
    return 0 if is_up else 1


def _kubeconfig(layout: Layout, rest: Sequence[str]) -> int:
    found = Record.load(layout.record)
    if found is None or not found.complete:
        raise BedError("the bed is down: python -m tests.cluster up")
    print(bed.of(layout).kubeconfig_for(rest[0], rest[1:]) if rest else layout.kubeconfig)
    return 0


def _logs(layout: Layout, rest: Sequence[str]) -> int:
    """A component is named `node1/kubelet`, or `kubelet` for that of every node."""
    for path in sorted(layout.state.glob("*/log/*.log")):
        node = path.parent.parent.name
        name = f"{node}/{path.stem}"
        if not rest:
            print(f"{name}  {path}")
        elif rest[0] in (name, path.stem):
            print(f"--- {name}")
            sys.stdout.write(path.read_text(errors="replace"))
    return 0


def _images(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    store = parts.images(Steps())
    for repository, tag in (("stratus/app", "1"), ("stratus/app", "2"), ("stratus/busybox", "1")):
        path = folder / f"{repository.rpartition('/')[2]}-{tag}.tar"
        oci.archive(store, repository, tag, f"{REGISTRY}/{repository}:{tag}", path)
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
