"""Custom kinds, and owners of fields that come back: on the twin and on a real cluster alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import pytest

from stratus_cli.actions.kubectl import parse, parse_line
from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.cluster.twin.clock import TwinClock
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.flow.steps import Steps, steps_of
from stratus_cli.flow.transaction import Transaction
from stratus_cli.journal.file import FileJournal
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.errors import Conflict
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref, ServedKind
from stratus_cli.model.snapshot import Scope, Snapshot
from tests.cluster.bed import Bed
from tests.cluster.client import ApiError
from tests.cluster.objects import container, deployment
from tests.flow.custom import custom, definition
from tests.flow.small import plain
from tests.flow.stand import Agreeing, Interrupted, Silent
from tests.scenarios.simulated import WORLD
from tests.scenarios.site import Site

Item = dict[str, Any]
Owned = dict[tuple[str, str], set[tuple[str, ...]]]
GROUP = "stratus.example.com"
V1 = f"{GROUP}/v1"
WIDGETS = f"widgets.{GROUP}"


class Applier(Protocol):
    """A server-side apply by somebody else. Conflict as the server says it."""

    def __call__(self, item: Item, manager: str, *, force: bool) -> None: ...


@dataclass
class Place:
    """One namespace, and what a pipeline does there."""

    site: Site
    applied: Applier


@pytest.fixture(scope="module")
def on_twin() -> Place:
    """A namespace of a twin that serves Widgets and Gadgets."""
    twin = Twin(load_world(WORLD.read_text(encoding="utf-8")))
    twin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "owners"}})
    for item in definitions():
        twin.apply(item)

    def applied(item: Item, manager: str, *, force: bool) -> None:
        twin.apply(item, manager, server_side=True, force=force)

    return Place(Site(twin, TwinClock(twin), "owners"), applied)


@pytest.fixture(scope="module")
def on_real(bed: Bed) -> Iterator[Place]:
    """A namespace of the real cluster, with the same definitions."""
    redactor = Redactor(b"of the tests")
    cluster = LiveCluster(bed.kubeconfig, bed.context, timeout_s=15, redactor=redactor)
    root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    names = [item["metadata"]["name"] for item in definitions()]
    for item in definitions():
        bed.api("POST", root, item)
    try:
        for name in names:
            bed.until(lambda name=name: _is_established(bed, f"{root}/{name}"), name)  # type: ignore[misc]
        with bed.namespace() as namespace:
            yield Place(Site(cluster, SystemClock(), namespace), _applier(bed))
    finally:
        for name in names:
            bed.api("DELETE", f"{root}/{name}")


class Promises:
    """What both must do."""

    @pytest.fixture
    def place(self) -> Place:
        """Where."""
        raise NotImplementedError

    @pytest.mark.parametrize(
        "word", [WIDGETS, f"widget.{GROUP}", f"Widget.v1.{GROUP}", f"widgets.v1.{GROUP}"]
    )
    def test_a_kind_is_found_by_its_words(self, place: Place, word: str) -> None:
        """The preferred version where none is named."""
        served = ServedKind("Widget", V1, "widgets", namespaced=True)
        assert place.site.cluster.kind_of(word) == served

    def test_other_versions_scopes_and_words(self, place: Place) -> None:
        """An older version by its name; cluster-wide kinds; what is not served."""
        kind_of = place.site.cluster.kind_of
        older = kind_of(f"widget.v1beta1.{GROUP}")
        assert older is not None
        assert older.api_version == f"{GROUP}/v1beta1"
        gadget = kind_of(f"gadgets.{GROUP}")
        assert gadget == ServedKind("Gadget", V1, "gadgets", namespaced=False)
        for word in (f"widget.v2.{GROUP}", f"gizmo.{GROUP}", "widget.nowhere.example", "widget"):
            assert kind_of(word) is None

    def test_a_custom_resource_there_and_back(self, place: Place, tmp_path: Path) -> None:
        """Patched, labelled and deleted in one transaction, and rolled back."""
        site = place.site
        spec = {"size": 1, "rules": [{"name": "a"}, {"name": "b"}]}
        site.cluster.create(custom(V1, "Widget", "w", spec, site.namespace))
        ref = Ref("Widget", site.namespace, "w", V1)
        before = plain(live(site, ref))
        patch = '\'{"spec":{"size":2,"rules":[]}}\''
        lines = [
            f"kubectl patch {WIDGETS}/w --type=merge -p {patch}",
            f"kubectl label widget.{GROUP}/w team=x",
            f"kubectl delete widget.v1.{GROUP}/w",
        ]
        with done(site, tmp_path, *lines) as transaction:
            assert site.cluster.get(ref) is None
            assert transaction.roll_back() == ()
        assert plain(live(site, ref)) == before

    def test_a_manifest_of_a_custom_kind(self, place: Place, tmp_path: Path) -> None:
        """Cluster-wide: without a namespace, wherever the line was typed."""
        site, ref = place.site, Ref("Gadget", "", f"g-{place.site.namespace}", V1)
        item = custom(V1, "Gadget", ref.name, {"a": 1}, "")
        with done(site, tmp_path, item) as transaction:
            assert live(site, ref)["spec"] == {"a": 1}
            assert transaction.roll_back() == ()
        assert site.cluster.get(ref) is None

    @pytest.mark.parametrize(
        "line",
        [
            "kubectl set image deployment/NAME web=stratus/app:2",
            "kubectl scale deployment/NAME --replicas=1",
            "kubectl set env deployment/NAME NEW=1",
            "kubectl label deployment/NAME by=us --overwrite",
            "kubectl annotate deployment/NAME note=1",
            "kubectl label deployment/NAME by-",
        ],
    )
    def test_fields_go_back_to_their_owners(self, place: Place, tmp_path: Path, line: str) -> None:
        """After do and undo managedFields name the same managers for the same fields."""
        site, name = place.site, f"d{crc32(line.encode())}"
        place.applied(wanted(site, name), "ci", force=True)
        ref = site.ref(f"Deployment/{name}")
        self._settled(site, ref)
        before = owned(live(site, ref))
        with done(site, tmp_path, line.replace("NAME", name)) as transaction:
            assert owned(live(site, ref)) != before
            assert transaction.roll_back() == ()
        assert owned(live(site, ref)) == before

    def test_the_former_manager_meets_no_conflict(self, place: Place, tmp_path: Path) -> None:
        """Before the undo its next server-side apply of another value is refused, after it not."""
        site, name = place.site, "pipeline"
        item = wanted(site, name)
        place.applied(item, "ci", force=True)
        ref = site.ref(f"Deployment/{name}")
        self._settled(site, ref)
        with done(site, tmp_path, f"kubectl scale deployment/{name} --replicas=1") as transaction:
            item["spec"]["replicas"] = 2
            with pytest.raises(Conflict, match='conflict with "stratus"'):
                place.applied(item, "ci", force=False)
            assert transaction.roll_back() == ()
        item["spec"]["minReadySeconds"], item["spec"]["replicas"] = 3, 0
        place.applied(item, "ci", force=False)
        assert live(site, ref)["spec"]["minReadySeconds"] == 3
        item["spec"]["replicas"] = 1
        place.applied(item, "ci", force=False)
        item["spec"]["replicas"] = 0
        place.applied(item, "ci", force=False)

    def test_an_object_made_again_has_its_owners(self, place: Place, tmp_path: Path) -> None:
        """All of them: the deletion's record is of every field."""
        site = place.site
        item = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": site.namespace, "labels": {"a": "b"}},
            "data": {"a": "1", "b": "2"},
        }
        place.applied(item, "ci", force=True)
        ref = site.ref("ConfigMap/c")
        before = owned(live(site, ref))
        with done(site, tmp_path, "kubectl delete configmap/c") as transaction:
            assert transaction.roll_back() == ()
        assert owned(live(site, ref)) == before

    def _settled(self, site: Site, ref: Ref) -> None:
        """Until its controller has put its annotation, which is a field with an owner, too."""
        site.until(
            lambda: (
                "deployment.kubernetes.io/revision"
                in (live(site, ref)["metadata"].get("annotations") or {})
            ),
            lambda: "the controller's mark",
        )


