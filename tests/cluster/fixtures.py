"""The fixture `bed`, and what becomes of tests that need a cluster where there is none.

A test that uses `bed` carries the marker `cluster`. Without a cluster it is skipped with one line
that says why; STRATUS_REQUIRE_CLUSTER=1 makes that a failure.
"""

from __future__ import annotations

import functools
import os
import uuid

import pytest

from tests.cluster import bed as beds
from tests.cluster.bed import Bed
from tests.cluster.errors import BedError

RUN = "STRATUS_TEST_RUN"  # the id of this test run, the same in each of its worker processes
why_not = functools.cache(beds.why_not)


@pytest.fixture(scope="session")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Bed:
    """A real cluster, started when it is not up; the end of the run takes down what it started."""
    try:
        return beds.open_bed(os.environ[RUN], tmp_path_factory.mktemp("cluster"))
    except BedError as error:
        reason = str(error)
    pytest.fail(f"the test bed did not come up: {reason}", pytrace=False)


def configure(config: pytest.Config) -> None:
    """Name this run."""
    if not hasattr(config, "workerinput"):  # a worker process inherits it
        os.environ[RUN] = uuid.uuid4().hex


def mark(items: list[pytest.Item]) -> None:
    """Mark the tests that use the bed; skip them, or let them fail, where there is none."""
    for item in items:
        if "bed" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)
        if item.get_closest_marker("cluster") and why_not() and not required():
            item.add_marker(pytest.mark.skip(reason=why_not()))


def required() -> bool:
    """Whether a missing cluster is a failure."""
    return os.environ.get("STRATUS_REQUIRE_CLUSTER") == "1"


def finish(config: pytest.Config) -> None:
    """Take down the bed that this run started, once all its worker processes have ended."""
    if hasattr(config, "workerinput"):
        return
    left = beds.close_bed(os.environ.get(RUN, ""))
    if left:
        raise BedError("left of the test bed: " + "; ".join(left))
