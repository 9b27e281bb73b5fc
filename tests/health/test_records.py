"""Health in the journal."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.health.records import from_json, to_json
from stratus_cli.model.health import Health
from tests.health.samples import BROKEN, CART, health, service
from tests.health.test_verdict import healths


@given(healths(), st.none() | st.floats(-1, 1))
@settings(max_examples=100)
def test_records_round_trip(before: Health, score: float | None) -> None:
    """Through JSON text, every term."""
    worst = min(before.units, default=None)
    full = Health(before.taken_at, before.units, score, worst, before.unread)
    assert from_json(json.loads(json.dumps(to_json(full)))) == full


def test_fields_that_a_later_version_added_are_ignored() -> None:
    """Fields may be added."""
    content = to_json(health(BROKEN, service(CART)))
    content["added"] = 1
    content["units"][0]["added"] = 1
    assert from_json(content) == health(BROKEN, service(CART))
