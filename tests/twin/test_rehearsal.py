"""A rehearsal refuses what is certain to go wrong, and nothing else."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stratus_cli.cluster.twin.rehearsal import TwinRehearsal
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.kube.kinds import BY_KIND, OBSERVED
from stratus_cli.model.change import Change
from stratus_cli.model.plan import Plan, Refusal, Risk, Step
from stratus_cli.model.ref import ClusterIdentity, Ref
from stratus_cli.model.snapshot import Gap, GapReason, Snapshot
from tests.cases.loader import snapshot
from tests.twin.stand import IMAGE, SPACE, deployment, get, listed, pod_spec, service, twin

NOW = datetime(2026, 11, 24, 9, 1, tzinfo=UTC)
CLUSTER = ClusterIdentity("u", "twin", "https://twin", "tester")
Edit = Callable[[dict[str, Any]], object]


def snap_of(made: Twin, *gaps: Gap) -> Snapshot:
    items = [
        {"kind": info.kind, "apiVersion": info.api_version, **item}
        for info in OBSERVED
        for item in listed(made, info.kind, None)
    ]
    return snapshot(items, at=made.now().isoformat(), gaps=gaps)


def change(made: Twin, kind: str, name: str, edit: Edit) -> Change:
    before = get(made, kind, name)
    after = copy.deepcopy(before)
    edit(after)
    return Change(Ref(kind, SPACE, name, BY_KIND[kind].api_version), before, after)


def plan(*changes: Change) -> Plan:
    steps = tuple(Step("kubectl ...", item, (), "", "") for item in changes)
    return Plan(
        "p-1", "", "test", "", "", CLUSTER, steps, (), (), (), Risk.LOW, "", NOW, NOW + timedelta(1)
    )


def rehearse(made: Twin, *changes: Change, gaps: tuple[Gap, ...] = ()) -> tuple[list[Refusal], str]:
    refusals, unknown = TwinRehearsal().rehearse(plan(*changes), snap_of(made, *gaps))
    return list(refusals), "; ".join(unknown)


def set_container(**fields: Any) -> Edit:
    return lambda item: pod_spec(item)["containers"][0].update(fields)


@pytest.mark.parametrize(
    ("edit", "check", "says"),
    [
        (
            lambda i: pod_spec(i).update(nodeSelector={"disk": "none"}),
            "unschedulable",
            "didn't match",
        ),
        (
            set_container(resources={"requests": {"memory": "900Gi"}}),
            "unschedulable",
            "Insufficient memory",
        ),
        (
            set_container(envFrom=[{"configMapRef": {"name": "gone"}}]),
            "reference",
            "ConfigMap gone",
        ),
        (set_container(envFrom=[{"secretRef": {"name": "gone"}}]), "reference", "Secret gone"),
        (
            lambda i: pod_spec(i).update(volumes=[{"name": "v", "configMap": {"name": "gone"}}]),
            "reference",
            "ConfigMap gone",
        ),
        (
            lambda i: (
                i["spec"].update(strategy={"type": "Recreate"}),
                pod_spec(i).update(nodeName="x", terminationGracePeriodSeconds=3),
                pod_spec(i).pop("nodeName"),
                set_container(image=f"{IMAGE}:2")(i),
            ),
            "full-outage",
            "Recreate",
        ),
        (
            lambda i: (
                i["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable="100%"),
                set_container(image=f"{IMAGE}:2")(i),
            ),
            "full-outage",
            "maxUnavailable",
        ),
    ],
)
def test_what_is_certain_is_refused(edit: Edit, check: str, says: str) -> None:
    """One refusal, that names its check and what is wrong."""
    made = twin(deployment(), service(), run_s=10)
    refusals, _ = rehearse(made, change(made, "Deployment", "web", edit))
    assert [refusal.check for refusal in refusals] == [check]
    assert says in refusals[0].reason
    assert refusals[0].lift


def test_good_change_is_let_through_with_its_assumptions() -> None:
    """A new image is not known; a command that runs now is assumed to run on."""
    made = twin(deployment(), service(), run_s=10)
    refusals, unknown = rehearse(
        made, change(made, "Deployment", "web", set_container(image="elsewhere/app:9"))
    )
    assert refusals == []
    assert "not known: whether elsewhere/app:9 can be pulled and starts well" in unknown
    refusals, unknown = rehearse(
        made, change(made, "Deployment", "web", set_container(env=[{"name": "A", "value": "1"}]))
    )
    assert refusals == []
    assert unknown == f"assumed: new pods with {IMAGE}:1 start as those that run now"


def test_service_whose_selector_would_match_nothing() -> None:
    """Refused, from the Service's side and from the pods'."""
    made = twin(deployment(), service(), run_s=10)
    edit = change(made, "Service", "web", lambda item: item["spec"].update(selector={"app": "x"}))
    refusals, _ = rehearse(made, edit)
    assert [refusal.check for refusal in refusals] == ["selector"]
    gone = Change(Ref("Deployment", SPACE, "web", "apps/v1"), get(made, "Deployment", "web"), None)
    refusals, _ = rehearse(made, gone)
    assert [refusal.check for refusal in refusals] == ["selector"]


def test_deleted_config_map_that_is_needed() -> None:
    """Its consumers run on, but their next start would fail."""
    config = {
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": SPACE},
        "data": {"A": "1"},
    }
    made = twin(config, deployment(envFrom=[{"configMapRef": {"name": "c"}}]), run_s=10)
    gone = Change(Ref("ConfigMap", SPACE, "c", "v1"), get(made, "ConfigMap", "c"), None)
    refusals, _ = rehearse(made, gone)
    assert [refusal.check for refusal in refusals] == ["reference"]


def test_quota_that_would_be_exceeded() -> None:
    """The quota's own message is shown."""
    quota = {
        "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": SPACE},
        "spec": {"hard": {"pods": "3"}},
    }
    made = twin(quota, deployment(), run_s=10)
    edit = change(made, "Deployment", "web", lambda item: item["spec"].update(replicas=5))
    refusals, _ = rehearse(made, edit)
    assert [refusal.check for refusal in refusals] == ["quota"]
    assert (
        "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3" in refusals[0].reason
    )


