"""Detection as a whole: order, gaps, and that looking changes nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import Gap, GapReason, Snapshot
from tests.cases.loader import cases, snapshot_of

CASES = [*cases("rules", "rule"), *cases("causes", "cause")]


def test_healthy_is_silent() -> None:
    """Nothing is found where nothing is wrong."""
    detection = detect(snapshot_of({"given": ["shop-healthy.yaml"]}))
    assert detection.findings == ()
    assert detection.skips == ()
    assert diagnose(detection) == ()


def test_unread_kind_is_a_skip_for_every_rule_that_needs_it() -> None:
    """Pods that were not read silence no rule."""
    detection = detect(snapshot_of({"given": ["shop-healthy.yaml"], "gaps": ["Pod"]}))
    assert detection.findings == ()
    assert {"POD101", "WRK201", "SVC301"} <= {skip.rule for skip in detection.skips}
    assert "forbidden" in detection.skips[0].reason


def test_gap_of_one_namespace_keeps_the_others() -> None:
    """Findings of the unread namespace are dropped, the rest stays, and the gap is said."""
    body = next(case for case in CASES if case.id == "POD101-fires-on-back-off").body
    snap = snapshot_of(body)
    other = replace(snap, gaps=(Gap("Pod", GapReason.TIMED_OUT, namespace="other"),))
    here = replace(snap, gaps=(Gap("Pod", GapReason.TIMED_OUT, namespace="shop"),))
    assert "POD101" in {finding.rule for finding in detect(other).findings}
    assert "POD101" not in {finding.rule for finding in detect(here).findings}
    assert any("in namespace shop" in skip.reason for skip in detect(here).skips)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_looking_changes_nothing(case: object) -> None:
    """Rules and causes leave the snapshot as it was."""
    body = next(item for item in CASES if item is case).body
    snap = snapshot_of(body)
    before = _as_text(snap)
    diagnose(detect(snap))
    assert _as_text(snap) == before


def test_snapshot_cannot_be_changed() -> None:
    """A rule that tries to write to an object raises."""
    pod = snapshot_of({"given": ["shop-healthy.yaml"]}).of(Pod)[0]
    with pytest.raises(AttributeError):
        pod.status = pod.status


@settings(max_examples=60)
@given(st.sampled_from(CASES), st.randoms(use_true_random=False))
def test_order_of_objects_does_not_matter(case: object, order: random.Random) -> None:
    """The same objects in another order give the same incidents in the same order."""
    body = next(item for item in CASES if item is case).body
    snap = snapshot_of(body)
    shuffled = _shuffled(snap, order)
    one, other = detect(snap), detect(shuffled)
    assert one.findings == other.findings
    assert diagnose(one) == diagnose(other)


def _shuffled(snap: Snapshot, order: random.Random) -> Snapshot:
    objects = {kind: tuple(order.sample(items, len(items))) for kind, items in snap.objects.items()}
    events = tuple(order.sample(snap.events, len(snap.events)))
    return replace(snap, objects=objects, events=events)


def _as_text(snap: Snapshot) -> bytes:
    return msgspec.json.encode([snap.objects, snap.events])
