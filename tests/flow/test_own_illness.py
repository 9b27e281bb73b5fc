"""What the incident does by itself while its repair is watched is no evidence against the repair.

And what the repair does is: in each case the same figures without a past are taken back.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stratus_cli.cluster.twin.programs import Run, Start, run
from stratus_cli.cluster.twin.world import Target, World
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.observe import observe
from stratus_cli.flow.plan import candidates
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from tests.flow.monitoring import Load, Monitoring
from tests.flow.stand import RUNBOOKS, SHOP, Stand
from tests.flow.test_named_gate import DOWN, LONG_S, execute, once
from tests.flow.worlds import NEVER_PUSHED, Item, app, set_box, world

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
FAILING = Load(10, errors=0.56)
RECREATE: Item = {"type": "Recreate", "rollingUpdate": None}


def slow_cart(*more: Item, settle: float) -> str:
    """cart lost its image; its new pods need 12 s to start."""
    cart = app("cart", env={"START_DELAY_S": "12"})
    return world([*cart, *more], [set_box("cart", 30, image=NEVER_PUSHED)], settle=settle)


# Errors that were still rising


def repaired(
    folder: Path,
    *,
    young_s: float | None,
    ends_after_s: float,
    older: bool = False,
    with_it: bool = False,
) -> TransactionReport:
    """cart is repaired; catalog, which calls it, fails since so long before and after the write.

    young_s None: from the write on. older: another incident of catalog is in its window as well;
    with_it: what cart answered failed as well.
    """
    catalog = app("catalog", env={"UPSTREAMS": "cart:80"})
    stand = Stand.make(folder, slow_cart(*catalog, settle=90))
    monitoring = Monitoring(stand, scrape_s=5)
    monitoring.serves("cart", DOWN, ago_s=LONG_S)
    monitoring.serves("catalog", Load(10), ago_s=LONG_S)
    if older:
        monitoring.serves("catalog", FAILING, ago_s=280)
        monitoring.serves("catalog", Load(10), ago_s=150)
    if young_s is not None:
        monitoring.serves("catalog", FAILING, ago_s=young_s)
        if with_it:
            monitoring.serves("cart", Load(10), ago_s=LONG_S - 1)
            monitoring.serves("cart", FAILING, ago_s=young_s)
    plan = stand.plan()

    def follow() -> None:
        monitoring.serves("cart", Load(10))
        monitoring.serves("catalog", FAILING)
        monitoring.serves("catalog", Load(10), ago_s=-ends_after_s)

    stand.cluster.after_write = once(follow)
    return execute(stand, plan, monitoring)[0]


def test_errors_that_rose_before_the_write_and_end_after_it_are_waited_for(tmp_path: Path) -> None:
    """The minute before holds 25 s of them: 23 % -> 56 % for 50 s, then none."""
    done = repaired(tmp_path, young_s=25, ends_after_s=50)
    assert done.state is COMMITTED, done.why
    assert done.waited_s > 50 + 30


def test_errors_that_rose_before_the_write_and_do_not_end_are_never_kept(tmp_path: Path) -> None:
    """Given up as any change that brings nothing."""
    done = repaired(tmp_path, young_s=25, ends_after_s=LONG_S)
    assert done.state is UNDONE
    assert "catalog" in done.why
    assert done.waited_s < 200


def test_an_older_incident_does_not_hide_that_errors_rose_with_what_is_called(
    tmp_path: Path,
) -> None:
    """catalog's own figures fall from 30 % to 23 %; those of cart, which it calls, rise."""
    done = repaired(tmp_path, young_s=25, ends_after_s=50, older=True, with_it=True)
    assert done.state is COMMITTED, done.why
    assert done.waited_s > 50 + 30


def test_an_older_incident_excuses_nothing_by_itself(tmp_path: Path) -> None:
    """Nothing that catalog calls had more and more errors."""
    done = repaired(tmp_path, young_s=25, ends_after_s=50, older=True)
    assert done.state is UNDONE
    assert done.waited_s < 50


def test_the_same_errors_from_the_write_on_are_harm(tmp_path: Path) -> None:
    """At once, though they would end as well."""
    done = repaired(tmp_path, young_s=None, ends_after_s=50)
    assert done.state is UNDONE
    assert done.waited_s < 50


