"""From the symptom to the verdict: a value in a ConfigMap, and a CronJob that puts one back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stratus_cli.flow.run import RunRequest, run
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import Report
from tests.flow.stand import CART, RUNBOOKS, Stand
from tests.flow.worlds import app, patched, set_box, world

SETTINGS = Ref("ConfigMap", "shop", "settings", "v1")
NIGHTLY = Ref("CronJob", "shop", "nightly", "batch/v1")
GOOD = '{"port": 8080, "name": "cart"}'
BAD = '{"port": 8080, "name": '
MOUNTED: dict[str, Any] = {
    "container": {
        "env": [{"name": "CONFIG", "value": "/etc/conf/app.json"}],
        "volumeMounts": [{"name": "conf", "mountPath": "/etc/conf"}],
    },
    "pod": {"volumes": [{"name": "conf", "configMap": {"name": "settings"}}]},
}


def settings() -> dict[str, Any]:
    """A ConfigMap that was applied with kubectl."""
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"},
        "data": {"app.json": GOOD},
    }
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(made)}
    made["metadata"]["annotations"] = applied
    return made


def nightly() -> list[dict[str, Any]]:
    """A CronJob that lowers cart's memory limit each hour, and may do so."""
    args = ["set resources deployment/cart --limits=memory=16Mi"]
    box = {"name": "tune", "image": "stratus/app:1", "args": args}
    pod = {"serviceAccountName": "tuner", "restartPolicy": "Never", "containers": [box]}
    job = {"spec": {"template": {"spec": pod}}}
    meta = {"name": "nightly", "namespace": "shop"}
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]}
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": meta,
            "spec": {"schedule": "0 * * * *", "jobTemplate": job},
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": {"name": "tuner", "namespace": "shop"},
            "rules": [rule],
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "tuner", "namespace": "shop"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "tuner"},
            "subjects": [{"kind": "ServiceAccount", "name": "tuner", "namespace": "shop"}],
        },
    ]


def go(stand: Stand) -> Report:
    with stand.ports() as ports:
        return run(ports, RunRequest(scope=("shop",), runbooks=RUNBOOKS))


def kill_pods(stand: Stand) -> None:
    """Every pod of cart is deleted, and what follows has its time."""
    for page in stand.twin.list_pages("Pod", "shop"):
        for item in json.loads(page)["items"]:
            stand.twin.delete(Ref("Pod", "shop", item["metadata"]["name"], "v1"), uid="")
    stand.twin.advance(60)


def test_a_lost_value_is_put_back_and_its_reader_restarted(tmp_path: Path) -> None:
    """The key is as it was applied, cart serves, and an undo brings back the fault to the byte."""
    edit = patched("ConfigMap", "settings", 70, {"data": {"app.json": BAD}})
    stand = Stand.make(tmp_path, world([settings(), *app("cart", **MOUNTED)], [edit], settle=80))
    kill_pods(stand)
    seen = stand.look()
    assert [root.root.short for root in seen.incidents[0].roots] == ["ConfigMap/settings"]
    report = go(stand)
    assert [tx.state for tx in report.transactions] == [TransactionState.COMMITTED]
    assert _data(stand) == {"app.json": GOOD}
    with stand.ports() as ports:
        undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    assert _data(stand) == {"app.json": BAD}


def test_the_actor_is_stopped_before_the_value_is_put_back(tmp_path: Path) -> None:
    """One plan, the CronJob first; it says what it stops on purpose."""
    low = {"limits": {"memory": "8Mi"}, "requests": {"memory": "8Mi"}}
    scene = set_box("cart", 3602, resources=low)
    stand = Stand.make(tmp_path, world([*app("cart"), *nightly()], [scene], settle=3700))
    seen = stand.look()
    roots = [root.root.short for root in seen.incidents[0].roots]
    assert roots == ["CronJob/nightly", "Deployment/cart"]
    report = go(stand)
    assert [tx.state for tx in report.transactions] == [TransactionState.COMMITTED]
    plan = stand.operator.seen[0]
    assert [step.change.ref.short for step in plan.steps] == ["CronJob/nightly", "Deployment/cart"]
    assert plan.stops == (NIGHTLY,)
    item = stand.twin.get(CART)
    assert item is not None
    box = item["spec"]["template"]["spec"]["containers"][0]
    assert box["resources"]["limits"]["memory"] == "64Mi"


def _data(stand: Stand) -> object:
    item = stand.twin.get(SETTINGS)
    assert item is not None
    return item["data"]
