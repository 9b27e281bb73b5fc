"""What is wished of the drill's namespaces, and of the cluster around them: captured, compared.

The drill's own equality: what people and controllers write as wishes counts, what the API server
and the controllers report or allocate does not.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.drill.api import Api, Item
from stratus_cli.drill.fault import Place
from stratus_cli.kube.diff import diff, same_value
from stratus_cli.kube.fields import Segment, segments
from stratus_cli.kube.normal import normal_form
from stratus_cli.model.change import ABSENT, Json

# Made by controllers, or records and not wishes.
PASSING = frozenset(
    {
        *("Pod", "ReplicaSet", "ControllerRevision", "EndpointSlice", "Endpoints", "Event"),
        *("Lease", "CertificateSigningRequest", "CSINode", "CSIStorageCapacity", "IPAddress"),
        *("VolumeAttachment", "APIService", "FlowSchema", "PriorityLevelConfiguration"),
        *("ResourceSlice", "ServiceCIDR", "ComponentStatus"),
    }
)
OWN = ("stratus-pre-", "sh.helm.release.")  # Stratus' pre-images; Helm's records
AUTOMATIC = (
    "kube-root-ca.crt",
    "extension-apiserver-authentication",
    "kube-apiserver-legacy-service-account-token-tracking",
)
ALLOCATED = {
    "Service": ("clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies"),
    "PersistentVolumeClaim": ("volumeName",),
    "PersistentVolume": ("claimRef",),
    "ServiceAccount": ("secrets",),
}
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's own record of what was last applied; it asks for nothing."""
OBSERVED_TAINTS = "node.kubernetes.io/"
"""Taints by which the node controllers say what they see, also for a while after it is over."""
RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""A restart asks for nothing that was not asked before; never counted as a difference."""


@dataclass(frozen=True)
class Difference:
    """One field of one object that is not as before. field "": the whole object."""

    ref: str
    field: str
    before: Json
    after: Json

    def __str__(self) -> str:
        """For people; values of a Secret are never shown."""
        if "/Secret/" in self.ref and self.field:
            return f"{self.ref} {self.field}: another value"
        return f"{self.ref} {self.field}: {_short(self.before)} became {_short(self.after)}"


@dataclass(frozen=True, repr=False)
class State:
    """objects: raw, by "namespace/Kind/name". templates: of each rollout history."""

    objects: Mapping[str, Item]
    templates: frozenset[str] = field(default_factory=frozenset)


def capture(
    api: Api, namespaces: Iterable[str], *, around: bool = False, apart: Iterable[str] = ()
) -> State:
    """Read everything. around: what is cluster-scoped, and kube-system, as well.

    apart: namespaces of others. What these have outside namespaces, called `NAMESPACE-...` as all
    that the drill makes there, is left out: it comes and goes with their own cases.
    """
    others = tuple(f"{name}-" for name in apart)
    spaces = [*namespaces, *(("kube-system",) if around else ())]
    found: dict[str, Item] = {}
    for info in api.kinds:
        if info.kind in PASSING:
            continue
        places = spaces if info.namespaced else [None] if around else []
        for space in places:
            for item in api.items(info.kind, space, info.api_version):
                if space is None and item["metadata"]["name"].startswith(others):
                    continue
                if not _is_made(item) and info.kind != "Namespace":
                    found[key(item)] = item
    for space in spaces:  # other people's namespaces come and go
        live = api.get(api.ref(f"/Namespace/{space}", ""))
        if live is not None:
            found[key(live)] = live
    return State(found, frozenset(_templates(api, spaces)))


def key(item: Mapping[str, Any]) -> str:
    """ "namespace/Kind/name" of a raw object."""
    meta = item["metadata"]
    return f"{meta.get('namespace', '')}/{item['kind']}/{meta['name']}"


def wishes(item: Item, *, exact: bool = True) -> Item:
    """What is asked of one object, in a copy.

    exact: with what asks for nothing and yet was written by somebody: what kubectl remembers of an
    apply, and the order of variables that do not refer to each other.
    """
    made = normal_form(item)
    meta = made["metadata"]
    kind = item["kind"]
    if not exact:
        _drop_annotations(meta, (APPLIED,))
    for name in ("ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds"):
        meta.pop(name, None)
    if kind == "Node":
        meta.pop("annotations", None)
    if kind == "PersistentVolumeClaim":
        _drop_annotations(meta, ("pv.kubernetes.io/", "volume."))
    spec = made.get("spec")
    if isinstance(spec, dict):
        for name in ALLOCATED.get(kind, ()):
            spec.pop(name, None)
        if kind == "Service":
            for port in spec.get("ports") or ():
                port.pop("nodePort", None)
        template = spec.get("template")
        if isinstance(template, dict):
            _tidy(template, exact=exact)
        if kind == "Node":
            _drop_observed_taints(spec)
    for name in ALLOCATED.get(kind, ()):
        made.pop(name, None)
    return made


def _drop_observed_taints(spec: Item) -> None:
    taints = spec.pop("taints", None) or ()
    if wished := [item for item in taints if not item["key"].startswith(OBSERVED_TAINTS)]:
        spec["taints"] = wished


def _tidy(template: Item, *, exact: bool) -> None:
    _drop_annotations(template.get("metadata") or {}, (RESTARTED,))
    if not template.get("metadata"):
        template.pop("metadata", None)
    if not exact:
        _sort_variables(template.get("spec") or {})


def differences(before: State, after: State, *, exact: bool = True) -> list[Difference]:
    """What is not wished as before. exact: as of `wishes`."""
    found: list[Difference] = []
    for name in sorted({*before.objects, *after.objects}):
        old, new = before.objects.get(name), after.objects.get(name)
        if old is None or new is None or _is_going(new):
            if old is not None and (new is None or not _is_going(old)):
                found.append(Difference(name, "", "there", "gone"))
            elif old is None:
                found.append(Difference(name, "", "absent", "there"))
            continue
        found.extend(_edits(name, wishes(old, exact=exact), wishes(new, exact=exact)))
    return found


def not_as_it_was(
    before: State, after: State, but: Iterable[Place] = (), namespace: str = ""
) -> list[str]:
    """As texts, the history of rollouts included; templates may only have come.

    but: places that are left out.
    """
    lost = [f"gone from the history: {item}" for item in before.templates - after.templates]
    return [*map(str, but_for(differences(before, after), list(but), namespace)), *lost]


def but_for(
    found: Iterable[Difference], places: Iterable[Place], namespace: str
) -> list[Difference]:
    """Those that no place accepts."""
    return [item for item in found if not any(covers(place, item, namespace) for place in places)]


def covers(place: Place, item: Difference, namespace: str) -> bool:
    """Whether a difference lies at or below a place of a fault file."""
    ref = place.ref if place.ref.count("/") == 2 else f"{namespace}/{place.ref}"
    if not fnmatch.fnmatchcase(item.ref, ref):
        return False
    if not place.field:
        return True
    wanted, found = segments(place.field), segments(item.field)
    return len(found) >= len(wanted) and all(map(_means, wanted, found))


def _means(wanted: Segment, found: Segment) -> bool:
    """A list element may be named by some of its keys: [port=80] is [port=80,protocol=TCP]."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(found.get(name) == text for name, text in wanted.items())
    return bool(wanted == found)


