"""`python -m tests.drill.on_node NODE WORDS`: run words on a node of the bed.

The drill's way to a node's own processes: STRATUS_DRILL_NODE_COMMAND names it.
"""

from __future__ import annotations

import sys

from tests.cluster import node
from tests.cluster.errors import BedError
from tests.cluster.layout import NODES, default
from tests.cluster.record import Record


def main(name: str, *words: str) -> int:
    """0, or 1 with the error."""
    layout = default()
    record = Record.load(layout.record)
    spec = next((spec for spec in NODES if spec.name == name), None)
    found = node.find(layout, record, spec) if record and spec else None
    if found is None:
        print(f"the bed has no node {name}", file=sys.stderr)
        return 1
    try:
        print(found.run(*words), end="")
    except BedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
