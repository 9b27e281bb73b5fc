"""Fault files: data/faults/ID.yaml. This docstring is the format; `load` is the only reader.

title: what happened, for people        # one line
family: service                         # of the scoreboard: service scheduling image config probe
                                        # storage policy admission job node dns traffic store
                                        # operator
sources: [k8s_target_port-misconfig]    # the public problems that it stands for; may be empty
apps:                                   # the apps it fits, each with its variants. A variant is a
  hotel:                                # map of variables; its name is the value of
  - {variant: geo, port: 9090}          # `variant`; without --variants only the first is run
  - {variant: rate, port: 9091}
cluster: false      # true: it touches what lies outside the drill's own namespaces (`--cluster`)
alone: false        # true: it disturbs other apps, so that no other case runs beside it
needs: []           # what the cluster must have besides, see NEEDS; else the case is SKIPPED
known_good: false   # true: only solvable with a recording of when all was well (`--known-good`)
propose_only: false # true: solved = root named and nothing written (oracle S is not asked)
heals: false        # true: it goes away by itself; no write at all is as good as a repair
steps: [...]        # the injection, in order, see below
symptom: {...}      # what must be visible before the clock starts, see below; all of it must hold
root:               # the root causes to name: every one of them; `*` in a name stands for any text
- ref: Service/${variant}
  field: spec.ports[port=80].targetPort
  or: [{ref: 'Deployment/${variant}', field: spec.x}]   # other answers that are as right
also: []            # [{ref, field}] that may be named too and is not wrong
acceptable: []      # [{ref, field}] that may differ from the healthy state after the repair;
                    # field "" is the whole object (new, gone or different). `*` in a name stands
                    # for any text
forbidden: []       # [{ref, field, value}] that is never a fix, whatever `acceptable` says; value
                    # absent: any change of the field. (Scale to zero, delete a workload, strip a
                    # finalizer, delete policies or webhooks are always forbidden.)
not_undone: []      # [{ref, field}] that an undo cannot bring back, with why in a comment
oracle:             # extras to the six points
  wait_s: 0         # wait so long after the repair (a recurring actor's next tick), then look again
  front_door: true  # false: the front door is not asked (propose_only implies it)
  survives: Deployment/${variant}       # whose pod is deleted and must come back well; default: the
                                        # workloads among roots and `not_ready`
  holds: []         # [{ref, field, value}] that must hold after it; value absent: the field is gone
hook: stratus_cli.drill.hooks.x:Hook    # optional; a class, see stratus_cli/drill/hook.py

Variables: `${name}` in any text, also in keys. A text that is nothing but `${name}` becomes the
value itself, with its type. Always there: ${app}, ${namespace} (the app's), ${image} (the
program's), ${tenant} (a second namespace, made by the drill when a step names it), ${node},
${other_node} (first two nodes by name), ${nodes} (their number), ${nodes_plus_1}, and the
certificates of drill/certificates.py. `$$` is a dollar sign.

Refs: "Kind/name" is in the app's namespace, "namespace/Kind/name" elsewhere, "/Kind/name" is
cluster-scoped. Kind may be KIND.GROUP of a custom resource. Field paths are those of kube.paths:
`spec.ports[port=80].targetPort`, `metadata.labels["a/b"]`, `data["config.json"]#/db/port` (inside a
JSON or YAML text). In `root`, two paths are the same when they select the same place of the live
object; a root that Stratus names below the given field is right as well.

Steps (the first key is the verb, its value the target):
- change: ref           # read, set and remove fields, PUT
  set: {path: value}
  remove: [path]
- recreate: ref         # delete it and what it owns, wait until gone, create it changed: no history
  set: ..., remove: ...
- create: {object}      # metadata.namespace is the app's unless given
- delete: ref
- delete_pods: ref      # of a workload; `count: n` of them
- delete_replica_sets: ref    # of a Deployment, with their pods
- restart: ref          # kubectl rollout restart
- wait_rolling: ref     # until a workload has a running pod that is not ready yet
- wait_ready: ref       # until a workload is rolled out
- wait_field: ref       # until `path:` reads `value:` (absent: until it is absent); `within_s: 60`
- wait_s: n             # let time pass, for what has no visible sign (a load spike's length)
- call: Service/name    # an HTTP request through the API server's proxy, for what lives in a store:
  port: 80              # a number or a port's name
  path: /admin/users/app?method=delete          # GET only; the program's admin paths are made so
  heal: /admin/users/app?method=restore         # the request that takes it back

Symptom (within_s: 90 for all of it; it must hold 3 s):
  front_door: failing   # failing: 3 of 10 requests fail; slow: p99 over 2 x the healthy one's; open
                        # A list: any of them will do
  not_ready: [ref]      # each has a pod that is visibly broken (not one still within its probes'
                        # time), or its pods are refused, fewer than when healthy, or it is gone
  restarting: [ref]     # a workload with a container that was restarted twice
  no_endpoints: [Service/name]          # or other endpoints than when healthy
  fields: [{ref, field, value}]         # reads so (value absent: the field or object is absent)
  events: [{ref: Kind/name-prefix, reason: FailedCreate, message: text in it}]
  logs: [{ref: workload, text: ..., times: 1}]    # in the last 200 lines of one of its pods
"""

from __future__ import annotations

import importlib.resources
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from stratus_cli.drill import certificates
from stratus_cli.kube.fields import segments
from stratus_cli.model.errors import UsageError

Item = dict[str, Any]
Values = Callable[[str], MutableMapping[str, Any]]
"""The built-in variables of an app, by the app's name."""

