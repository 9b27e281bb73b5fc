"""The table: every action, on every kind that it is for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.flow.fields import MISSING
from tests.proof import objects
from tests.proof.edits import Edit, Item, field
from tests.proof.entry import ANY, MAYBE, Entry
from tests.proof.workloads import workloads


def table() -> tuple[Entry, ...]:
    """Every entry. Their names differ."""
    return (
        *workloads(),
        *_services(),
        *_config_maps(),
        *_secrets(),
        *_policies(),
        *_rbac(),
        *_cluster(),
        *_batch(),
        *_whole_objects(),
        *_made_by_verbs(),
    )


def todays(day: int, count: int = 8) -> tuple[Entry, ...]:
    """The entries whose turn it is on a day of the year: kinds mixed, each again and again."""
    entries = sorted(table(), key=lambda entry: entry.name)
    apart = -(-len(entries) // count)
    first = day % apart
    return tuple(entries[(first + number * apart) % len(entries)] for number in range(count))


def _patched(
    name: str,
    item: Item,
    patch: object,
    expect: dict[str, Any],
    theirs: tuple[str, Any] | None = None,
    *,
    form: str = "",
    objects: tuple[Item, ...] = (),
    **more: Any,
) -> Entry:
    """A patch of one object. theirs: another value for a field of it."""
    kind, title = item["kind"], item["metadata"]["name"]
    words = f" --type={form}" if form else ""
    return Entry(
        f"{name} {kind}",
        f"{kind}/{title}",
        (f"patch {kind.lower()}/{title}{words} -p '{json.dumps(patch)}'",),
        expect,
        Edit(field(theirs[0]), theirs[1]) if theirs else None,
        objects=(item, *objects),
        **more,
    )


def _services() -> Iterator[Entry]:
    item, web = objects.service(), (objects.workload("Deployment"),)
    yield _patched(
        "selector key",
        item,
        {"spec": {"selector": {"tier": "front"}}},
        {"spec.selector.tier": "front"},
        ("spec.selector.tier", "theirs"),
        elsewhere=(Edit(field("spec.selector.theirs"), "1"),),
    )
    yield _patched(
        "target port",
        item,
        {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}},
        {"spec.ports.0.targetPort": "http"},
        ("spec.ports.0.targetPort", 8081),
        objects=web,
    )
    yield _patched(
        "another port",
        item,
        {"spec": {"ports": [{"name": "side", "port": 81, "targetPort": 8080}]}},
        {"spec.ports": ANY},
        objects=web,
    )
    yield _patched(
        "traffic policy",
        item,
        {"spec": {"internalTrafficPolicy": "Local"}},
        {"spec.internalTrafficPolicy": "Local"},
        objects=web,
    )
    yield _patched(
        "selector of nobody",
        item,
        {"spec": {"selector": {"app": "nobody"}}},
        {"spec": ANY},
        objects=web,
        verb="harm",
    )
    yield _patched(
        "backend",
        objects.ingress(),
        [
            {
                "op": "replace",
                "path": "/spec/rules/0/http/paths/0/backend/service/name",
                "value": "api",
            }
        ],
        {"spec.rules.0.http.paths.0.backend.service.name": "api"},
        ("spec.rules.0.http.paths.0.backend.service.name", "theirs"),
        form="json",
        objects=(*web, item, objects.service("api")),
    )


def _config_maps() -> Iterator[Entry]:
    item = objects.config_map()
    theirs = (Edit(field("data.THEIRS"), "1"),)
    yield _patched(
        "new key",
        item,
        {"data": {"EXTRA": "on"}},
        {"data.EXTRA": "on"},
        ("data.EXTRA", "theirs"),
        elsewhere=theirs,
    )
    yield _patched(
        "key",
        item,
        {"data": {"MODE": "slow"}},
        {"data.MODE": "slow"},
        ("data.MODE", "theirs"),
        form="merge",
        elsewhere=theirs,
    )
    yield _patched(
        "removed key",
        item,
        {"data": {"MODE": None}},
        {"data.MODE": MISSING},
        ("data.MODE", "theirs"),
        form="merge",
        elsewhere=theirs,
    )
    yield _patched(
        "field inside a value",
        item,
        [{"op": "replace", "path": "/data/app.json#/pool/size", "value": 9}],
        {"data.[app.json]": '{"pool": {"size": 9}, "debug": false}'},
        ("data.[app.json]", '{"pool": {"size": 7}, "debug": true}'),
        form="json",
        elsewhere=theirs,
        told=("#/pool/size was 5, we wrote 9, now 7",),
    )


def _secrets() -> Iterator[Entry]:
    item = objects.secret()
    old, new, other = item["data"]["password"], "bmV3LXBsYW50ZWQ=", "dGhlaXJzLXBsYW50ZWQ="
    elsewhere = (Edit(field("data.theirs"), other), Edit(field("metadata.labels.theirs"), "1"))
    told = ("data.password", "«secret:")
    patches: dict[str, tuple[object, str, dict[str, Any]]] = {
        "key": ({"data": {"password": new}}, "", {"data.password": new}),
        "removed key": ({"data": {"password": None}}, "merge", {"data.password": MISSING}),
        "renamed key": (
            [{"op": "move", "from": "/data/password", "path": "/data/pass"}],
            "json",
            {"data.password": MISSING, "data.pass": old},
        ),
    }
    for name, (patch, form, expect) in patches.items():
        yield _patched(
            name,
            item,
            patch,
            expect,
            ("data.password", other),
            form=form,
            elsewhere=elsewhere,
            told=told,
        )


def _policies() -> Iterator[Entry]:
    web = (objects.workload("Deployment"), objects.service())
    yield _patched(
        "limits",
        objects.autoscaler(),
        {"spec": {"maxReplicas": 6}},
        {"spec.maxReplicas": 6},
        ("spec.maxReplicas", 7),
        form="merge",
        objects=web,
    )
    yield _patched(
        "least available",
        objects.budget(),
        {"spec": {"minAvailable": "50%"}},
        {"spec.minAvailable": "50%"},
        ("spec.minAvailable", 0),
        form="merge",
        objects=web,
    )
    yield _patched(
        "rule",
        objects.network_policy(),
        {"spec": {"ingress": [{}]}},
        {"spec.ingress": ANY},
        form="merge",
    )
    yield _patched(
        "amount",
        objects.quota(),
        {"spec": {"hard": {"pods": "60", "configmaps": "30"}}},
        {"spec.hard.pods": "60", "spec.hard.configmaps": "30"},
        ("spec.hard.pods", "70"),
        elsewhere=(Edit(field("spec.hard.secrets"), "40"),),
    )
    yield _patched(
        "default",
        objects.limit_range(),
        [{"op": "replace", "path": "/spec/limits/0/default/memory", "value": "128Mi"}],
        {"spec.limits.0.default.memory": "128Mi"},
        ("spec.limits.0.default.memory", "256Mi"),
        form="json",
    )


def _rbac() -> Iterator[Entry]:
    yield _patched(
        "rules",
        objects.role(),
        [{"op": "add", "path": "/rules/0/verbs/-", "value": "watch"}],
        {"rules.0.verbs": ["get", "list", "watch"]},
        ("rules.0.verbs", ["get"]),
        form="json",
    )
    group = "rbac.authorization.k8s.io"
    more = {"kind": "Group", "name": "other-team", "apiGroup": group}
    yield _patched(
        "subject",
        objects.role_binding(),
        [{"op": "add", "path": "/subjects/-", "value": more}],
        {"subjects.1.name": "other-team", "subjects": ANY},
        form="json",
        objects=(objects.role(),),
    )
    yield _patched(
        "role",
        objects.role_binding(),
        {"roleRef": {"name": "other"}},
        {"roleRef.name": "other", "metadata.uid": ANY, "metadata.creationTimestamp": ANY},
        form="merge",
        objects=(objects.role(),),
        verb="anew",
    )
    yield _patched(
        "rules",
        objects.cluster_role(),
        [{"op": "add", "path": "/rules/0/verbs/-", "value": "list"}],
        {"rules.0.verbs": ["get", "list"]},
        ("rules.0.verbs", ["watch"]),
        form="json",
    )


def _cluster() -> Iterator[Entry]:
    yield _patched(
        "description",
        objects.priority_class(),
        {"description": "after"},
        {"description": "after"},
        ("description", "theirs"),
        form="merge",
    )
    yield _patched(
        "timeout",
        objects.webhook(),
        {"webhooks": [{"name": "check.proof.example", "timeoutSeconds": 3}]},
        {"webhooks.0.timeoutSeconds": 3},
        ("webhooks.0.timeoutSeconds", 9),
    )
    mark = Edit(field("metadata.labels.theirs-$NS"), "1")
    for kind, name in (("Namespace", "$NS"), ("Node", "node2")):
        subject = f"{kind}/{name}"
        yield Entry(
            f"label {kind}",
            subject,
            (f"label {kind.lower()}/{name} proof-$NS=ours",),
            {"metadata.labels.proof-$NS": "ours"},
            Edit(field("metadata.labels.proof-$NS"), "theirs"),
            elsewhere=(mark,),
        )
    yield from _nodes(mark)


def _nodes(mark: Edit) -> Iterator[Entry]:
    yield Entry(
        "taint Node",
        "Node/node2",
        ("taint node/node2 proof-$NS=ours:PreferNoSchedule",),
        {"spec.taints": ANY},
        elsewhere=(mark,),
    )
    yield Entry(
        "cordon Node",
        "Node/node2",
        ("cordon node2",),
        {"spec.unschedulable": True, "spec.taints": MAYBE},
        elsewhere=(mark,),
    )
    yield Entry(
        "uncordon Node",
        "Node/node2",
        ("uncordon node2",),
        {"spec.unschedulable": MISSING, "spec.taints": MAYBE},
        elsewhere=(mark,),
        setup=(("Node/node2", Edit(field("spec.unschedulable"), True)),),
    )


def _batch() -> Iterator[Entry]:
    yield _patched(
        "suspend",
        objects.cron_job(),
        {"spec": {"suspend": True}},
        {"spec.suspend": True},
        elsewhere=(Edit(field("spec.failedJobsHistoryLimit"), 4),),
    )
    place = "spec.jobTemplate.spec.template.spec.containers.0"
    pod = {"containers": [{"name": "report", "image": "$APP:2"}]}
    yield _patched(
        "template",
        objects.cron_job(),
        {"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}},
        {f"{place}.image": "$APP:2"},
        (f"{place}.image", "$APP:3"),
        elsewhere=(Edit(field(f"{place}.env"), [{"name": "THEIRS", "value": "1"}]),),
    )


def _whole_objects() -> Iterator[Entry]:
    made: tuple[tuple[Item, dict[str, Any], tuple[str, Any]], ...] = (
        (objects.config_map("fresh"), {"data.MODE": "fast"}, ("data.MODE", "theirs")),
        (objects.service("fresh"), {"spec.selector.app": "web"}, ("spec.selector.app", "x")),
        (objects.workload("Deployment"), {"spec.replicas": 2}, ("spec.minReadySeconds", 3)),
    )
    for item, expect, theirs in made:
        kind, name = item["kind"], item["metadata"]["name"]
        text = json.dumps({**item, "metadata": {**item["metadata"], "namespace": "$NS"}})
        for verb in ("create", "apply"):
            yield Entry(
                f"{verb} {kind}",
                f"{kind}/{name}",
                (f"{verb} -f '{text}'",),
                expect,
                Edit(field(theirs[0]), theirs[1]),
                verb="create",
                made=item,
            )
    yield Entry(
        "delete Service",
        "Service/web",
        ("delete service/web",),
        {},
        objects=(objects.service(), objects.workload("Deployment")),
        verb="harm",
    )
    for item in (objects.config_map(), objects.quota(), objects.network_policy()):
        kind, name = item["kind"], item["metadata"]["name"]
        yield Entry(
            f"delete {kind}",
            f"{kind}/{name}",
            (f"delete {kind.lower()}/{name}",),
            {},
            objects=(item,),
            verb="delete",
        )
    changed = objects.config_map(MODE="slow", EXTRA="on")
    yield Entry(
        "apply over ConfigMap",
        "ConfigMap/settings",
        (f"apply -f '{json.dumps(changed)}'",),
        {
            "data.MODE": "slow",
            "data.EXTRA": "on",
            "metadata.annotations.[kubectl.kubernetes.io/last-applied-configuration]": ANY,
        },
        Edit(field("data.MODE"), "theirs"),
        elsewhere=(Edit(field("data.THEIRS"), "1"),),
        objects=(objects.config_map(),),
    )


def _made_by_verbs() -> Iterator[Entry]:
    """What kubectl makes from another object."""
    web = (objects.service(), objects.workload("Deployment"))
    yield Entry(
        "expose Service",
        "Service/fresh",
        ("expose deployment/web --port=80 --target-port=8080 --name=fresh",),
        {"spec.selector.app": "web", "spec.ports.0.targetPort": 8080},
        Edit(field("spec.selector.app"), "theirs"),
        objects=web,
        verb="create",
        made=objects.service("fresh"),
    )
    yield Entry(
        "autoscale HorizontalPodAutoscaler",
        "HorizontalPodAutoscaler/web",
        ("autoscale deployment/web --min=2 --max=4 --cpu-percent=80",),
        {"spec.minReplicas": 2, "spec.maxReplicas": 4},
        Edit(field("spec.maxReplicas"), 7),
        objects=web,
        verb="create",
        made=objects.autoscaler(),
    )
    yield Entry(
        "set selector Service",
        "Service/web",
        ("set selector service/web app=web,tier=front",),
        {"spec.selector.tier": "front"},
        Edit(field("spec.selector.tier"), "theirs"),
        objects=(objects.service(),),
    )
    robot = objects.service_account()
    path = "spec.template.spec.serviceAccountName"
    yield Entry(
        "set serviceaccount Deployment",
        "Deployment/web",
        ("set serviceaccount deployment/web robot",),
        {path: "robot", "spec.template.spec.serviceAccount": MAYBE},
        Edit(field(path), "theirs"),
        objects=(*web, robot),
    )
