"""Faults put in and taken back through real HTTP: everything is as it was, whatever happened."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.transport import Transport
from stratus_cli.drill.api import Api
from stratus_cli.drill.case import Lab, heal, inject
from stratus_cli.drill.errors import DrillError, DrillRefused
from stratus_cli.drill.fault import Fault, Oracle, Place
from stratus_cli.drill.ground import LABEL, SANDBOX, Ground
from stratus_cli.drill.install import Access
from stratus_cli.drill.state import State, capture, differences
from stratus_cli.drill.tool import Outcome
from stratus_cli.journal.file import FileJournal
from stratus_cli.journal.replay import transactions
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.errors import StratusError
from stratus_cli.model.ref import ClusterIdentity
from tests.cluster.apiserver import ApiServer, kubeconfig, serving
from tests.cluster.apiserver import Fault as Misbehaviour

SPACE = "drill-shop"
KINDS = ("ConfigMap", "Service", "Secret", "Namespace", "NetworkPolicy", "Node")
REDACTOR = Redactor(b"of the tests, 16")
NAMES = ("a", "b", "c")


def objects() -> list[dict[str, Any]]:
    """Two namespaces, one of them ours; a node; ConfigMaps and Services in ours."""
    made: list[dict[str, Any]] = [
        item("Namespace", "", SPACE, labels={LABEL: "shop"}),
        item("Namespace", "", "kube-system", labels={SANDBOX: "true"}),
        item("Namespace", "", "default"),
        item("Node", "", "node-1", spec={"podCIDR": "10.0.0.0/24"}),
        item("ConfigMap", "default", "a", data={"theirs": "1"}),
        item("Secret", SPACE, "store", data={"password": "c2VjcmV0"}),
    ]
    for name in NAMES[:2]:
        made.append(item("ConfigMap", SPACE, name, data={"key": name, "json": '{"a": 1}'}))
        ports = [{"port": 80, "protocol": "TCP", "targetPort": 8080}]
        made.append(item("Service", SPACE, name, spec={"selector": {"app": name}, "ports": ports}))
    return made


def item(kind: str, space: str, name: str, **more: Any) -> dict[str, Any]:
    meta = {"name": name, "uid": f"{kind}-{name}", "resourceVersion": "1"}
    if space:
        meta["namespace"] = space
    meta |= {"labels": more.pop("labels")} if "labels" in more else {}
    return {"apiVersion": BY_KIND[kind].api_version, "kind": kind, "metadata": meta, **more}


class Quiet:
    """Progress that nobody hears, an interrupt that never comes, a tool that is never run."""

    requested = False

    def stage(self, name: str) -> None: ...

    def note(self, text: str) -> None: ...

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None: ...

    def run(self, *words: str, cluster: bool = False) -> Outcome:
        raise AssertionError(words)


@dataclass
class Stand:
    """A lab on the tests' own API server."""

    server: ApiServer
    lab: Lab

    def state(self) -> State:
        return capture(self.lab.ground.api, [SPACE], around=True)


@contextmanager
def stand() -> Iterator[Stand]:
    """Serving, with its journal open and the app known to be healthy."""
    with TemporaryDirectory() as name, serving(ApiServer(objects())) as server:
        folder = Path(name)
        _discoverable(server)
        http = Transport(kubeconfig(folder, server.url), None, timeout_s=5.0, redactor=REDACTOR)
        quiet = Quiet()
        ground = Ground(Api(http), SystemClock(), quiet, Access("", ""), keys=folder / "keys")
        identity = ClusterIdentity("uid", "bench", server.url, "jane")
        with FileJournal(folder / "drill.jsonl", identity, redactor=REDACTOR) as journal:
            lab = Lab(
                ground, journal, quiet, quiet, "jane", folder / "keeps", folder, lambda _: True
            )
            healthy = capture(ground.api, [SPACE])
            lab.keep("shop").save(healthy=dict(healthy.objects))
            yield Stand(server, lab)


