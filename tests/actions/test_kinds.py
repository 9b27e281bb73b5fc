"""Fields of every kind that can be changed: plan, transaction, undo, and once more, on the twin."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.actions.targets import ref_named
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.paths import value_at
from stratus_cli.model.plan import Refusal
from tests.actions.lifecycle import refused, stand_of, there_and_back
from tests.actions.test_kubectl import Shelf
from tests.flow.worlds import app, world

Item = dict[str, Any]
BOX = {"name": "a", "image": "stratus/app:1"}
RBAC = "rbac.authorization.k8s.io"


def an(kind: str, name: str = "x", *, labels: Item | None = None, **fields: Any) -> Item:
    """An object of the kind, in the shop where the kind has a namespace."""
    info = BY_KIND[kind]
    meta: Item = {"name": name, **({"namespace": "shop"} if info.namespaced else {})}
    if labels:
        meta["labels"] = labels
    return {"apiVersion": info.api_version, "kind": kind, "metadata": meta, **fields}


def workload(kind: str, **pod: Any) -> Item:
    """A StatefulSet or DaemonSet of one container."""
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [BOX], **pod}}
    selector = {"matchLabels": {"app": "x"}}
    return an(kind, spec={"selector": selector, "template": template})


def hook(name: str, *, policy: str = "Fail") -> Item:
    """One webhook of a configuration."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}
    client = {"service": {"name": "hook", "namespace": "shop", "path": "/"}}
    return {
        "name": name,
        "failurePolicy": policy,
        "rules": [rule],
        "clientConfig": client,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }


HOOKS = [hook("a.shop.io"), hook("b.shop.io")]
JOB = {
    "template": {"spec": {"restartPolicy": "Never", "containers": [BOX]}},
}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
INGRESS = an(
    "Ingress",
    spec={
        "rules": [
            {
                "host": "a",
                "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]},
            }
        ]
    },
)
OPEN = [{"from": [{"podSelector": {}}], "ports": [{"port": 80, "protocol": "TCP"}]}]


def patch(kind: str, document: Any, form: str = "", *, name: str = "x") -> str:
    """A patch line."""
    word = f" --type={form}" if form else ""
    return f"kubectl patch {kind} {name}{word} -p {shlex.quote(json.dumps(document))}"


def hooked(name: str, **fields: Any) -> Item:
    return {"webhooks": [{"name": name, **fields}]}


