"""The same scenarios on the twin and on a real cluster: findings, causes, conditions, event reasons
and endpoints.
"""

from __future__ import annotations

import pytest

from tests.contract.agreement import LEDGER, Agreement
from tests.scenarios.facets import observed
from tests.scenarios.lab import Lab, awaited
from tests.scenarios.scenario import Scenario, controls, faults
from tests.scenarios.simulated import simulated_site
from tests.scenarios.watching import Sight, snapshot, wait_for_symptoms, wait_until_still

SCENARIOS = (*faults(), *controls())
LEAST = 0.98  # of conditions, event reasons, endpoints (measured: 0.996); the rest: all


def on_twin(scenario: Scenario) -> Sight:
    """The scenario on a twin of its own."""
    site = simulated_site()
    past = snapshot(site) if scenario.known_good else None
    site.inject(scenario)
    wait_for_symptoms(site, scenario)
    if scenario.heals:
        site.wait_until_well()
    return wait_until_still(site, recording=past)


def decisive(sight: Sight) -> frozenset[str]:
    """Findings and root causes: these must be the same, without exception."""
    findings = {f"finding {rule} {ref}" for rule, ref in sight.findings}
    causes = {
        f"cause {root.cause} {root.root.short} {root.field}"
        for incident in sight.incidents
        for root in incident.roots
    }
    return frozenset(findings | causes)


@pytest.fixture(scope="module")
def real(lab: Lab) -> Lab:
    """Every scenario under way on the real cluster."""
    lab.begin(SCENARIOS)
    return lab


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda item: item.name)
def test_findings_and_causes_are_the_same(scenario: Scenario, real: Lab) -> None:
    """What Stratus says about a scenario does not depend on which of the two it looks at."""
    twin = on_twin(scenario)
    seen = awaited(real.story(scenario).sight)
    LEDGER.enter(Agreement(scenario.name, observed(twin.snap), observed(seen.snap)))
    said = Agreement(scenario.name, decisive(twin), decisive(seen))
    assert not said.differences()


def test_the_share_that_agrees() -> None:
    """Conditions, event reasons and endpoints agree, but for a named few."""
    if len(LEDGER.compared) < len(SCENARIOS):
        pytest.skip("not every scenario was compared")
    assert LEDGER.share >= LEAST, "\n".join(LEDGER.lines())
