"""Fault files ask for what a cluster really does, and for symptoms that the drill can read."""

from __future__ import annotations

import pytest

from stratus_cli.drill.door import SHOWS
from stratus_cli.drill.fault import Fault
from stratus_cli.kube.paths import value_at
from tests.drill.test_data import CASES, after, key

# What a quota makes every pod set: validationSet in pkg/quota/v1/evaluator/core/pods.go.
DEMANDED = {
    *("cpu", "memory"),
    *(f"{what}.{name}" for what in ("requests", "limits") for name in ("cpu", "memory")),
}


def named(name: str) -> list[Fault]:
    return [case for case in CASES if case.name == name]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_kind_of_door_is_known(case: Fault) -> None:
    """One, or a list of which any will do."""
    asked = case.symptom.get("front_door", [])
    assert {*([asked] if isinstance(asked, str) else asked)} <= {*SHOWS}


@pytest.mark.parametrize("case", named("quota"), ids=lambda case: case.id)
def test_a_quota_refuses_the_pod(case: Fault) -> None:
    """It has what must be set and is not."""
    faulty = after(case)
    [quota] = [item for item in faulty.values() if item["kind"] == "ResourceQuota"]
    pod = faulty[key(case, case.symptom["not_ready"][0])]["spec"]["template"]["spec"]
    for name in quota["spec"]["hard"]:
        assert name in DEMANDED
        what, _, resource = name.rpartition(".")
        assert all(resource not in c["resources"].get(what, {}) for c in pod["containers"])


@pytest.mark.parametrize("case", named("retry-storm"), ids=lambda case: case.id)
def test_the_upstream_takes_longer_than_the_caller_waits(case: Fault) -> None:
    """By CPU time, which no machine is quick enough for; or it calls one that does."""
    faulty = after(case)
    caller = faulty[key(case, f"Deployment/{case.variant}")]

    def variables(name: str) -> dict[str, str]:
        item = faulty.get(key(case, f"Deployment/{name}"))
        env = item["spec"]["template"]["spec"]["containers"][0].get("env", ()) if item else ()
        return {one["name"]: one.get("value", "") for one in env}

    def work_ms(name: str) -> float:
        env = variables(name)
        called = [env[one].partition(":")[0] for one in env if one.endswith("_ADDR")]
        return float(env.get("WORK_MS", 0)) + sum(map(work_ms, called))

    env = variables(caller["metadata"]["name"])
    upstreams = [env[one].partition(":")[0] for one in env if one.endswith("_ADDR")]
    assert max(map(work_ms, upstreams)) > float(env["TIMEOUT_MS"])


@pytest.mark.parametrize("case", named("local-traffic"), ids=lambda case: case.id)
def test_a_caller_is_on_each_node(case: Fault) -> None:
    """It has two pods, placed anew, and calls the Service, which has one."""
    faulty = after(case)
    [caller] = [step["delete_pods"] for step in case.steps if "delete_pods" in step]
    made = faulty[key(case, caller)]
    assert value_at(made, "spec.replicas") == 2
    env = made["spec"]["template"]["spec"]["containers"][0]["env"]
    assert any(one.get("value", "").startswith(f"{case.variant}:") for one in env)
    assert value_at(faulty[key(case, f"Deployment/{case.variant}")], "spec.replicas") == 1
