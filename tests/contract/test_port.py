"""The port Cluster keeps its promises on the twin and on a real cluster alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.cluster.twin.clock import TwinClock
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.errors import ClusterAnswer, Conflict, Forbidden, Invalid, NotFound
from stratus_cli.model.ref import Ref
from tests.cluster.bed import Bed
from tests.cluster.objects import container, deployment, pod, service
from tests.scenarios.simulated import WORLD
from tests.scenarios.site import Site
from tests.scenarios.state import REVISION

Item = dict[str, Any]


@pytest.fixture(scope="module")
def on_twin() -> Site:
    """An empty namespace of a twin."""
    twin = Twin(load_world(WORLD.read_text(encoding="utf-8")))
    meta = {"name": "port"}
    twin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    return Site(twin, TwinClock(twin), "port")


@pytest.fixture(scope="module")
def on_real(bed: Bed) -> Iterator[Site]:
    """An empty namespace of the real cluster."""
    redactor = Redactor(b"of the tests")
    cluster = LiveCluster(bed.kubeconfig, bed.context, timeout_s=15, redactor=redactor)
    with bed.namespace() as namespace:
        yield Site(cluster, SystemClock(), namespace)


class Promises:
    """What both must do. Each test makes objects of its own name."""

    @pytest.fixture
    def site(self) -> Site:
        """Where."""
        raise NotImplementedError

    def test_what_is_there_is_not_made_again(self, site: Site) -> None:
        """A second create is AlreadyExists."""
        site.create(config("twice"))
        with pytest.raises(Conflict) as caught:
            site.create(config("twice"))
        assert caught.value.reason == "AlreadyExists"

    def test_stale_and_foreign_writes_are_refused(self, site: Site) -> None:
        """An old resourceVersion, another uid, an object that is not there."""
        made = site.create(config("stale"))
        site.cluster.replace({**made, "data": {"a": "2"}})
        with pytest.raises(Conflict):
            site.cluster.replace({**made, "data": {"a": "3"}})
        foreign = {**made, "metadata": {**made["metadata"], "uid": "11111111-2222"}}
        foreign["metadata"].pop("resourceVersion")
        with pytest.raises((Conflict, Invalid)):
            site.cluster.replace(foreign)
        gone = {**made, "metadata": {**made["metadata"], "name": "never-there"}}
        with pytest.raises(NotFound):
            site.cluster.replace(gone)
        live = site.cluster.get(site.ref("ConfigMap/stale"))
        assert live is not None
        assert live["data"] == {"a": "2"}

    def test_deletes_have_preconditions(self, site: Site) -> None:
        """Another uid, an old version, and nothing there."""
        made = site.create(config("kept"))
        ref, meta = site.ref("ConfigMap/kept"), made["metadata"]
        newer = site.cluster.replace({**made, "data": {"a": "2"}})
        with pytest.raises(Conflict):
            site.cluster.delete(ref, uid="11111111-2222")
        with pytest.raises(Conflict):
            site.cluster.delete(ref, uid=meta["uid"], resource_version=meta["resourceVersion"])
        version = newer["metadata"]["resourceVersion"]
        site.cluster.delete(ref, uid=meta["uid"], resource_version=version)
        assert site.cluster.get(ref) is None
        with pytest.raises(NotFound):
            site.cluster.delete(ref, uid=meta["uid"])

    def test_dry_runs_change_nothing(self, site: Site) -> None:
        """Create, replace and delete answer, and leave everything as it is."""
        answer = site.cluster.create(in_space(site, config("dry-new")), dry_run=True)
        assert answer["metadata"]["name"] == "dry-new"
        assert site.cluster.get(site.ref("ConfigMap/dry-new")) is None
        made = site.create(config("dry"))
        answer = site.cluster.replace({**made, "data": {"a": "2"}}, dry_run=True)
        assert answer["data"] == {"a": "2"}
        site.cluster.delete(site.ref("ConfigMap/dry"), uid=made["metadata"]["uid"], dry_run=True)
        live = site.cluster.get(site.ref("ConfigMap/dry"))
        assert live == made

    def test_what_cannot_be_is_invalid(self, site: Site) -> None:
        """An immutable selector, a Service without a port number."""
        made = site.create(idle("fixed"))
        made["spec"]["selector"] = {"matchLabels": {"app": "other"}}
        made["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
        with pytest.raises(Invalid):
            replaced(site, made)
        front = service("bad-port")
        front["spec"]["ports"] = [{"port": 0}]
        with pytest.raises(Invalid):
            site.create(front)

    def test_nothing_is_kept_of_empty_values(self, site: Site) -> None:
        """null, {} and [] in what is optional."""
        made = site.create(idle("empty"))
        template = made["spec"]["template"]["spec"]
        template |= {"nodeSelector": {}, "tolerations": [], "hostname": None}
        template["containers"][0]["command"] = []
        after = replaced(site, made)["spec"]["template"]["spec"]
        assert not {"nodeSelector", "tolerations", "hostname"} & set(after)
        assert "command" not in after["containers"][0]

    def test_the_generation_counts_wishes(self, site: Site) -> None:
        """A change of the spec moves it, and of a Deployment's annotations; labels do not."""
        ref = site.ref("Deployment/counted")
        site.create(idle("counted"))
        site.until(lambda: REVISION in marks(site, ref), lambda: "the controller's mark")
        made = site.cluster.get(ref)
        assert made is not None
        assert made["metadata"]["generation"] == 1
        assert replaced(site, made)["metadata"]["generation"] == 1
        made["metadata"]["labels"] = {"a": "b"}
        assert replaced(site, made)["metadata"]["generation"] == 1
        made["spec"]["minReadySeconds"] = 1
        assert replaced(site, made)["metadata"]["generation"] == 2
        made["metadata"]["annotations"]["a"] = "b"
        assert replaced(site, made)["metadata"]["generation"] == 3

    def test_the_field_manager_is_named(self, site: Site) -> None:
        """managedFields say who wrote."""
        made = site.create(config("ours"))
        managers = {entry["manager"] for entry in made["metadata"]["managedFields"]}
        assert managers == {"stratus"}

    def test_an_address_is_given_and_stays(self, site: Site) -> None:
        """A Service keeps its clusterIP over a write that does not name it."""
        made = site.create(service("front"))
        address = made["spec"]["clusterIP"]
        assert address
        made["spec"].pop("clusterIP")
        made["spec"].pop("clusterIPs", None)
        assert replaced(site, made)["spec"]["clusterIP"] == address

    def test_a_quota_refuses_a_pod(self, site: Site) -> None:
        """Forbidden, in words that name the quota and what it demands."""
        hard = {"hard": {"limits.cpu": "1"}}
        site.create(
            {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": hard}
        )

        def refusal() -> str:
            """A new quota counts when the API server's cache has it, a moment later."""
            try:
                site.cluster.create(in_space(site, pod("refused", container())), dry_run=True)
            except Forbidden as error:
                return error.what
            return ""

        site.until(lambda: bool(refusal()), lambda: "the quota to refuse")
        assert "failed quota: q: must specify limits.cpu" in refusal()
        with pytest.raises(Forbidden):
            site.create(pod("refused", container()))
        quota = site.cluster.get(site.ref("ResourceQuota/q"))
        assert quota is not None
        site.cluster.delete(site.ref("ResourceQuota/q"), uid=quota["metadata"]["uid"])

    def test_orphans_stay_and_dependents_go(self, site: Site) -> None:
        """orphan=True leaves the ReplicaSet; without it, it goes."""
        for name, orphan in (("leaves", True), ("takes", False)):
            made = site.create(idle(name))
            site.until(lambda name=name: sets(site, name), lambda: "ReplicaSet")  # type: ignore[misc]
            ref, uid = site.ref(f"Deployment/{name}"), made["metadata"]["uid"]
            site.cluster.delete(ref, uid=uid, orphan=orphan)
            site.until(lambda ref=ref: site.cluster.get(ref) is None, lambda: "gone")  # type: ignore[misc]
        site.until(lambda: not sets(site, "takes"), lambda: "ReplicaSet gone")
        [left] = [item for item in site.items("ReplicaSet") if of(item, "leaves")]
        assert not left["metadata"].get("ownerReferences")

    def test_evictions_ask_the_budget(self, site: Site) -> None:
        """429 while it has no room, dry or not; with room the pod goes."""
        ref, budget = site.ref("Pod/evicted"), site.ref("PodDisruptionBudget/evicted")
        made = site.create(labelled(pod("evicted", container()), app="evicted"))
        uid = made["metadata"]["uid"]
        site.create(budget_of("evicted", least=1))
        site.until(lambda: healthy(site, budget, allowed=0), lambda: "the budget counted")
        for dry_run in (True, False):
            with pytest.raises(ClusterAnswer, match="violate the pod's disruption budget") as told:
                site.cluster.delete(ref, uid=uid, evict=True, dry_run=dry_run)
            assert (told.value.status, told.value.reason) == (429, "TooManyRequests")
        live = site.cluster.get(budget)
        assert live is not None
        site.cluster.replace({**live, "spec": {**live["spec"], "minAvailable": 0}})
        site.until(lambda: healthy(site, budget, allowed=1), lambda: "the budget has room")
        site.cluster.delete(ref, uid=uid, evict=True, dry_run=True)
        assert site.cluster.get(ref) is not None
        site.cluster.delete(ref, uid=uid, evict=True)
        site.until(lambda: site.cluster.get(ref) is None, lambda: "the pod gone")
        assert site.cluster.allowed("evict", ref) is True

    def test_logs_of_nothing_are_not_found(self, site: Site) -> None:
        """Of a pod that is not there."""
        with pytest.raises(NotFound):
            site.cluster.logs(site.ref("Pod/never-there"), "web", previous=False, lines=3)


class TestTwin(Promises):
    """On the twin."""

    @pytest.fixture
    def site(self, on_twin: Site) -> Site:
        """The twin's namespace."""
        return on_twin


class TestReal(Promises):
    """On the real cluster."""

    @pytest.fixture
    def site(self, on_real: Site) -> Site:
        """The real cluster's namespace."""
        return on_real


def config(name: str) -> Item:
    """A small ConfigMap."""
    meta = {"name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}}


def labelled(item: Item, **labels: str) -> Item:
    """The object with labels."""
    return {**item, "metadata": {**item["metadata"], "labels": labels}}


def budget_of(name: str, *, least: int) -> Item:
    """A PodDisruptionBudget over the pods with this label app."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": name}}},
    }


def healthy(site: Site, budget: Ref, *, allowed: int) -> bool:
    """Whether the budget has counted one ready pod, and lets so many go."""
    status = (site.cluster.get(budget) or {}).get("status") or {}
    return (status.get("currentHealthy"), status.get("disruptionsAllowed")) == (1, allowed)


def idle(name: str) -> Item:
    """A Deployment that wants no pods."""
    return deployment(name, container(), replicas=0)


def in_space(site: Site, item: Item) -> Item:
    """The object with its namespace."""
    return {**item, "metadata": {**item["metadata"], "namespace": site.namespace}}


def replaced(site: Site, item: Item) -> Item:
    """PUT over whatever version there is: controllers write statuses meanwhile."""
    meta = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
    return site.cluster.replace({**item, "metadata": meta})


def sets(site: Site, name: str) -> bool:
    """Whether the Deployment has a ReplicaSet."""
    return any(of(item, name) for item in site.items("ReplicaSet"))


def marks(site: Site, ref: Ref) -> Item:
    """The annotations of an object."""
    live = site.cluster.get(ref)
    found: Item = ((live or {}).get("metadata") or {}).get("annotations") or {}
    return found


def of(item: Item, name: str) -> bool:
    """Whether it carries the label of the Deployment."""
    return bool(item["metadata"]["labels"]["app"] == name)
