"""The table of list keys against the OpenAPI documents of a real API server; and its merges."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.cli.clock import SystemClock
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.flow.reader import PlanReader
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.lists import list_keys, merge_key
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.plan import Refusal
from tests.cluster.bed import Bed

Item = dict[str, Any]
DEEPEST = 14
SKIPPED = ("metadata", "status")
"""The same in every kind, and never patched."""
UNPATCHED = ("Event", "Lease", "Secret", "CustomResourceDefinition", "ControllerRevision")


@pytest.fixture(scope="module")
def cluster(bed: Bed) -> LiveCluster:
    """The real cluster."""
    redactor = Redactor(b"of the tests")
    return LiveCluster(bed.kubeconfig, bed.context, timeout_s=15, redactor=redactor)


def lists(cluster: LiveCluster) -> Iterator[tuple[str, tuple[str, ...], Item]]:
    """(kind, path, schema) of every list that a person may set."""
    documents: dict[str, Item] = {}
    for kind, info in BY_KIND.items():
        if kind in UNPATCHED:
            continue
        root = "apis/" if info.group else "api/"
        if info.api_version not in documents:
            text = cluster.fetch(f"/openapi/v3/{root}{info.api_version}", {})
            documents[info.api_version] = json.loads(text)["components"]["schemas"]
        schemas = documents[info.api_version]
        version = info.api_version.rpartition("/")[2]
        wanted = {"group": info.group, "kind": kind, "version": version}
        (schema,) = [
            found
            for found in schemas.values()
            if wanted in found.get("x-kubernetes-group-version-kind", ())
        ]
        for path, found in walked(schema, schemas, ()):
            yield kind, path, found


def walked(
    schema: Item, schemas: dict[str, Item], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Item]]:
    """The lists inside a schema, by their paths of field names."""
    if len(path) > DEEPEST:
        return
    parts = [schema, *schema.get("allOf", ())]
    for part in parts:
        if "$ref" in part:
            yield from walked(schemas[part["$ref"].rpartition("/")[2]], schemas, path)
    if schema.get("type") == "array":
        yield path, schema
        yield from walked(schema["items"], schemas, path)
    for name, field in schema.get("properties", {}).items():
        if path or name not in SKIPPED:
            yield from walked(field, schemas, (*path, name))


def test_the_table_of_keys_is_that_of_the_server(cluster: LiveCluster) -> None:
    """Map keys and merge keys of every list of every kind that can be patched."""
    wrong: list[tuple[object, ...]] = []
    seen = 0
    for kind, path, schema in lists(cluster):
        seen += 1
        keys = schema.get("x-kubernetes-list-map-keys")
        merged = schema.get("x-kubernetes-patch-merge-key")
        known = list_keys(kind, path)
        if known is not None and set(known) != set(keys or (merged,)):
            wrong.append((kind, ".".join(path), "map keys", known, keys))
        if merge_key(kind, path) != merged:
            wrong.append((kind, ".".join(path), "merge key", merge_key(kind, path), merged))
    assert seen > 500
    assert not wrong, wrong


POD: Item = {
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "nodeSelector": {"disk": "ssd"},
    "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}],
    "initContainers": [{"name": "i", "image": "x"}, {"name": "j", "image": "x"}],
    "containers": [
        {
            "name": "c",
            "image": "x",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"containerPort": 80}, {"containerPort": 81}],
            "volumeMounts": [{"name": "a", "mountPath": "/a"}],
        }
    ],
    "imagePullSecrets": [{"name": "a"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
    "readinessGates": [{"conditionType": "a"}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}
    ],
}
POD_CHANGE: Item = {
    "tolerations": [{"key": "b", "operator": "Exists"}],
    "nodeSelector": {"zone": "z", "disk": None},
    "volumes": [{"name": "d", "emptyDir": {}}, {"name": "a", "$patch": "delete"}],
    "initContainers": [{"name": "j", "image": "y"}, {"name": "k", "image": "y"}],
    "containers": [
        {
            "name": "c",
            "env": [{"name": "C", "value": "3"}, {"name": "A", "value": "9"}],
            "ports": [{"containerPort": 82}, {"containerPort": 81, "name": "n"}],
            "volumeMounts": [{"mountPath": "/a", "name": "d"}],
        }
    ],
    "imagePullSecrets": [{"name": "b"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["b"]}],
    "readinessGates": [{"conditionType": "b"}],
    "topologySpreadConstraints": [
        {"maxSkew": 2, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}
    ],
}


def workload(kind: str, name: str, pod: Item) -> Item:
    selector = {"matchLabels": {"app": name}}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec: Item = {"selector": selector, "template": template}
    if kind != "DaemonSet":
        spec["replicas"] = 0
    else:
        template["spec"] = {**pod, "nodeSelector": {"disk": "never"}}
    return an(kind, name, spec=spec)


def an(kind: str, name: str, **fields: Any) -> Item:
    info = BY_KIND[kind]
    return {"apiVersion": info.api_version, "kind": kind, "metadata": {"name": name}, **fields}


TEMPLATE = {"spec": {"template": {"spec": POD_CHANGE}}}
MERGES: dict[str, tuple[Item, Item]] = {
    **{
        kind: (workload(kind, "x", POD), TEMPLATE)
        for kind in ("Deployment", "StatefulSet", "DaemonSet")
    },
    "Service": (
        an(
            "Service",
            "x",
            spec={
                "ports": [
                    {"name": "a", "port": 80},
                    {"name": "b", "port": 81, "targetPort": 8},
                ]
            },
        ),
        {
            "spec": {
                "ports": [{"port": 82, "name": "c"}, {"port": 81, "targetPort": 9}],
                "externalTrafficPolicy": None,
            }
        },
    ),
    "Role": (
        an("Role", "x", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
        {"rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]},
    ),
    "NetworkPolicy": (
        an("NetworkPolicy", "x", spec={"podSelector": {}, "ingress": [{"ports": [{"port": 1}]}]}),
        {"spec": {"ingress": [{"ports": [{"port": 2}]}]}},
    ),
    "LimitRange": (
        an("LimitRange", "x", spec={"limits": [{"type": "Container", "max": {"cpu": "1"}}]}),
        {"spec": {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]}},
    ),
    "Endpoints": (
        an(
            "Endpoints",
            "x",
            subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}],
        ),
        {"subsets": [{"addresses": [{"ip": "10.0.0.2"}], "ports": [{"port": 81}]}]},
    ),
    "ServiceAccount": (
        an("ServiceAccount", "x", imagePullSecrets=[{"name": "a"}]),
        {"imagePullSecrets": [{"name": "b"}]},
    ),
}


@pytest.fixture(scope="module")
def space(bed: Bed) -> Iterator[str]:
    """A namespace of the real cluster."""
    with bed.namespace() as namespace:
        yield namespace


@pytest.mark.parametrize("kind", MERGES)
def test_a_strategic_patch_gives_what_kubectl_would(
    bed: Bed, cluster: LiveCluster, space: str, kind: str
) -> None:
    """Ours, as the server would store it, and the server's own of the same patch, side by side."""
    item, patch = MERGES[kind]
    name = f"x-{kind.lower()}"
    meta = {"name": name, "namespace": space}
    cluster.create({**item, "metadata": meta})
    line = shlex.join(["kubectl", "patch", kind, name, "-p", json.dumps(patch)])
    found = parse_line(line, space)
    assert not isinstance(found, Refusal), found
    made = found[0].prepare(PlanReader(cluster, SystemClock()))
    assert not isinstance(made, Refusal), made
    after = dict(made[0].change.after or {})
    # Statuses of what is new are written all the time, and move the version.
    after["metadata"] = {**after["metadata"], "resourceVersion": ""}
    ours = cluster.replace(after, dry_run=True)
    theirs = json.loads(
        bed.kubectl(
            "-n",
            space,
            "patch",
            kind,
            name,
            "--dry-run=server",
            "-o",
            "json",
            "-p",
            json.dumps(patch),
        )
    )
    for both in (ours, theirs):
        for field in ("metadata", "status"):
            both.pop(field, None)
    assert ours == theirs
