"""Pods of a former revision that still serve are not scaled away: nothing would bring them back."""

from __future__ import annotations

from pathlib import Path

from stratus_cli.model.health import TransactionState
from tests.flow.small import run, small, state

SCALE_CART = "kubectl -n shop scale deployment/cart --replicas=0"
SCALE_WEB = "kubectl -n shop scale deployment/web --replicas=1"


def test_a_stuck_rollout_is_not_scaled_down(tmp_path: Path) -> None:
    """cart's new image was never pushed; the pod that serves is of the former revision."""
    stand = small(tmp_path)
    before = state(stand.twin)
    done = run(stand, SCALE_CART)
    assert done.state is TransactionState.BLOCKED
    assert done.why.startswith("rollout: 1 ready pods of shop/Deployment/cart are of a former")
    assert state(stand.twin) == before


def test_a_finished_rollout_may_be_scaled_down(tmp_path: Path) -> None:
    """All of web's pods are of its present revision: the way back brings them back."""
    stand = small(tmp_path)
    done = run(stand, SCALE_WEB)
    assert done.state is not TransactionState.BLOCKED, done.why
