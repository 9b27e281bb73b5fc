"""The same faults through every stage on the twin: the same command line, in this process."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from stratus_cli.cli.app import main
from stratus_cli.cli.options import Options
from stratus_cli.cli.wiring import Wiring
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.model.ports import Clock, Cluster, Source
from tests.e2e.reports import checked, is_named
from tests.scenarios.command import Outcome
from tests.scenarios.scenario import Scenario, controls, faults, variants
from tests.scenarios.simulated import NAMESPACE, simulated_site
from tests.scenarios.site import Site
from tests.scenarios.state import State, differences, wish_differences
from tests.scenarios.watching import wait_for_symptoms, wait_until_still


class TwinWiring(Wiring):
    """The twin of a site instead of a cluster, its clock, and no telemetry."""

    def __init__(self, site: Site, folder: Path) -> None:
        env = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
        super().__init__(env, io.StringIO(), io.StringIO(), io.StringIO())
        self._site = site

    def clock(self) -> Clock:
        """Virtual time."""
        return self._site.clock

    def cluster(self, options: Options) -> Cluster:
        """The twin."""
        return self._site.cluster

    def sources(self, options: Options, cluster: Cluster) -> tuple[Source, ...]:
        """The twin has no telemetry."""
        return ()


@dataclass(frozen=True)
class Stand:
    """A shop on a twin, and the command line on it."""

    site: Site
    folder: Path

    def run(self, *words: str) -> Outcome:
        """One command, without a person."""
        wiring = TwinWiring(self.site, self.folder)
        out, err = io.StringIO(), io.StringIO()
        wiring.stdout, wiring.stderr = out, err
        code = main([*words, "-n", NAMESPACE, "-o", "json"], wiring=wiring)
        return Outcome(code, out.getvalue(), err.getvalue())

    def state(self) -> State:
        """What is asked of the namespace."""
        return State.of(self.site.items)

    @property
    def is_open(self) -> bool:
        """Whether a request to the shop is answered well."""
        twin = self.site.cluster
        assert isinstance(twin, Twin)
        return twin.ask("http://web/", NAMESPACE) == 200


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """A shop that is well."""
    return Stand(simulated_site(), tmp_path)


@pytest.mark.parametrize("scenario", [*faults(), *variants()], ids=lambda item: item.name)
def test_a_fault_through_every_stage(scenario: Scenario, stand: Stand) -> None:
    """Detected, its root named, repaired, verified by other reads, undone to the exact fault."""
    more: tuple[str, ...] = ()
    if scenario.known_good:
        well = str(stand.folder / "well.json")
        assert stand.run("record", "--out", well).code == 0
        more = ("--known-good", well)
    healthy = stand.state()
    stand.site.inject(scenario)
    wait_for_symptoms(stand.site, scenario)
    wait_until_still(stand.site)
    assert stand.is_open is scenario.front_door
    faulty = stand.state()
    assert differences(healthy, faulty)

    detected = stand.run("detect")
    assert detected.code == 1, str(detected)
    diagnosed = stand.run("diagnose", *more)
    is_named(scenario, checked(diagnosed))
    repaired = stand.run("run", "--auto", "--watch-for", "0", *more)
    assert repaired.code == 0, str(repaired)
    assert [tx["state"] for tx in checked(repaired)["transactions"]] == ["COMMITTED"]
    assert not stand.site.unwell()
    assert stand.is_open
    if scenario in faults():  # a variant may change what does no harm as well
        assert wish_differences(healthy, stand.state()) == []

    undone = stand.run("undo", "--last", "--accept-loss", "--auto")
    assert undone.code == 0, str(undone)
    assert differences(faulty, stand.state()) == []


@pytest.mark.parametrize("scenario", controls(), ids=lambda item: item.name)
def test_a_control_is_left_alone(scenario: Scenario, stand: Stand) -> None:
    """Nothing is written where nothing is wrong."""
    stand.site.inject(scenario)
    before = stand.state()
    left = stand.run("run", "--auto", "--watch-for", "0")
    assert left.code == 0, str(left)
    assert checked(left)["transactions"] == []
    assert differences(before, stand.state()) == []