def _discoverable(server: ApiServer) -> None:
    groups: dict[str, list[dict[str, Any]]] = {}
    for kind in KINDS:
        info = BY_KIND[kind]
        groups.setdefault(info.api_version, []).append(
            {
                "name": info.plural,
                "kind": kind,
                "namespaced": info.namespaced,
                "verbs": ["get", "list", "update"],
            }
        )
    named = [{"preferredVersion": {"groupVersion": v}} for v in groups if "/" in v]
    server.texts["/apis"] = json.dumps({"groups": named}).encode()
    for version, resources in groups.items():
        root = "/apis" if "/" in version else "/api"
        server.texts[f"{root}/{version}"] = json.dumps({"resources": resources}).encode()


def fault(*steps: Mapping[str, Any], cluster: bool = False) -> Fault:
    return Fault(
        name="f",
        app="shop",
        variant="a",
        title="t",
        family="service",
        steps=steps,
        symptom={},
        root=(Place("Service/a"),),
        oracle=Oracle(),
        cluster=cluster,
    )


changes = st.sampled_from(
    [
        {"change": "Service/a", "set": {"spec.ports[port=80].targetPort": 9999}},
        {"change": "Service/a", "set": {"spec.selector.version": "2"}},
        {"change": "ConfigMap/a", "remove": ["data.key"]},
        {"change": "ConfigMap/b", "set": {"data.json#/a": 2}},
        {"change": "Secret/store", "set": {"data.password": "b3RoZXI="}},
        {"recreate": "Service/b", "set": {"spec.selector.app": "nobody"}},
        {"delete": "ConfigMap/b"},
        {"delete": "Service/a"},
        {
            "create": {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "deny"},
                "spec": {"podSelector": {}},
            }
        },
        {"change": "/Node/node-1", "set": {"spec.unschedulable": True}},
        {"change": f"/Namespace/{SPACE}", "set": {"metadata.labels.enforce": "restricted"}},
    ]
)