class TestTwin(Promises):
    """On the twin."""

    @pytest.fixture
    def place(self, on_twin: Place) -> Place:
        """The twin's namespace."""
        return on_twin


class TestReal(Promises):
    """On the real cluster."""

    @pytest.fixture
    def place(self, on_real: Place) -> Place:
        """The real cluster's namespace."""
        return on_real


class done:  # noqa: N801  # reads as a sentence: with done(...) as transaction
    """An open transaction that has made these changes; lines, or manifests to create."""

    def __init__(self, site: Site, folder: Path, *lines: str | Item) -> None:
        self._site, self._folder, self._lines = site, folder, lines

    def __enter__(self) -> Transaction:
        site = self._site
        identity = site.cluster.identity()
        redactor = Redactor(b"of the tests")
        path = self._folder / "journal.jsonl"
        self._journal = FileJournal(path, identity, redactor=redactor)
        ports = Ports(
            cluster=site.cluster,
            clock=site.clock,
            operator=Agreeing(),
            progress=Silent(),
            interrupt=Interrupted(),
            who="alice@test",
            journal=self._journal.__enter__(),
        )
        steps = self._steps(ports)
        transaction = Transaction.begin(
            ports, "tx-1", kind="mitigate", title="", incident="", plan={}, writes=len(steps.steps)
        )
        for number, step in enumerate(steps.steps, 1):
            transaction.write(number, step)
        return transaction

    def __exit__(self, *error: object) -> None:
        self._journal.__exit__(None, None, None)

    def _steps(self, ports: Ports) -> Steps:
        actions = []
        for line in self._lines:
            words = ["kubectl", "create", "-f", line]
            space = self._site.namespace
            made = parse_line(line, space) if isinstance(line, str) else parse(words, space)
            assert not isinstance(made, Refusal), made
            actions.extend(made)
        identity, now = ports.cluster.identity(), ports.clock.now()
        nothing = Snapshot(identity, now, Scope((), ()))
        steps = steps_of(actions, ports, Graph(nothing))
        assert isinstance(steps, Steps), steps
        return steps


