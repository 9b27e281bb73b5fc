"""The twin answers writes as the API server does: preconditions, validation, dry runs, quota."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratus_cli.kube.seals import is_seal
from stratus_cli.model.errors import Conflict, Forbidden, Invalid, NotFound
from stratus_cli.model.ref import Ref
from tests.twin.stand import (
    SPACE,
    condition,
    deployment,
    get,
    listed,
    messages,
    pods,
    ready,
    service,
    twin,
)

WEB = Ref("Deployment", SPACE, "web", "apps/v1")


def everything(made: Any) -> str:
    kinds = ("Deployment", "ReplicaSet", "Pod", "Service", "EndpointSlice", "ConfigMap", "Event")
    return json.dumps([listed(made, kind, None) for kind in kinds])


def test_stale_write_is_a_conflict() -> None:
    """Every status update moves the resourceVersion, and an old one is refused."""
    made = twin(deployment())
    old = made.get(WEB)
    made.advance(5)
    assert old is not None
    old["spec"]["replicas"] = 5
    with pytest.raises(Conflict, match="the object has been modified") as caught:
        made.replace(old)
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")


def test_write_to_another_object_of_the_name_is_a_conflict() -> None:
    """The uid is a precondition."""
    made = twin(deployment(), run_s=5)
    item = get(made, "Deployment", "web")
    item["metadata"]["uid"] = "another"
    del item["metadata"]["resourceVersion"]
    with pytest.raises(Conflict, match="UID in precondition"):
        made.replace(item)
    with pytest.raises(Conflict, match="UID in precondition"):
        made.delete(WEB, uid="another")
    assert made.get(WEB) is not None


def test_write_takes_the_generation_and_the_manager_along() -> None:
    """A spec change raises the generation; the field belongs to stratus from then on."""
    made = twin(deployment(), run_s=5)
    item = get(made, "Deployment", "web")
    item["spec"]["template"]["spec"]["containers"][0]["image"] = "172.30.0.2:5000/stratus/app:2"
    after = made.replace(item)
    assert after["metadata"]["generation"] == 2
    entry = next(e for e in after["metadata"]["managedFields"] if e["manager"] == "stratus")
    owned = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert owned == {'k:{"name":"app"}': {"f:image": {}}}
    again = made.replace(after)
    assert again["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


def test_create_of_what_is_there_is_refused() -> None:
    """AlreadyExists; and a namespace that is not there is NotFound."""
    made = twin(deployment())
    with pytest.raises(Conflict, match=r'deployments\.apps "web" already exists') as caught:
        made.create(deployment())
    assert caught.value.reason == "AlreadyExists"
    item = deployment()
    item["metadata"]["namespace"] = "none"
    with pytest.raises(NotFound, match='namespaces "none" not found'):
        made.create(item)
    with pytest.raises(NotFound, match=r'deployments\.apps "web2" not found'):
        made.delete(Ref("Deployment", SPACE, "web2", "apps/v1"), uid="")


@pytest.mark.parametrize(
    ("kind", "path", "value", "text"),
    [
        ("Deployment", ("selector",), {"matchLabels": {"app": "x"}}, "field is immutable"),
        ("Deployment", ("replicas",), -1, "must be greater than or equal to 0"),
        ("Deployment", ("template", "spec", "containers"), [], "containers: Required value"),
        ("Service", ("clusterIP",), "10.96.200.1", "may not change once set"),
        ("Service", ("ports",), [], "spec.ports: Required value"),
        ("Pod", ("nodeName",), "other", "pod updates may not change fields other than"),
    ],
)
def test_invalid_changes_are_refused(
    kind: str, path: tuple[str, ...], value: Any, text: str
) -> None:
    """422 with the API server's words, and nothing is written."""
    made = twin(deployment(), service(), run_s=10)
    name = pods(made)[0]["metadata"]["name"] if kind == "Pod" else "web"
    item = get(made, kind, name)
    node = item["spec"]
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    before = everything(made)
    with pytest.raises(Invalid, match=text.replace("*", r"\*")):
        made.replace(item)
    assert everything(made) == before


def test_dry_runs_change_nothing() -> None:
    """Answers come, but neither objects nor later names are another."""
    made, other = twin(deployment(), run_s=5), twin(deployment(), run_s=5)
    before = everything(made)
    answer = made.create(deployment("new"), dry_run=True)
    assert answer["spec"]["progressDeadlineSeconds"] == 600
    item = get(made, "Deployment", "web")
    item["spec"]["replicas"] = 9
    assert made.replace(item, dry_run=True)["spec"]["replicas"] == 9
    made.delete(WEB, uid="", dry_run=True)
    assert everything(made) == before
    for each in (made, other):
        each.apply(deployment("new"))
        each.advance(10)
    assert everything(made) == everything(other)


def test_empty_lists_and_maps_are_left_out() -> None:
    """As the real API server keeps nothing of them."""
    made = twin(deployment())
    live = get(made, "Deployment", "web")
    template = live["spec"]["template"]
    template["spec"]["nodeSelector"] = {}
    template["spec"]["containers"][0]["command"] = []
    template["metadata"]["annotations"] = {}
    after = made.replace(live)["spec"]["template"]
    assert "nodeSelector" not in after["spec"]
    assert "command" not in after["spec"]["containers"][0]
    assert "annotations" not in after["metadata"]
    assert after["spec"]["securityContext"] == {}