def _edits(name: str, old: Item, new: Item) -> Iterator[Difference]:
    if same_value(old, new):
        return
    edits = diff(old, new)
    for edit in edits:
        yield Difference(name, edit.path, edit.before, edit.after)
    if not edits:
        yield Difference(name, "", "as it was", "of another order or form")


def _templates(api: Api, spaces: Iterable[str]) -> Iterator[str]:
    for space in spaces:
        for item in api.items("ReplicaSet", space):
            template = json.dumps(item["spec"]["template"], sort_keys=True)
            for owner in item["metadata"].get("ownerReferences") or ():
                yield f"{space}/{owner['name']} {template}"


def _is_made(item: Item) -> bool:
    """By a controller, by the cluster or by Stratus for itself."""
    meta = item["metadata"]
    if any(owner.get("controller") for owner in meta.get("ownerReferences") or ()):
        return True
    if item["kind"] == "ConfigMap" and meta["name"] in AUTOMATIC:
        return True
    return bool(item["kind"] == "Secret" and meta["name"].startswith(OWN))


def _is_going(item: Item) -> bool:
    return bool(item["metadata"].get("deletionTimestamp"))


def _drop_annotations(meta: Item, prefixes: tuple[str, ...]) -> None:
    annotations = meta.get("annotations")
    if isinstance(annotations, dict):
        for name in [name for name in annotations if name.startswith(prefixes)]:
            del annotations[name]
        if not annotations:
            del meta["annotations"]


def _sort_variables(spec: Item) -> None:
    """By name, in containers where no value refers to another: there order decides."""
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        variables = container.get("env") or []
        names = [item["name"] for item in variables]
        refers = any("$(" in (item.get("value") or "") for item in variables)
        if not refers and len(set(names)) == len(names):
            variables.sort(key=lambda item: item["name"])


def _short(value: Json) -> str:
    if value is ABSENT:
        return "(absent)"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= 200 else f"{text[:199]}…"
