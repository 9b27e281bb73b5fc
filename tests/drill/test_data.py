"""Each fault file fits the apps that it names: objects and fields exist, and a step changes one."""

from __future__ import annotations

import base64
import copy
import functools
from dataclasses import replace
from typing import Any

import pytest
import yaml

from stratus_cli.drill import app as apps
from stratus_cli.drill import fault as faults
from stratus_cli.drill.certificates import FILES
from stratus_cli.drill.fault import Fault, Place
from stratus_cli.drill.injection import edited
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT

Item = dict[str, Any]
World = dict[str, Item]
TEMPLATE_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
CLUSTER_SCOPED = (
    *("PersistentVolume", "IngressClass", "ClusterRole", "CustomResourceDefinition"),
    *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
)
OPERATED = "StatefulSet/kv"  # what the operator makes
AROUND = ("/Node/node-1", "/Node/node-2", "kube-system/ConfigMap/coredns")


def values(app: str) -> dict[str, Any]:
    """The built-in variables. Certificates: any text, here."""
    return {
        **{name: base64.b64encode(name.encode()).decode() for name in FILES},
        "app": app,
        "namespace": f"drill-{app}",
        "tenant": f"drill-{app}-tenant",
        "image": "python:3.11-slim",
        "node": "node-1",
        "other_node": "node-2",
        "nodes": 2,
        "nodes_plus_1": 3,
    }


def manifests(name: str) -> list[Item]:
    """The objects of an app; of a chart, with the things filled in that its templates ask."""
    app = apps.load(name)
    found = app.manifests(values(name))
    if app.install == "helm":
        for path in app.folder.joinpath("chart", "templates").iterdir():
            text = path.read_text(encoding="utf-8")
            text = text.replace("{{ .Values.image }}", "python:3.11-slim")
            text = text.replace("{{ .Release.Namespace }}", f"drill-{name}")
            assert "{{" not in text, path
            found.extend(yaml.safe_load_all(text))
    return [apps.program(), *found]


def world(name: str) -> World:
    """A copy of the objects by "namespace/Kind/name"."""
    return dict(_world(name))  # nothing changes an object in place


@functools.cache
def _world(name: str) -> World:
    """With the nodes and namespaces that are there anyway."""
    found: World = {}
    for item in manifests(name):
        space = "" if item["kind"] in CLUSTER_SCOPED else f"drill-{name}"
        key = f"{space}/{item['kind']}/{item['metadata']['name']}"
        assert key not in found, key
        found[key] = item
    tenant = f"drill-{name}-tenant"
    own = (f"/Namespace/drill-{name}", f"/Namespace/{tenant}", f"{tenant}/ServiceAccount/default")
    for key in (*AROUND, *own):
        _, kind, label = key.split("/")
        found[key] = {"kind": kind, "metadata": {"name": label}, "spec": {}}
    found["kube-system/ConfigMap/coredns"]["data"] = {"Corefile": ""}
    return found


def key(fault: Fault, ref: str) -> str:
    ref = ref.replace("KeyValueStore.kv.example.com/", "KeyValueStore/")
    return ref if ref.count("/") == 2 else f"drill-{fault.app}/{ref}"


def created(fault: Fault, item: Item) -> str:
    """The key of an object that a step makes."""
    own = "" if item["kind"] in CLUSTER_SCOPED else f"drill-{fault.app}"
    space = item["metadata"].get("namespace", own)
    return f"{space}/{item['kind']}/{item['metadata']['name']}"


def after(fault: Fault) -> World:
    """The world when the steps were made. AssertionError: a step does not fit."""
    made = world(fault.app)
    for step in fault.steps:
        verb, target = next(iter(step.items()))
        if verb == "create":
            made[created(fault, target)] = target
            continue
        if verb == "wait_s":
            continue
        name = key(fault, target)
        if verb == "wait_field" and target == OPERATED:
            continue
        assert name in made, f"{fault.id}: there is no {name}"
        if verb in {"change", "recreate"}:
            before = _served(made[name])
            made[name] = edited(before, step)
            assert made[name] != before, f"{fault.id}: {name} stays as it is"
        elif verb == "delete":
            del made[name]
        elif verb == "call":
            ports = [port["port"] for port in made[name]["spec"]["ports"]]
            assert step["port"] in ports, f"{fault.id}: {name} has ports {ports}"
    return made