def test_image_of_a_living_pod_may_change() -> None:
    """The container is started anew with it."""
    made = twin(deployment(), run_s=10)
    pod = pods(made)[0]
    item = get(made, "Pod", pod["metadata"]["name"])
    item["spec"]["containers"][0]["image"] = "172.30.0.2:5000/stratus/app:2"
    made.replace(item)
    made.advance(10)
    found = get(made, "Pod", pod["metadata"]["name"])
    assert found["status"]["containerStatuses"][0]["restartCount"] == 1
    assert len(ready(made)) == 2


def test_secrets_are_shown_without_their_data() -> None:
    """Neither list nor get gives a value."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": SPACE},
        "stringData": {"password": "very-secret-word"},
    }
    made = twin(secret)
    assert "very-secret-word" not in json.dumps(listed(made, "Secret"))
    found = made.get(Ref("Secret", SPACE, "keys", "v1"))
    assert found is not None
    assert set(found) == {"apiVersion", "kind", "metadata", "type", "data"}
    assert set(found["data"]) == {"password"}
    assert is_seal(found["data"]["password"])


def test_finalizers_are_waited_for() -> None:
    """A deleted object with a finalizer stays until the finalizer is gone."""
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": SPACE, "finalizers": ["example.com/wait"]},
    }
    made = twin(config)
    ref = Ref("ConfigMap", SPACE, "c", "v1")
    made.delete(ref, uid="")
    item = made.get(ref)
    assert item is not None
    assert "deletionTimestamp" in item["metadata"]
    item["metadata"]["finalizers"] = []
    made.replace(item)
    assert made.get(ref) is None


def test_namespace_goes_with_all_that_is_in_it() -> None:
    """Terminating, no new content, then gone."""
    made = twin(deployment(), service(), run_s=10)
    made.delete(Ref("Namespace", "", SPACE, "v1"), uid="")
    with pytest.raises(Forbidden, match="because it is being terminated"):
        made.create(deployment("late"))
    made.advance(20)
    assert made.get(Ref("Namespace", "", SPACE, "v1")) is None
    assert listed(made, "Pod", None) == []
    assert listed(made, "EndpointSlice", None) == []


def quota(**hard: str) -> dict[str, Any]:
    meta = {"name": "q", "namespace": SPACE}
    plain = {name.replace("_", "."): value for name, value in hard.items()}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": plain}}


def test_quota_that_demands_a_limit() -> None:
    """FailedCreate events, ReplicaFailure on both, retries further and further apart."""
    made = twin(quota(limits_memory="1Gi"), deployment(resources={}), run_s=30)
    assert pods(made) == []
    text = "is forbidden: failed quota: q: must specify limits.memory for: app"
    for kind, name in (
        ("Deployment", "web"),
        ("ReplicaSet", listed(made, "ReplicaSet")[0]["metadata"]["name"]),
    ):
        failure = condition(get(made, kind, name), "ReplicaFailure")
        assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
        assert failure["message"].endswith(text)
    assert all(message.endswith(text) for message in messages(made, "FailedCreate"))
    made.delete(Ref("ResourceQuota", SPACE, "q", "v1"), uid="")
    made.advance(1)
    assert pods(made) == []  # the retry is 40 s away by now
    item = listed(made, "ReplicaSet")[0]
    item |= {"kind": "ReplicaSet", "apiVersion": "apps/v1"}
    item["metadata"].setdefault("annotations", {})["nudge"] = "now"
    made.replace(item)
    made.advance(10)
    assert len(ready(made)) == 2
    assert condition(get(made, "Deployment", "web"), "ReplicaFailure")["status"] == "(none)"


def test_quota_that_is_used_up() -> None:
    """The message has requested, used and limited; the quota's status tells what is used."""
    made = twin(quota(pods="1", requests_memory="1Gi"), deployment(), run_s=10)
    failure = condition(get(made, "Deployment", "web"), "ReplicaFailure")
    assert failure["message"].endswith(
        "is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    )
    status = get(made, "ResourceQuota", "q")["status"]
    assert status["used"] == {"pods": "1", "requests.memory": "32Mi"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": SPACE}}
    spec = {
        "containers": [{"name": "c", "image": "x:1", "resources": {"requests": {"memory": "1Mi"}}}]
    }
    with pytest.raises(Forbidden, match="exceeded quota: q, requested: pods=1"):
        made.create({**pod, "spec": spec}, dry_run=True)


def test_a_quota_with_scopes_counts_and_refuses_only_theirs() -> None:
    made = twin(quota(pods="3") | {"spec": {"hard": {"pods": "3"}, "scopes": ["Terminating"]}})
    box = {"containers": [{"name": "c", "image": "x:1"}]}

    def start(name: str, **more: int) -> None:
        meta = {"name": name, "namespace": SPACE}
        made.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {**box, **more}})

    for number in range(5):
        start(f"p{number}")
    for number in range(3):
        start(f"t{number}", activeDeadlineSeconds=600)
    made.advance(1)
    assert get(made, "ResourceQuota", "q")["status"]["used"] == {"pods": "3"}
    with pytest.raises(Forbidden, match="exceeded quota: q, requested: pods=1"):
        start("late", activeDeadlineSeconds=600)


def test_same_world_gives_the_same_bytes() -> None:
    """Two runs cannot be told apart."""
    first, second = (
        everything(twin(deployment(), service(), deployment("b", image="no:1"), run_s=300))
        for _ in range(2)
    )
    assert first == second