CASES: dict[str, tuple[Item, str, dict[str, Any]]] = {
    "hpa bounds": (
        an(
            "HorizontalPodAutoscaler",
            spec={
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 1,
                "maxReplicas": 1,
            },
        ),
        patch("hpa", {"spec": {"maxReplicas": 5}}),
        {"spec.maxReplicas": 5, "spec.minReplicas": 1},
    ),
    "pdb": (
        an(
            "PodDisruptionBudget", spec={"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
        ),
        patch("pdb", {"spec": {"minAvailable": None, "maxUnavailable": 1}}, "merge"),
        {"spec.maxUnavailable": 1},
    ),
    "network policy": (
        an("NetworkPolicy", spec={"podSelector": {}, "policyTypes": ["Ingress"]}),
        patch("netpol", {"spec": {"ingress": OPEN}}),
        {"spec.ingress": OPEN},
    ),
    "network policy port": (
        an("NetworkPolicy", spec={"podSelector": {}, "ingress": OPEN}),
        patch(
            "netpol",
            [{"op": "replace", "path": "/spec/ingress/0/ports/0/port", "value": 8080}],
            "json",
        ),
        {"spec.ingress": [{**OPEN[0], "ports": [{"port": 8080, "protocol": "TCP"}]}]},
    ),
    "limit range": (
        an("LimitRange", spec={"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]}),
        patch("limits", {"spec": {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]}}),
        {"spec.limits": [{"type": "Container", "max": {"memory": "1Gi"}}]},
    ),
    "priority class": (
        an("PriorityClass", value=10, globalDefault=True),
        patch("pc", {"globalDefault": False}, "merge"),
        {"globalDefault": False, "value": 10},
    ),
    "role": (
        an("Role", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
        patch("role", [{"op": "add", "path": "/rules/0/verbs/-", "value": "list"}], "json"),
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]},
    ),
    "cluster role": (
        an("ClusterRole", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
        patch(
            f"clusterrole.{RBAC}",
            {"rules": [{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get"]}]},
        ),
        {"rules": [{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get"]}]},
    ),
    "cluster role binding": (
        an(
            "ClusterRoleBinding",
            roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"},
            subjects=[{"kind": "User", "name": "a", "apiGroup": RBAC}],
        ),
        patch(
            "clusterrolebinding", {"subjects": [{"kind": "User", "name": "b", "apiGroup": RBAC}]}
        ),
        {"subjects": [{"kind": "User", "name": "b", "apiGroup": RBAC}]},
    ),
    "validating webhook, one of two": (
        an("ValidatingWebhookConfiguration", webhooks=HOOKS),
        patch("validatingwebhookconfiguration", hooked("b.shop.io", failurePolicy="Ignore")),
        {"webhooks": [hook("a.shop.io"), hook("b.shop.io", policy="Ignore")]},
    ),
    "mutating webhook, one goes": (
        an("MutatingWebhookConfiguration", webhooks=HOOKS),
        patch("mutatingwebhookconfiguration", hooked("a.shop.io", **{"$patch": "delete"})),
        {"webhooks": [hook("b.shop.io")]},
    ),
    "admission policy": (
        an(
            "ValidatingAdmissionPolicy",
            spec={
                "failurePolicy": "Fail",
                "validations": [{"expression": "false"}],
                "variables": [{"name": "a", "expression": "1"}, {"name": "b", "expression": "2"}],
            },
        ),
        patch(
            "validatingadmissionpolicy",
            {"spec": {"variables": [{"name": "b", "expression": "3"}], "failurePolicy": "Ignore"}},
        ),
        {
            "spec.variables": [{"name": "a", "expression": "1"}, {"name": "b", "expression": "3"}],
            "spec.failurePolicy": "Ignore",
        },
    ),
    "admission policy binding": (
        an(
            "ValidatingAdmissionPolicyBinding",
            spec={"policyName": "x", "validationActions": ["Deny"]},
        ),
        patch("validatingadmissionpolicybinding", {"spec": {"validationActions": ["Audit"]}}),
        {"spec.validationActions": ["Audit"]},
    ),
    "storage class": (
        an("StorageClass", provisioner="p", reclaimPolicy="Delete"),
        "kubectl annotate sc x storageclass.kubernetes.io/is-default-class=true",
        {"provisioner": "p"},
    ),
    "persistent volume": (
        an("PersistentVolume", spec={"persistentVolumeReclaimPolicy": "Delete"}),
        patch("pv", {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}),
        {"spec.persistentVolumeReclaimPolicy": "Retain"},
    ),
    "claim": (
        an("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "1Gi"}}}),
        patch("pvc", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}),
        {"spec.resources.requests.storage": "2Gi"},
    ),
    "a service account's pull secrets": (
        an("ServiceAccount", imagePullSecrets=[{"name": "a"}]),
        patch("sa", {"imagePullSecrets": [{"name": "b"}]}),
        {"imagePullSecrets": [{"name": "b"}]},
    ),
    "cron job suspend": (
        an("CronJob", spec={"schedule": "* * * * *", "jobTemplate": {"spec": JOB}}),
        patch("cj", {"spec": {"suspend": True}}),
        {"spec.suspend": True},
    ),
    "cron job template": (
        an("CronJob", spec={"schedule": "* * * * *", "jobTemplate": {"spec": JOB}}),
        "kubectl set image cronjob/x a=stratus/app:2",
        {"spec.jobTemplate.spec.template.spec.containers[name=a].image": "stratus/app:2"},
    ),
    "ingress backend": (
        INGRESS,
        patch(
            "ing",
            [
                {
                    "op": "replace",
                    "path": "/spec/rules/0/http/paths/0/backend/service/name",
                    "value": "cart",
                }
            ],
            "json",
        ),
        {},
    ),
    "ingress class": (
        an("IngressClass", spec={"controller": "c"}),
        "kubectl annotate ingressclass x ingressclass.kubernetes.io/is-default-class=true",
        {"spec.controller": "c"},
    ),
    "endpoints by hand": (
        an("Endpoints", subsets=[{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]),
        patch("ep", {"subsets": [{"addresses": [{"ip": "10.0.0.2"}], "ports": [{"port": 81}]}]}),
        {"subsets": [{"addresses": [{"ip": "10.0.0.2"}], "ports": [{"port": 81}]}]},
    ),
    "stateful set": (
        workload("StatefulSet"),
        "kubectl set env sts/x A=1",
        {"spec.template.spec.containers[name=a].env": [{"name": "A", "value": "1"}]},
    ),
    "daemon set tolerations": (
        workload("DaemonSet", tolerations=[{"key": "a", "operator": "Exists"}]),
        patch(
            "ds",
            {"spec": {"template": {"spec": {"tolerations": [{"operator": "Exists"}]}}}},
        ),
        {"spec.template.spec.tolerations": [{"operator": "Exists"}]},
    ),
    "namespace label": (
        an("ConfigMap", data={"a": "1"}),
        "kubectl label ns shop team=a",
        {},
    ),
    "node label": (
        an("ConfigMap", data={"a": "1"}),
        "kubectl label node node1 disk=ssd",
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_field_is_changed_and_put_back(tmp_path: Path, name: str) -> None:
    item, line, wanted = CASES[name]
    stand = stand_of(tmp_path, world([*app("web"), item]))
    after = there_and_back(stand, line)
    key = f"{item['kind']}/{item['metadata'].get('namespace', '')}/x"
    assert {path: value_at(after[key], path) for path in wanted} == wanted


SPARE = "spec.template.spec."
POD_PATCHES: dict[str, tuple[Item, Item, Any]] = {
    "tolerations are one value": (
        {"tolerations": [{"key": "a", "operator": "Exists"}]},
        {"tolerations": [{"key": "b", "operator": "Exists"}]},
        [{"key": "b", "operator": "Exists"}],
    ),
    "nodeSelector is a map": (
        {"nodeSelector": {"disk": "ssd"}},
        {"nodeSelector": {"zone": "a", "disk": None}},
        {"zone": "a"},
    ),
    "affinity terms are one value": (
        {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [1]}}},
        {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [2]}}},
        {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [2]}},
    ),
    "volumes go by name": (
        {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "c"}}]},
        {"volumes": [{"name": "b", "configMap": {"name": "d"}}]},
        [{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "d"}}],
    ),
    "initContainers go by name": (
        {"initContainers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]},
        {"initContainers": [{"name": "a", "image": "2"}]},
        [{"name": "a", "image": "2"}, {"name": "b", "image": "1"}],
    ),
    "imagePullSecrets go by name": (
        {"imagePullSecrets": [{"name": "a"}]},
        {"imagePullSecrets": [{"name": "b"}]},
        [{"name": "b"}, {"name": "a"}],
    ),
    "hostAliases go by ip": (
        {"hostAliases": [{"ip": "1", "hostnames": ["a"]}]},
        {"hostAliases": [{"ip": "1", "hostnames": ["b"]}]},
        [{"ip": "1", "hostnames": ["b"]}],
    ),
    "readinessGates are one value": (
        {"readinessGates": [{"conditionType": "a"}]},
        {"readinessGates": [{"conditionType": "b"}]},
        [{"conditionType": "b"}],
    ),
}


@pytest.mark.parametrize("name", POD_PATCHES)
def test_lists_of_a_pod_template_merge_by_their_keys(name: str) -> None:
    """Of a Deployment, a StatefulSet, a DaemonSet and a CronJob alike."""
    pod, change, wanted = POD_PATCHES[name]
    (field,) = change
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "CronJob"):
        template: Item = {"template": {"spec": {"containers": [BOX], **pod}}}
        document: Item = {"template": {"spec": change}}
        path = f"{SPARE}{field}"
        if kind == "CronJob":
            template, document = ({"jobTemplate": {"spec": part}} for part in (template, document))
            path = f"spec.jobTemplate.{path}"
        found = parse_line(patch(kind, {"spec": document}), "shop")
        assert not isinstance(found, Refusal)
        made = found[0].prepare(Shelf(an(kind, spec=template)))
        assert not isinstance(made, Refusal), made
        assert made[0].change.after is not None
        assert value_at(made[0].change.after, path) == wanted


def test_a_services_ports_merge_by_number_and_protocol() -> None:
    """The strategic merge goes by the number alone, as in the API."""
    ports = [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81, "targetPort": 2}]
    found = parse_line(patch("svc", {"spec": {"ports": [{"port": 81, "targetPort": 9}]}}), "shop")
    assert not isinstance(found, Refusal)
    made = found[0].prepare(Shelf(an("Service", spec={"ports": ports})))
    assert not isinstance(made, Refusal)
    assert made[0].change.after is not None
    assert made[0].change.after["spec"]["ports"] == [ports[0], {**ports[1], "targetPort": 9}]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_rollout_undo_goes_by_controller_revisions(kind: str) -> None:
    """The template of the revision before, without the directive that it is kept with."""
    item = workload(kind)
    item["metadata"]["uid"] = "u"
    revisions = []
    for number, image in ((1, "app:0"), (2, "stratus/app:1")):
        box = {"name": "a", "image": image}
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [box]}}
        kept = an(
            "ControllerRevision",
            f"x-{number}",
            revision=number,
            data={"spec": {"template": {"$patch": "replace", **template}}},
        )
        kept["metadata"]["ownerReferences"] = [{"kind": kind, "name": "x", "uid": "u"}]
        revisions.append(kept)
    found = parse_line(f"kubectl rollout undo {kind} x", "shop")
    assert not isinstance(found, Refusal)
    made = found[0].prepare(Shelf(item, *revisions))
    assert not isinstance(made, Refusal), made
    assert made[0].change.after is not None
    assert made[0].change.after["spec"]["template"] == {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "a", "image": "app:0"}]},
    }
    assert made[0].kubectl.endswith("--to-revision=1")