def _served(item: Item) -> Item:
    """As the API server gives it: a port without a protocol is TCP."""
    made = copy.deepcopy(item)
    spec = made.get("spec") or {}
    template = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    for ports in (spec.get("ports") or (), *(c.get("ports") or () for c in template)):
        for port in ports:
            port.setdefault("protocol", "TCP")
    return made


def is_place(place: Place, fault: Fault, faulty: World, healthy: World) -> bool:
    """Whether a place is one of the faulty state, or was one of the healthy state."""
    name = key(fault, place.ref)
    if place.ref.startswith("Pod/"):  # it has a name that the cluster made: its template has it
        name = key(fault, place.ref.replace("Pod/", "Deployment/").removesuffix("-*"))
        place = replace(place, field=place.field.replace("spec.", "spec.template.spec.", 1))
    before, now = healthy.get(name), faulty.get(name)
    if not place.field:
        return before is not None or now is not None
    found = (value_at(_served(item), place.field) for item in (before, now) if item)
    return any(value is not ABSENT for value in found)


CASES = [case for name in faults.names() for case in faults.load(name, values)]


@pytest.mark.parametrize("fault", CASES, ids=lambda case: case.id)
def test_what_others_depend_on_is_disturbed_alone(fault: Fault) -> None:
    """Nodes, kube-system, and what is called the same whichever app it belongs to."""
    own = (f"/Namespace/drill-{fault.app}", f"drill-{fault.app}")
    named = [place.ref for place in (*fault.root, *fault.acceptable)]
    for step in fault.steps:
        _, target = next(iter(step.items()))
        if isinstance(target, dict):
            named.append(created(fault, target))
        elif isinstance(target, str):
            named.append(target)
    keys = (key(fault, ref) for ref in named if "/" in ref)
    common = [
        name
        for name in keys
        if not name.startswith(own) and not name.split("/")[2].startswith(f"drill-{fault.app}-")
    ]
    assert fault.alone == bool(common), common


@pytest.mark.parametrize("app", apps.names())
def test_selectors_and_references(app: str) -> None:
    """Each Service has pods, and what pods mount or read is there."""
    objects = world(app)
    kinds = {name.split("/", 1)[1] for name in objects}
    pods = [
        item["spec"]["template"] for item in objects.values() if item["kind"] in TEMPLATE_WORKLOADS
    ]
    for name, item in objects.items():
        if item["kind"] == "Service":
            wanted = item["spec"]["selector"].items()
            backing = [pod for pod in pods if wanted <= pod["metadata"]["labels"].items()]
            assert len(backing) == 1, name
            declared = [
                p["containerPort"] for c in _containers(backing[0]) for p in c.get("ports", ())
            ]
            assert {port["targetPort"] for port in item["spec"]["ports"]} <= {*declared}, name
    for pod in pods:
        for volume in pod["spec"]["volumes"]:
            if "configMap" in volume:
                assert f"ConfigMap/{volume['configMap']['name']}" in kinds
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert f"PersistentVolumeClaim/{claim}" in kinds
        for container in _containers(pod):
            for variable in container.get("env") or ():
                source = (variable.get("valueFrom") or {}).get("secretKeyRef")
                assert source is None or f"Secret/{source['name']}" in kinds