@settings(max_examples=20)
@given(st.lists(changes, min_size=1, max_size=5), st.lists(changes, max_size=3), st.data())
def test_healed_is_as_before(
    steps: list[dict[str, Any]], others: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Whatever was injected, where it broke off, and what was changed meanwhile inside."""
    with stand() as here:
        before = here.state()
        breaks_at = data.draw(st.none() | st.integers(0, len(steps)))
        cut = steps if breaks_at is None else [*steps[:breaks_at], {"delete": "Service/none"}]
        attempt(here, fault(*cut, cluster=True), fails=breaks_at is not None)
        for step in others:
            if "Node" not in str(step):  # what lies outside is put back only where it was touched
                meddle(here, step)
        heal(here.lab, "shop")
        assert [str(one) for one in differences(before, here.state())] == []
        assert not here.lab.keep("shop").fault
        assert all(tx.state is not None for tx in transactions(here.lab.journal.entries()))


def attempt(here: Stand, injected: Fault, *, fails: bool) -> None:
    """Steps that change what an earlier one deleted fail, too."""
    try:
        inject(here.lab, injected)
    except StratusError:
        return
    assert not fails


def meddle(here: Stand, step: dict[str, Any]) -> None:
    """Somebody else's hand, on no record of the drill."""
    api = here.lab.ground.api
    name = step.get("change") or step.get("recreate") or step.get("delete")
    if name is None:
        return
    ref = api.ref(str(name), SPACE)
    live = api.get(ref)
    if live is None:
        return
    if "delete" in step:
        api.delete(ref)
        return
    changed = copy.deepcopy(live)
    changed["metadata"].setdefault("labels", {})["meddled"] = "yes"
    api.replace(changed)


def test_what_other_apps_have_outside_is_none_of_ours() -> None:
    """It comes and goes with their own cases, which run beside ours."""
    with stand() as here:
        api, ground = here.lab.ground.api, here.lab.ground
        before = here.state()
        for name in ("drill-hotel-shared", "drill-shop-shared", "node-2"):
            api.create(item("Node", "", name, spec={}))
        now = capture(api, [SPACE], around=True, apart=ground.others("shop"))
        found = [one.ref for one in differences(before, now)]
        assert found == ["/Node/drill-shop-shared", "/Node/node-2"]
        assert SPACE not in ground.others("shop")


def test_intents_are_on_disk_before_the_write() -> None:
    """A write that the server refuses has its intent and its failure on record."""
    with stand() as here:
        here.server.faults[f"/api/v1/namespaces/{SPACE}/services/a"] = Misbehaviour("status", 403)
        with pytest.raises(StratusError):
            inject(here.lab, fault({"delete": "ConfigMap/a"}, {"delete": "Service/a"}))
        [tx] = transactions(here.lab.journal.entries())
        assert [intent.ref.short for intent in tx.intents] == ["ConfigMap/a"]
        here.server.faults.clear()
        heal(here.lab, "shop")
        assert here.lab.ground.api.get(here.lab.ground.api.ref("ConfigMap/a", SPACE))


@pytest.mark.parametrize(
    ("step", "cluster"),
    [
        ({"change": "/Node/node-1", "set": {"spec.unschedulable": True}}, False),
        ({"delete": "default/ConfigMap/a"}, False),
    ],
)
def test_nothing_outside_is_touched(step: dict[str, Any], cluster: bool) -> None:
    """A file that does not say `cluster: true` stays inside."""
    with stand() as here:
        before = here.state()
        with pytest.raises(DrillRefused):
            inject(here.lab, fault(step, cluster=cluster))
        assert differences(before, here.state()) == []
        heal(here.lab, "shop")


def test_a_cluster_that_is_no_sandbox_is_refused() -> None:
    """Without the label on kube-system no fault goes outside."""
    with stand() as here:
        system = next(i for i in here.server.items if i["metadata"]["name"] == "kube-system")
        system["metadata"]["labels"] = {}
        with pytest.raises(DrillRefused, match=SANDBOX):
            inject(here.lab, fault({"delete": "ConfigMap/a"}, cluster=True))
        assert not here.lab.keep("shop").fault


def test_a_namespace_of_somebody_else_is_refused() -> None:
    """One without the drill's label is neither filled nor removed."""
    with stand() as here:
        ours = next(i for i in here.server.items if i["metadata"]["name"] == SPACE)
        del ours["metadata"]["labels"]
        for act in (
            lambda: here.lab.ground.ensure(SPACE, "shop"),
            lambda: here.lab.ground.remove("shop"),
        ):
            with pytest.raises(DrillRefused, match="drill"):
                act()
        assert here.lab.ground.api.get(here.lab.ground.api.ref("ConfigMap/a", SPACE))


def test_a_password_is_not_in_the_journal_and_comes_back() -> None:
    """The journal masks it; what is kept for healing has it, and only its owner may read that."""
    with stand() as here:
        inject(here.lab, fault({"change": "Secret/store", "set": {"data.password": "b3RoZXI="}}))
        written = Path(here.lab.journal.path).read_text()
        assert "c2VjcmV0" not in written
        assert "b3RoZXI=" not in written
        keep = here.lab.keep("shop")
        assert keep.path.stat().st_mode & 0o077 == 0
        again = here.lab.keep("shop")  # as another process would find it
        assert again.fault == "f/shop/a"
        heal(here.lab, "shop")
        found = here.lab.ground.api.get(here.lab.ground.api.ref("Secret/store", SPACE))
        assert found is not None
        assert found["data"] == {"password": "c2VjcmV0"}


def test_a_step_on_what_is_not_there_is_an_error_of_the_lab() -> None:
    """No silent half injection."""
    with stand() as here, pytest.raises(DrillError, match="not there"):
        inject(here.lab, fault({"change": "Service/z", "set": {"spec.x": 1}}))