def test_names_of_kinds() -> None:
    """As kubectl and people write them."""
    words = {
        "crb": None,
        "clusterrolebindings": "ClusterRoleBinding",
        "validatingwebhookconfigurations.admissionregistration.k8s.io": (
            "ValidatingWebhookConfiguration"
        ),
        "sc": "StorageClass",
        "pv": "PersistentVolume",
        "ep": "Endpoints",
        "ingressclass": "IngressClass",
    }
    for word, kind in words.items():
        ref = ref_named(word, "x", "shop")
        assert (None if isinstance(ref, Refusal) else ref.kind) == kind
        if kind is not None and not isinstance(ref, Refusal):
            assert ref.namespace == ("shop" if BY_KIND[kind].namespaced else "")


@pytest.mark.parametrize(
    ("item", "line", "told"),
    [
        (
            an("PersistentVolumeClaim", spec={}),
            "kubectl delete pvc x",
            "irreversible: a deleted PersistentVolumeClaim cannot be put back",
        ),
        (
            an("PersistentVolume", spec={}),
            "kubectl delete pv x",
            "irreversible: a deleted PersistentVolume cannot be put back",
        ),
        (an("ConfigMap"), "kubectl delete ns shop", "irreversible: a deleted Namespace"),
        (an("ConfigMap"), "kubectl delete node node1", "irreversible: a deleted Node"),
        (
            an("ConfigMap"),
            patch("ns", {"spec": {"finalizers": []}}, "merge", name="shop"),
            "finalizers are never removed",
        ),
        (
            an("ClusterRole", rules=[], aggregationRule={"clusterRoleSelectors": []}),
            patch("clusterrole", {"rules": [{"verbs": ["get"]}]}),
            "owner: the rules of /ClusterRole/x are gathered from other ClusterRoles",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, item: Item, line: str, told: str) -> None:
    assert told in refused(stand_of(tmp_path, world([*app("web"), item])), line)


def test_the_endpoints_of_a_selecting_service_are_its_controllers(tmp_path: Path) -> None:
    """What is written into them is overwritten."""
    stand = stand_of(tmp_path, world([*app("web"), an("Endpoints", "web", subsets=[])]))
    told = refused(stand, patch("ep", {"subsets": [{"ports": [{"port": 1}]}]}, name="web"))
    assert "owner: Service web makes shop/Endpoints/web" in told
    piece = stand.twin.peek("EndpointSlice", "shop")[0]["metadata"]["name"]
    told = refused(stand, patch("endpointslice", {"endpoints": []}, "merge", name=piece))
    assert "owner: endpointslice-controller.k8s.io makes" in told
