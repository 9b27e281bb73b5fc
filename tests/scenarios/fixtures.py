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
    """Stories on the real cluster. They go to the end where end-to-end tests were collected."""
    to_the_end = any("/e2e/" in str(item.path) for item in request.session.items)
    with Lab(bed, tmp_path_factory.mktemp("lab"), to_the_end=to_the_end) as made:
        yield made