def definitions() -> tuple[Item, ...]:
    """Widgets in two versions, and cluster-wide Gadgets."""
    return (
        definition("Widget", GROUP, "v1beta1", "v1"),
        definition("Gadget", GROUP, "v1", scope="Cluster"),
    )


def wanted(site: Site, name: str) -> Item:
    """What the pipeline has in its repository: no pods, so that nothing else moves."""
    item = deployment(name, container(), replicas=0)
    item["metadata"] |= {"namespace": site.namespace, "labels": {"app": name, "by": "ci"}}
    return item


def live(site: Site, ref: Ref) -> Item:
    """The object as it is."""
    item = site.cluster.get(ref)
    assert item is not None, f"{ref} is absent"
    return item


def owned(item: Item) -> Owned:
    """The test's own reading: (manager, operation) -> fields; times and statuses aside."""
    found: Owned = {}
    for entry in item["metadata"]["managedFields"]:
        if not entry.get("subresource"):
            fields = found.setdefault((entry["manager"], entry["operation"]), set())
            fields.update(_fields(entry["fieldsV1"], ()))
    return found


def _fields(tree: Item, path: tuple[str, ...]) -> set[tuple[str, ...]]:
    if not tree:
        return {path}
    return {leaf for key, below in tree.items() for leaf in _fields(below, (*path, key))}


def _applier(bed: Bed) -> Applier:
    plurals = {"Deployment": "apis/apps/v1", "ConfigMap": "api/v1"}

    def applied(item: Item, manager: str, *, force: bool) -> None:
        meta = item["metadata"]
        where = f"/{plurals[item['kind']]}/namespaces/{meta['namespace']}"
        path = f"{where}/{item['kind'].lower()}s/{meta['name']}"
        query = f"?fieldManager={manager}&force={str(force).lower()}"
        try:
            bed.api("PATCH", path + query, item, "application/apply-patch+yaml")
        except ApiError as error:
            if error.status != 409:
                raise
            raise Conflict(409, "Conflict", error.body.replace('\\"', '"'), path) from error

    return applied


def _is_established(bed: Bed, path: str) -> bool:
    conditions = bed.api("GET", path).get("status", {}).get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