@pytest.mark.parametrize("app", apps.names())
def test_addresses_are_served(app: str) -> None:
    """Each address in a container's environment is a Service of the app and one of its ports."""
    objects = world(app)
    served = {
        f"{item['metadata']['name']}:{port['port']}"
        for item in objects.values()
        if item["kind"] == "Service"
        for port in item["spec"]["ports"]
    }
    for item in objects.values():
        if item["kind"] in TEMPLATE_WORKLOADS:
            for container in _containers(item["spec"]["template"]):
                for variable in container.get("env") or ():
                    if variable["name"].endswith(("_ADDR", "_ADDRESS")):
                        assert variable["value"] in served, item["metadata"]["name"]


@pytest.mark.parametrize("app", apps.names())
def test_pods_are_small_and_probed(app: str) -> None:
    """Two cores carry all of it: at most 10m of CPU asked, probes set, a pod ends in a second."""
    for item in world(app).values():
        if item["kind"] in TEMPLATE_WORKLOADS:
            spec = item["spec"]["template"]["spec"]
            assert spec["terminationGracePeriodSeconds"] == 1
            assert item["spec"].get("replicas", 1) in {1, 2}
            for container in spec["containers"]:
                asked = container["resources"]["requests"]
                assert int(asked["cpu"].removesuffix("m")) <= 10
                assert int(asked["memory"].removesuffix("Mi")) <= 64
                assert container["readinessProbe"]
                assert container["livenessProbe"]


@pytest.mark.parametrize("app", apps.names())
def test_front_door_and_load_exist(app: str) -> None:
    """The front door is a Service's port, and the load generator a workload."""
    told, objects = apps.load(app), world(app)
    service = objects[f"drill-{app}/Service/{told.front_door['service']}"]
    assert told.front_door["port"] in [port["port"] for port in service["spec"]["ports"]]
    assert f"drill-{app}/{told.load}" in objects


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_fault_fits_its_app(case: Fault) -> None:
    """Steps find what they change, and each root, symptom and exception is a place."""
    healthy, faulty = world(case.app), after(case)
    assert case.root
    assert case.symptom.keys() - {"within_s"}
    for place in (*case.root, *case.also, *case.forbidden):
        for choice in (place, *place.or_):
            assert is_place(choice, case, faulty, healthy), f"{choice.ref} {choice.field}"
    for place in case.acceptable:
        if "*" not in place.ref and place.ref != OPERATED:
            assert is_place(place, case, faulty, healthy), f"{place.ref} {place.field}"
    for name in ("not_ready", "no_endpoints"):
        for ref in case.symptom.get(name, ()):
            assert ref == OPERATED or key(case, ref) in {**healthy, **faulty}, ref
    if case.oracle.survives:
        assert key(case, case.oracle.survives) in healthy


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_only_cluster_faults_leave_the_namespaces(case: Fault) -> None:
    """A fault that writes outside the drill's namespaces says so."""
    own = {f"drill-{case.app}", f"drill-{case.app}-tenant"}
    written = set()
    for step in case.steps:
        verb, target = next(iter(step.items()))
        if verb == "create":
            written.add(created(case, target).split("/")[0])
        elif verb in {"change", "recreate", "delete"}:
            written.add(key(case, target).split("/")[0])
    assert case.cluster or written <= own


def test_variants_differ() -> None:
    """No two cases have one id."""
    ids = [case.id for case in CASES]
    assert len(ids) == len({*ids})


def _containers(pod: Item) -> list[Item]:
    spec = pod["spec"]
    found: list[Item] = [*(spec.get("initContainers") or ()), *spec["containers"]]
    return found


@pytest.mark.parametrize("case", faults.load("shadowed-env", values), ids=lambda case: case.id)
def test_a_shadowed_variable_is_all_that_differs(case: Fault) -> None:
    """The list is the healthy one with one name more than once."""
    name = f"drill-{case.app}/Deployment/{case.variant}"
    healthy, faulty = (_containers(w[name]["spec"]["template"])[-1]["env"]
                       for w in (world(case.app), after(case)))  # fmt: skip
    assert faulty[:-1] == healthy
    assert faulty[-1]["name"] in {variable["name"] for variable in healthy}