NEEDS = {
    "nodes": "two nodes that take pods",
    "prometheus": "Prometheus behind a Service",
    "jaeger": "Jaeger behind a Service",
    "metrics": "the resource metrics API (metrics-server)",
    "storage": "a StorageClass that provisions, or nodes whose folders can be mounted",
    "network-policy": "something that enforces NetworkPolicies",
    "coredns": "CoreDNS configured by ConfigMap kube-system/coredns",
    "node-access": "a way to the nodes' own processes (STRATUS_DRILL_NODE_COMMAND)",
    "helm": "the program helm",
}
FAMILIES = (
    *("service", "scheduling", "image", "config", "probe", "storage", "policy", "admission"),
    *("job", "node", "dns", "traffic", "store", "operator", "control"),
)
VERBS = (
    *("change", "recreate", "create", "delete", "delete_pods", "delete_replica_sets", "restart"),
    *("wait_rolling", "wait_ready", "wait_field", "wait_s", "call"),
)
BUILT_IN = (
    *("app", "namespace", "image", "tenant", "node", "other_node", "nodes", "nodes_plus_1"),
    *certificates.FILES,
)
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)\})")


@dataclass(frozen=True)
class Place:
    """One field of one object. or_: other answers that are as right (roots only)."""

    ref: str
    field: str = ""
    or_: tuple[Place, ...] = ()
    has_value: bool = False
    value: Any = None


@dataclass(frozen=True)
class Oracle:
    """Extras to oracle S."""

    wait_s: float = 0.0
    front_door: bool = True
    survives: str = ""
    holds: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Fault:
    """One fault in one app and variant, all variables filled in but those of the cluster."""

    name: str
    app: str
    variant: str
    title: str
    family: str
    steps: tuple[Mapping[str, Any], ...]
    symptom: Mapping[str, Any]
    root: tuple[Place, ...]
    also: tuple[Place, ...] = ()
    acceptable: tuple[Place, ...] = ()
    forbidden: tuple[Place, ...] = ()
    not_undone: tuple[Place, ...] = ()
    oracle: Oracle = field(default_factory=Oracle)
    sources: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    cluster: bool = False
    alone: bool = False
    known_good: bool = False
    propose_only: bool = False
    heals: bool = False
    hook: str = ""

    @property
    def id(self) -> str:
        """The case's name: fault/app/variant."""
        return "/".join(filter(None, (self.name, self.app, self.variant)))


def names() -> tuple[str, ...]:
    """Every fault that ships, in order."""
    return tuple(sorted(path.name.removesuffix(".yaml") for path in _files()))


def load(name: str, values: Values) -> tuple[Fault, ...]:
    """A fault in each of its apps and variants, the first variant of each app first.

    UsageError: no such fault, or its file is wrong.
    """
    path = next((path for path in _files() if path.name == f"{name}.yaml"), None)
    if path is None:
        raise UsageError("there is no such fault", name, "See: stratus drill list")
    return parse(name, path.read_text(encoding="utf-8"), values)


def parse(name: str, text: str, values: Values) -> tuple[Fault, ...]:
    """The faults of one file's text."""
    try:
        body = yaml.safe_load(text)
        apps = body.pop("apps")
        made = [
            (index, _fault(name, app, variant, body, values))
            for app, variants in apps.items()
            for index, variant in enumerate(variants)
        ]
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"the fault's file is wrong ({error!r})", name, "") from error
    return tuple(fault for _, fault in sorted(made, key=lambda pair: pair[0]))


def fill(node: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401  # YAML of any shape
    """A copy with every variable replaced. KeyError: there is no such variable."""
    if isinstance(node, str):
        whole = _VARIABLE.fullmatch(node)
        if whole and whole[1]:
            return values[whole[1]]
        return _VARIABLE.sub(lambda hit: str(values[hit[1]]) if hit[1] else "$", node)
    if isinstance(node, Mapping):
        return {fill(key, values): fill(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [fill(element, values) for element in node]
    return node


def _fault(name: str, app: str, variant: Item, body: Item, values: Values) -> Fault:
    item = fill(dict(body), ChainMap(variant, values(app)))
    unknown = item.keys() - Fault.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    if item["family"] not in FAMILIES:
        raise ValueError(f"unknown family {item['family']!r}")
    if missing := set(item.get("needs", ())) - NEEDS.keys():
        raise ValueError(f"unknown needs {sorted(missing)}")
    for step in item["steps"]:
        if next(iter(step)) not in VERBS:
            raise ValueError(f"unknown step {next(iter(step))!r}")
    oracle = dict(item.pop("oracle", {}))
    oracle["holds"] = tuple(_places(oracle.pop("holds", ())))
    for key in ("root", "also", "acceptable", "forbidden", "not_undone"):
        item[key] = tuple(_places(item.get(key, ())))
    for key in ("steps", "sources", "needs"):
        item[key] = tuple(item.get(key, ()))
    return Fault(
        name=name,
        app=app,
        variant=str(variant.get("variant", "")),
        oracle=Oracle(**oracle),
        **item,
    )


def _places(listed: Iterable[Item]) -> Iterator[Place]:
    for item in listed:
        rest = dict(item)
        others = tuple(_places(rest.pop("or", ())))
        has_value = "value" in rest
        segments(rest.get("field", ""))  # ValueError where it is no path
        yield Place(or_=others, has_value=has_value, **rest)


def _files() -> list[Any]:
    folder = importlib.resources.files("stratus_cli.drill").joinpath("data", "faults")
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.name.endswith(".yaml")]
