"""Which cases a run has."""

from __future__ import annotations

from collections import Counter

import pytest

from stratus_cli.drill import app as apps
from stratus_cli.drill import fault as faults
from stratus_cli.drill.controls import CONTROLS, QUIET
from stratus_cli.drill.runs import Asked, check_control, chosen
from stratus_cli.model.errors import UsageError
from tests.drill.test_data import values

CLUSTER = {name for name in faults.names() if faults.load(name, values)[0].cluster}


def test_everything_is_one_variant_of_each_fault() -> None:
    """What lies outside the drill's namespaces only when asked for."""
    everything = chosen(Asked(every=True, cluster=True), values)
    assert [item.name for item in everything] == list(faults.names())
    inside = chosen(Asked(every=True), values)
    assert {item.name for item in inside} == {*faults.names()} - CLUSTER


def test_faults_are_spread_over_the_apps() -> None:
    """So that apps can go side by side; an app that cannot be installed gets none."""
    counts = Counter(item.app for item in chosen(Asked(every=True, cluster=True), values))
    assert counts.keys() == {*apps.names()}
    assert max(counts.values()) - min(counts.values()) <= len(faults.names()) // 3
    without = chosen(Asked(every=True), values, lambda app: app != "hotel")
    alone = {
        name for name in faults.names() if {f.app for f in faults.load(name, values)} == {"hotel"}
    }
    assert {item.name for item in without if item.app == "hotel"} <= alone


def test_an_app_or_all_variants() -> None:
    """Only those of the app; every variant of the fault."""
    social = chosen(Asked(names=("target-port",), apps=("social",)), values)
    assert [item.app for item in social] == ["social"]
    every = chosen(Asked(names=("target-port",), variants=True), values)
    assert len(every) == len(faults.load("target-port", values)) > 1
    assert len({item.id for item in every}) == len(every)


@pytest.mark.parametrize("control", QUIET)
def test_where_nothing_is_wrong_once_per_app_is_enough(control: str) -> None:
    """The fault only lends its app."""
    quiet = chosen(Asked(every=True, control=control), values)
    assert len(quiet) == len({item.app for item in quiet}) == len(apps.names())


def test_controls_are_known_by_name() -> None:
    """No control at all is Stratus itself."""
    for name in ("", *CONTROLS):
        check_control(name)
    with pytest.raises(UsageError):
        check_control("luck")
