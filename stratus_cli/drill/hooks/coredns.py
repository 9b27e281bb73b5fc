"""CoreDNS says NXDOMAIN: for one name of the app, or for its whole namespace.

The line goes into the server block that answers for the cluster, whatever else the Corefile holds.
Its pods are deleted, since CoreDNS reads the file anew only after half a minute.
"""

from __future__ import annotations

import re

from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.hook import World

CONFIG = "kube-system/ConfigMap/coredns"
SERVER = "kube-system/Deployment/coredns"
CALLED = {"hotel": "geo", "social": "text", "shop": "payment"}
_KUBERNETES = re.compile(r"^(?P<indent>[ \t]*)kubernetes[ \t]+(?P<domain>[\w.-]+)", re.MULTILINE)

_DENIAL = re.compile(
    r"^[ \t]*template ANY ANY \S+ \{\n[ \t]*rcode NXDOMAIN\n[ \t]*\}\n", re.MULTILINE
)


class OneName:
    """One Service of the app, which others call."""

    def inject(self, world: World) -> None:
        """Say NXDOMAIN for it."""
        app = world.namespace.rpartition("-")[2]
        _deny(world, f"{CALLED[app]}.{world.namespace}.svc")

    def heal(self, world: World) -> None:
        """Take every denial out again."""
        _allow(world)


class WholeNamespace:
    """Every Service of the app's namespace."""

    def inject(self, world: World) -> None:
        """Say NXDOMAIN for all."""
        _deny(world, f"{world.namespace}.svc")

    def heal(self, world: World) -> None:
        """Take every denial out again."""
        _allow(world)


def with_denial(corefile: str, zone: str) -> str:
    """The Corefile with a template before its kubernetes line. DrillError: there is none."""
    found = _KUBERNETES.search(corefile)
    if found is None:
        raise DrillError("the Corefile has no line for the cluster's own names", CONFIG)
    name = f"{zone}.{found['domain'].rstrip('.')}"
    indent = found["indent"]
    denial = f"{indent}template ANY ANY {name} {{\n{indent}    rcode NXDOMAIN\n{indent}}}\n"
    return corefile[: found.start()] + denial + corefile[found.start() :]


def without_denial(corefile: str) -> str:
    """The Corefile without any such template."""
    return _DENIAL.sub("", corefile)


def _deny(world: World, zone: str) -> None:
    live = world.get(world.ref(CONFIG))
    if live is None:
        raise DrillError("there is no such ConfigMap", CONFIG)
    text = with_denial(str(live["data"]["Corefile"]), zone)
    world.step({"change": CONFIG, "set": {"data.Corefile": text}})
    _read_anew(world)


def _allow(world: World) -> None:
    live = world.get(world.ref(CONFIG))
    if live is None:
        return
    text = str(live["data"]["Corefile"])
    if (plain := without_denial(text)) != text:
        world.step({"change": CONFIG, "set": {"data.Corefile": plain}})
        _read_anew(world)


def _read_anew(world: World) -> None:
    world.step({"delete_pods": SERVER})
    world.step({"wait_ready": SERVER})
