"""What every controller of a twin works with."""

from __future__ import annotations

from dataclasses import dataclass

from stratus_cli.cluster.twin.api import ApiServer
from stratus_cli.cluster.twin.names import Names
from stratus_cli.cluster.twin.recorder import Recorder
from stratus_cli.cluster.twin.store import Store
from stratus_cli.cluster.twin.timeline import Timeline

MANAGER = "kube-controller-manager"
LATENCY_S = 0.02
"""From a write to the controller that acts on it. A real one takes a few milliseconds to tens."""


@dataclass(frozen=True)
class Parts:
    """One twin's inner parts."""

    store: Store
    api: ApiServer
    timeline: Timeline
    names: Names
    recorder: Recorder