# Another incident of the same front door


def one_of_two(folder: Path, *, out: bool, unready: bool = False) -> TransactionReport:
    """cart is repaired; catalog calls it and ads, and fails more and more whatever happens to cart.

    out: no node takes the pod of ads. unready: the write costs catalog its pod.
    """
    catalog = app("catalog", env={"UPSTREAMS": "cart:80,ads:80"})
    ads = app("ads", pod={"nodeSelector": {"kubernetes.io/hostname": "gone"}} if out else None)
    stand = Stand.make(folder, slow_cart(*catalog, *ads, settle=90))
    monitoring = Monitoring(stand, scrape_s=5)
    monitoring.serves("cart", DOWN, ago_s=LONG_S)
    monitoring.serves("catalog", Load(10), ago_s=LONG_S)
    monitoring.serves("catalog", FAILING, ago_s=25)
    seen = stand.look()
    [incident] = [item for item in seen.incidents if item.roots[0].root.name == "cart"]
    [made, *_] = candidates(incident, seen.detection.graph, stand.reading(), RUNBOOKS)
    assert made.plan is not None

    def follow() -> None:
        monitoring.serves("cart", Load(10))
        if unready:
            box = {"name": "app", "readinessProbe": {"httpGet": {"path": "/none"}}}
            patch = {"spec": {"template": {"spec": {"containers": [box]}}, "strategy": RECREATE}}
            stand.twin.patch(Target("Deployment", "catalog", "shop", strategic=patch))

    stand.cluster.after_write = once(follow)
    return execute(stand, made.plan, monitoring)[0]


def test_a_fault_from_before_that_is_not_ours_does_not_block(tmp_path: Path) -> None:
    """catalog goes on failing, 23 % -> 56 %, since ads is out; that is said."""
    done = one_of_two(tmp_path, out=True)
    assert done.state is COMMITTED, done.why
    assert "shop/Service/catalog not judged: shop/" in done.why
    assert "ads, which it calls, was out before and is" in done.why


def test_without_another_fault_the_same_errors_are_never_kept(tmp_path: Path) -> None:
    assert one_of_two(tmp_path, out=False).state is UNDONE


def test_a_fault_from_before_excuses_no_pod(tmp_path: Path) -> None:
    """Only requests are left out: what serves is counted as ever."""
    done = one_of_two(tmp_path, out=True, unready=True)
    assert done.state is UNDONE
    assert "catalog" in done.why


# A container that kept ending


def leaking(folder: Path, patch: pytest.MonkeyPatch, lives_s: float | None) -> TransactionReport:
    """cart is repaired; catalog, which calls it, is killed for its memory as it was once before.

    lives_s: how long what is started after the write runs; None for no end.
    """
    writes: list[Ref] = []

    def leaky(start: Start, world: World) -> Run:
        outcome = run(start, world)
        if start.env.get("LEAKS") != "1":
            return outcome
        life_s = lives_s if writes else 35.0
        return replace(outcome, ends_after_s=life_s, code=137, reason="OOMKilled")

    patch.setattr("stratus_cli.cluster.twin.worker.run", leaky)
    catalog = app("catalog", env={"UPSTREAMS": "cart:80", "LEAKS": "1"})
    stand = Stand.make(folder, slow_cart(*catalog, settle=66))
    stand.cluster.after_write = writes.append
    plan = stand.plan()
    with stand.ports() as ports:
        return execute_plan(plan, ports, lambda: observe(ports, SHOP))


def test_one_more_end_of_an_old_illness_does_not_undo_a_right_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs on afterwards, and for longer than between two ends before anything is kept."""
    done = leaking(tmp_path, monkeypatch, None)
    assert done.state is COMMITTED, done.why
    assert done.waited_s > 36


@pytest.mark.parametrize("lives_s", [35.0, 3.0])
def test_an_illness_that_goes_on_or_gets_worse_is_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lives_s: float
) -> None:
    """One that gets worse is taken back at once."""
    done = leaking(tmp_path, monkeypatch, lives_s)
    assert done.state is UNDONE
    assert "catalog" in done.why
    assert done.waited_s < (60 if lives_s < 10 else 300)
