"""Where a bed keeps its things, and the constants of its network.

Everything carries the bed's name, so two beds (STRATUS_BED=other) may run side by side: their
networks are private to their nodes and do not meet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

STATE_ROOT = Path("/tmp/stratus-testbed")
SHARED_MEMORY = Path("/dev/shm")
FIRST_PORT = 16443
CONTEXT = "stratus-testbed"

REGISTRY = "172.30.0.2:5000"
GATEWAY = "172.30.0.1"
SERVICES = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_IP = "10.96.0.10"
PODS = "10.88.0.0/16"
DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node's name, its address in the bed's network, and the subnet of its pods."""

    name: str
    address: str
    pods: str


NODES = (
    NodeSpec("node1", "172.30.0.2", "10.88.0.0/24"),
    NodeSpec("node2", "172.30.0.3", "10.88.1.0/24"),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of the bed called `name`."""

    name: str

    @property
    def state(self) -> Path:
        """The folder of everything the bed writes; gone after `down`."""
        return STATE_ROOT / self.name

    @property
    def lock(self) -> Path:
        """Held while the bed goes up or down. Beside the state, since that is removed."""
        return STATE_ROOT / f"{self.name}.lock"

    @property
    def record(self) -> Path:
        """What was started: processes, cgroups, port."""
        return self.state / "record.json"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig for programs on this machine."""
        return self.state / "kubeconfig"

    @property
    def node_kubeconfig(self) -> Path:
        """The administrator's kubeconfig for programs inside the nodes."""
        return self.state / "node.kubeconfig"

    @property
    def etcd(self) -> Path:
        """The data of etcd, in memory."""
        return SHARED_MEMORY / f"stratus-testbed-{self.name}-etcd"

    def socket(self, service: str) -> Path:
        """The Unix socket through which this machine reaches a service of node1."""
        return self.state / f"{service}.sock"

    def node(self, node: str) -> Path:
        """The folder of one node."""
        return self.state / node

    def log(self, node: str, component: str) -> Path:
        """The log of one component on one node."""
        return self.node(node) / "log" / f"{component}.log"

    def cgroup(self, node: str) -> str:
        """The name of a node's cgroup, the same in every hierarchy."""
        return f"stratus-{self.name}-{node}"


def default() -> Layout:
    """The bed that STRATUS_BED names, else the one called `bed`."""
    return Layout(os.environ.get("STRATUS_BED") or "bed")


def cache_root() -> Path:
    """The folder of everything built once."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "stratus-testbed"