def test_a_quota_with_scopes_refuses_nothing() -> None:
    """It may not count these pods, and what is kept of them does not say."""
    terms = [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]
    quota = {
        "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": SPACE},
        "spec": {"hard": {"pods": "3"}, "scopeSelector": {"matchExpressions": terms}},
    }
    made = twin(quota, deployment(), run_s=10)
    edit = change(made, "Deployment", "web", lambda item: item["spec"].update(replicas=5))
    assert rehearse(made, edit)[0] == []


def test_what_was_so_before_is_no_reason() -> None:
    """A plan may repair one thing and leave another, and may repair what is unschedulable."""
    item = deployment()
    pod_spec(item)["nodeSelector"] = {"disk": "none"}
    lonely = service("lonely")
    other = deployment("other", envFrom=[{"configMapRef": {"name": "gone"}}])
    made = twin(item, service(), lonely, other, run_s=10)
    repair = change(made, "Deployment", "web", lambda i: pod_spec(i).pop("nodeSelector"))
    assert rehearse(made, repair)[0] == []
    more = change(made, "Deployment", "web", lambda i: i["spec"].update(replicas=3))
    assert rehearse(made, more)[0] == []


def test_created_objects_count() -> None:
    """A ConfigMap that an earlier step creates is there for a later one."""
    made = twin(deployment(), run_s=10)
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": SPACE},
        "data": {"A": "1"},
    }
    create = Change(Ref("ConfigMap", SPACE, "c", "v1"), None, config)
    use = change(
        made, "Deployment", "web", set_container(envFrom=[{"configMapRef": {"name": "c"}}])
    )
    assert rehearse(made, create, use)[0] == []


def test_rollout_that_only_fits_once_old_pods_are_gone() -> None:
    """Full nodes and no surge: it fits, one after the other."""
    made = twin(deployment(resources={"requests": {"cpu": "1500m"}}), run_s=10)
    edit = change(
        made,
        "Deployment",
        "web",
        lambda i: (
            i["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1, maxSurge=0),
            set_container(image=f"{IMAGE}:2")(i),
        ),
    )
    assert rehearse(made, edit)[0] == []
    surge = change(made, "Deployment", "web", set_container(image=f"{IMAGE}:2"))
    assert [refusal.check for refusal in rehearse(made, surge)[0]] == ["unschedulable"]


def test_what_was_not_read_refuses_nothing() -> None:
    """Gaps are said instead."""
    made = twin(deployment(), service(), run_s=10)
    gaps = tuple(Gap(kind, GapReason.FORBIDDEN) for kind in ("Node", "ConfigMap", "ResourceQuota"))
    edit = change(
        made,
        "Deployment",
        "web",
        lambda i: (
            pod_spec(i).update(nodeSelector={"disk": "none"}),
            set_container(envFrom=[{"configMapRef": {"name": "gone"}}])(i),
        ),
    )
    refusals, unknown = rehearse(made, edit, gaps=gaps)
    assert refusals == []
    assert "Nodes could not be read" in unknown


def test_hostile_after_is_not_fatal() -> None:
    """What cannot be understood is said to be not rehearsed."""
    made = twin(deployment(), run_s=10)
    for broken in ({"spec": 5}, {"spec": {"template": []}}, {"metadata": {"labels": 7}}):
        edit = change(
            made, "Deployment", "web", lambda item, b=broken: item.update(json.loads(json.dumps(b)))
        )  # type: ignore[misc]
        refusals, unknown = rehearse(made, edit)
        assert refusals == []
        assert "could not be rehearsed" in unknown


def test_large_namespace_stays_within_its_time() -> None:
    """600 pods: well under the 2 s that a rehearsal may take, with room for a slow machine."""
    made = twin(
        *(deployment(f"d{n}", 30, resources={"requests": {"cpu": "1m"}}) for n in range(6)),
        *(service(f"d{n}") for n in range(6)),
        run_s=15,
    )
    snap = snap_of(made)
    edit = change(made, "Deployment", "d0", set_container(image=f"{IMAGE}:2"))
    started = time.process_time()
    TwinRehearsal().rehearse(plan(edit), snap)
    assert time.process_time() - started < 5
