"""What an object change cannot do: the Hook of a fault, in stratus_cli/drill/hooks/.

A hook reaches the cluster only through its World, so that what it writes is journaled and healed
like any step. What it does elsewhere (a node's process) it takes back itself in `heal`, which must
be safe to call twice, and without `inject` before it.
"""

from __future__ import annotations

from typing import Any, Protocol

from stratus_cli.drill.fault import Fault
from stratus_cli.model.ref import Ref


class World(Protocol):
    """What a hook may do."""

    namespace: str
    fault: Fault

    def ref(self, text: str) -> Ref:
        """A ref as fault files write it."""

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """The live object, or None."""

    def pods(self, text: str) -> list[dict[str, Any]]:
        """Of a workload, by name."""

    def step(self, step: dict[str, Any]) -> None:
        """Run one step as in a fault file, journaled."""

    def node_command(self, node: str, *words: str) -> None:
        """Run words on a node (needs: node-access). DrillError when it ends with an error."""


class Hook(Protocol):
    """Called after the fault's own steps."""

    def inject(self, world: World) -> None:
        """Do it."""

    def heal(self, world: World) -> None:
        """Take back what steps do not."""
