"""The fixture `lab`: one for the whole test run, so that suites share what they start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.bed import Bed
from tests.scenarios.lab import Lab


@pytest.fixture(scope="session")
def lab(
    bed: Bed, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Stories on the real cluster. They go to the end where end-to-end tests were collected.

    Tales that a collected module names in TALES begin at once, so that their waits overlap.
    """
    items = request.session.items
    to_the_end = any("/e2e/" in str(item.path) for item in items)
    with Lab(bed, tmp_path_factory.mktemp("lab"), to_the_end=to_the_end) as made:
        for module in {item.getparent(pytest.Module) for item in items}:
            for name, tell in getattr(getattr(module, "obj", None), "TALES", {}).items():
                made.tale(name, tell)
        yield made
