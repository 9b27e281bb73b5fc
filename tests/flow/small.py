"""A stand on a small world, where a transaction takes milliseconds; the tests' own reading."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import World, load_world
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.journal.file import read_entries
from stratus_cli.journal.replay import RecordedTransaction, transactions
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.normal import fields_digest
from stratus_cli.model.change import Change
from stratus_cli.model.entry import Entry
from stratus_cli.model.plan import Plan, Step
from stratus_cli.model.ports import Cluster, Limits
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import TransactionReport
from tests.fakes.faulty import FaultyCluster
from tests.flow.stand import Stand

CART = Ref("Deployment", "shop", "cart", "apps/v1")
WEB = Ref("Deployment", "shop", "web", "apps/v1")
SETTINGS = Ref("ConfigMap", "shop", "settings", "v1")
ROOM = Ref("ResourceQuota", "shop", "room", "v1")
NOTES = Ref("ConfigMap", "shop", "notes", "v1")
LEASE = Ref("Lease", "shop", "stratus", "coordination.k8s.io/v1")
Item = dict[str, Any]
NOTHING = "kubectl -n shop label configmap/settings unused=1"
NEW: Item = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "notes", "namespace": "shop"},
    "data": {"k": "v"},
}
KINDS = ("ConfigMap", "ResourceQuota", "Deployment", "Service")
# 15 s to settle: what is good here is so within 5 s, and what is not never will be.
LIMITS = Limits(watch_s=0.0, budget_s=75.0, poll_s=2.0, stability_s=2.0)
KEPT_BY_THE_SERVER = {"resourceVersion", "generation", "managedFields", "creationTimestamp", "uid"}


@cache
def world() -> World:
    return load_world(Path(__file__).with_name("small-world.yaml").read_text())


def small(folder: Path) -> Stand:
    twin = Twin(world())
    return Stand(twin, FaultyCluster(twin), folder, limits=LIMITS)


def plan_of(stand: Stand, *lines: str | Item, incident: str = "") -> Plan:
    """A plan of kubectl lines and of whole objects to create, in this order."""
    graph = Graph(stand.observe())
    typed = [line for line in lines if isinstance(line, str)]
    made = plan_from_lines(typed or [NOTHING], stand.reading(), graph, "shop")
    assert made.plan is not None, made.refusal
    planned = list(made.plan.steps)
    steps = [planned.pop(0) if isinstance(line, str) else creation(line) for line in lines]
    return replace(made.plan, incident=incident, steps=tuple(steps))


def creation(item: Item) -> Step:
    meta = item["metadata"]
    ref = Ref(item["kind"], meta["namespace"], meta["name"], item["apiVersion"])
    return Step(f"kubectl create: {ref}", Change(ref, None, item), (), fields_digest({}, ()), "")


def run(stand: Stand, *lines: str | Item, incident: str = "") -> TransactionReport:
    """One transaction of these lines."""
    plan = plan_of(stand, *lines, incident=incident)
    with stand.ports() as ports:
        return execute_plan(plan, ports, stand.observe)


def entries(stand: Stand) -> tuple[Entry, ...]:
    return read_entries(stand.folder / "journal.jsonl")


def recorded(stand: Stand) -> tuple[RecordedTransaction, ...]:
    return transactions(entries(stand))


def state(cluster: Twin) -> dict[str, Item]:
    """What people set, object by object: the test's own idea of "as before"."""
    return {
        f"{kind}/{item['metadata']['name']}": plain(item)
        for kind in KINDS
        for item in cluster.peek(kind, "shop")
    }


def plain(item: Item) -> Item:
    """Without what the server keeps."""
    kept: Item = copy.deepcopy({name: value for name, value in item.items() if name != "status"})
    meta = {k: v for k, v in kept["metadata"].items() if k not in KEPT_BY_THE_SERVER}
    notes = dict(meta.get("annotations") or {})
    notes.pop("deployment.kubernetes.io/revision", None)
    meta["annotations"] = notes
    meta["labels"] = meta.get("labels") or {}
    return {**kept, "metadata": meta}


def edit(cluster: Cluster, ref: Ref, **metadata: Item) -> None:
    """Somebody else sets labels or annotations."""
    item = cluster.get(ref)
    assert item is not None
    for name, values in metadata.items():
        item["metadata"][name] = {**(item["metadata"].get(name) or {}), **values}
    cluster.replace(item)


def get(stand: Stand, ref: Ref) -> Item:
    item = stand.twin.get(ref)
    assert item is not None
    return item
