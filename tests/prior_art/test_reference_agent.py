"""A. The gate: what the reference agent's oracles do not see, and what they see wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.cli.exits import exit_code
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.run import RunRequest
from stratus_cli.flow.run import run as loop
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Alert, Snapshot
from tests.flow.small import SETTINGS, get, small, state
from tests.flow.stand import RUNBOOKS, Stand
from tests.flow.worlds import app, broken_image, world
from tests.prior_art.common import (
    BREAK_WEB,
    COMMITTED,
    FIX,
    SINCE,
    UNDONE,
    Told,
    by_hand,
    repair,
)

ASIDE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "aside"}}
OTHER = Ref("Deployment", "aside", "other", "apps/v1")


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


def test_harm_in_another_namespace_is_seen(tmp_path: Path) -> None:
    """A1: health is measured in every namespace that may be read, not in the default one."""
    stand = Stand.make(tmp_path, broken_image(ASIDE, *app("other", namespace="aside")))
    before = stand.spec(OTHER)
    done = repair(stand, FIX, "kubectl -n aside set image deployment/other app=stratus/app:gone")
    assert done.state is UNDONE, done.why
    assert "aside" in done.why
    assert stand.spec(OTHER) == before


def test_alerts_that_are_gone_never_commit(stand: Stand) -> None:
    """A2: an alert source that answered before and does not now prevents the commit."""
    assert repair(stand, FIX, sources=(Told(answers=2),)).state is UNDONE


@pytest.mark.parametrize("labels", [{}, {"node": "node1"}, {"severity": "critical"}])
def test_an_alert_without_a_namespace_does_not_hide_what_is_broken(
    stand: Stand, labels: dict[str, str]
) -> None:
    """A2: whether an alert can be attributed or not, the objects themselves are judged."""
    alert = Alert("InstanceNotReady", labels, SINCE, SINCE)
    assert repair(stand, FIX, BREAK_WEB, sources=(Told(alerts=(alert,)),)).state is UNDONE
    stand.twin.advance(60)  # until the fault shows again
    assert repair(stand, FIX, sources=(Told(alerts=(alert,)),)).state is COMMITTED


def test_a_stale_alert_does_not_abort_a_right_fix(stand: Stand) -> None:
    """A3: it fires until long after the repair; its samples are older than the write."""
    labels = {"namespace": "shop", "deployment": "cart"}
    alert = Alert("CartDown", labels, SINCE, SINCE)
    assert repair(stand, FIX, sources=(Told(alerts=(alert,)),)).state is COMMITTED


def test_harm_whose_alert_is_still_silent_is_not_committed(stand: Stand) -> None:
    """A4: an alert with `for: 2m` says nothing yet; the pods do."""
    before = state(stand.twin)
    assert repair(stand, FIX, BREAK_WEB, sources=(Told(),)).state is UNDONE
    assert state(stand.twin) == before


def test_what_was_broken_before_does_not_fail_a_right_fix(tmp_path: Path) -> None:
    """A5: the verdict compares with before; an unrelated sick pod is not ours."""
    stand = Stand.make(tmp_path, broken_image(*app("lost", image="stratus/app:gone")))
    seen = stand.look()
    assert len(seen.incidents) == 2
    assert repair(stand, FIX).state is COMMITTED


def test_a_regression_that_raises_no_alert_is_not_committed(stand: Stand) -> None:
    """A5: no telemetry at all, and a Service loses one of two endpoints."""
    line = "kubectl -n shop scale deployment/web --replicas=1"
    done = repair(stand, FIX, line)
    assert done.state is UNDONE, done.why
    assert "web" in done.why


def test_the_last_attempt_is_rolled_back_too(stand: Stand) -> None:
    """A6: out of attempts is no reason to keep a change that did not help."""
    before = state(stand.twin)
    plan = by_hand(stand, "kubectl -n shop set image deployment/cart app=stratus/app:wrong")
    with stand.ports() as ports:
        assert execute_plan(plan, ports, stand.observe).state is UNDONE
    assert state(stand.twin) == before


@pytest.mark.parametrize("error", [RuntimeError("a defect"), MemoryError(), TimeoutError()])
def test_an_exception_keeps_nothing(stand: Stand, error: Exception) -> None:
    """A6: whatever is raised after the first write, the way back is taken."""
    before = state(stand.twin)
    plan = by_hand(stand, FIX)

    def observe() -> Snapshot:
        if stand.cluster.writes == 1:
            raise error
        return stand.observe()

    with stand.ports() as ports:
        assert execute_plan(plan, ports, observe).state is UNDONE
    assert state(stand.twin) == before


def test_nothing_is_written_where_nothing_is_wrong(tmp_path: Path) -> None:
    """A7: a healthy cluster is recognised as one, and the exit code says so."""
    stand = Stand.make(tmp_path, world(app("cart")))
    with stand.ports() as ports:
        report = loop(ports, RunRequest(scope=("shop",), runbooks=RUNBOOKS))
    assert (report.transactions, report.incidents, stand.cluster.writes) == ((), (), 0)
    assert exit_code(report) == 0


def test_only_the_object_that_is_wrong_is_changed(stand: Stand) -> None:
    """A7: a repair leaves what is well alone."""
    before = get(stand, SETTINGS)
    assert repair(stand, FIX).state is COMMITTED
    assert get(stand, SETTINGS) == before
