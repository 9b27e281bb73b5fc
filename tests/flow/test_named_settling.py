"""Settling on the twin: what a change waits for, and what of others it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ref import Ref
from tests.flow.stand import CART, Stand
from tests.flow.test_gate import execute
from tests.flow.worlds import NEVER_PUSHED, Item, app, world

COMMITTED = TransactionState.COMMITTED
LOST = Ref("Deployment", "shop", "lost", "apps/v1")
SETTINGS: Item = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "namespace": "shop"},
    "data": {"settings.json": "not json"},
}
REPAIR = (
    'kubectl -n shop patch configmap settings --type=merge -p \'{"data":{"settings.json":"{}"}}\''
)


def reader(name: str, **fields: Any) -> list[Item]:
    """An app that cannot start without its settings."""
    volumes = [{"name": "config", "configMap": {"name": "settings"}}]
    mounts = {"volumeMounts": [{"name": "config", "mountPath": "/etc/settings"}]}
    env = {"CONFIG": "/etc/settings/settings.json"}
    return app(name, env=env, container=mounts, pod={"volumes": volumes}, **fields)


def repair_of(stand: Stand, root: Ref) -> Plan:
    """The ConfigMap's repair, for the incident of this workload."""
    seen = stand.look()
    incident = next(item for item in seen.incidents if item.roots[0].root == root)
    made = plan_from_lines([REPAIR], stand.reading(), seen.detection.graph, "shop", incident)
    assert made.plan is not None, made.refusal
    return made.plan


def test_a_consumer_that_was_broken_before_by_something_else_does_not_hold_up_the_fix(
    tmp_path: Path,
) -> None:
    """An unrelated broken workload from before (must neither block nor be touched).

    It reads the ConfigMap that is repaired, and its image was never pushed.
    """
    lost = reader("lost", image=NEVER_PUSHED)
    stand = Stand.make(tmp_path, world([SETTINGS, *reader("cart"), *lost], settle=1500))
    before = stand.spec(LOST)
    done = execute(stand, repair_of(stand, CART))
    assert done.state is COMMITTED, done.why
    assert stand.spec(LOST) == before
    assert any(item.roots[0].root == LOST for item in stand.look().incidents)


@pytest.mark.parametrize("settle", [300, 480, 700, 1500])
def test_a_pod_that_starts_just_before_the_new_value_came_is_waited_for(
    tmp_path: Path, settle: float
) -> None:
    """A crash-looping pod in 300 s back-off (must wait or delete it, must commit).

    It fails once more, and backs off anew, wherever in its round the change meets it.
    """
    stand = Stand.make(tmp_path, world([SETTINGS, *reader("cart")], settle=settle))
    done = execute(stand, repair_of(stand, CART))
    assert done.state is COMMITTED, done.why
