"""Which process runs which test, where pytest-xdist runs several.

A group of its own (`--dist loadgroup`) would do, but pytest 9.2 with pytest-xdist 3.8 drops the
group from a test's id.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

ON_THE_CLUSTER = ("tests/cluster/", "tests/contract/", "tests/e2e/")
LONGEST = (*ON_THE_CLUSTER, "tests/flow/test_adversary.py", "tests/package/")


def longest_first(items: list[pytest.Item]) -> None:
    """So that no process is left with a long one when the others have ended."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


class BySubject(LoadScopeScheduling):  # type: ignore[misc]
    """One process for everything on the real cluster, which is shared; else a file is a unit."""

    def _split_scope(self, nodeid: str) -> str:
        return "cluster" if nodeid.startswith(ON_THE_CLUSTER) else nodeid.split("::", 1)[0]
