"""A node's kubelet stands still: its process is stopped, not ended, so that it can go on."""

from __future__ import annotations

from stratus_cli.drill.hook import World

PATTERN = "[k]ubelet "  # the brackets keep it from finding the shell that runs it


class Stopped:
    """On the node that the fault's root names."""

    def inject(self, world: World) -> None:
        """Stop it."""
        world.node_command(_node(world), "pkill", "-STOP", "-f", PATTERN)

    def heal(self, world: World) -> None:
        """Let it go on; nothing happens to one that runs."""
        world.node_command(_node(world), "pkill", "-CONT", "-f", PATTERN)


def _node(world: World) -> str:
    return world.fault.root[0].ref.rpartition("/")[2]
