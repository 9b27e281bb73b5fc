"""What is asked of the cluster, from raw objects, to be compared before and after: the proof's own
"Equal" (DESIGN.md). It shares no code with what it judges.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.flow.fields import differing
from tests.proof.edits import Edit, Item, edited
from tests.proof.kinds import KINDS

BY_THE_SERVER = ("resourceVersion", "generation", "managedFields", "selfLink")
IDENTITY = ("uid", "creationTimestamp")  # other ones when an object was made again
NUMBERS = ("deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HASH = "pod-template-hash"

Items = Callable[[str], list[Item]]
"""Every object of a kind in the namespace, raw."""


@dataclass(frozen=True, repr=False)
class State:
    """objects: by "Kind/name". templates: each pod template of each rollout history."""

    objects: dict[str, Item]
    templates: frozenset[str]

    @classmethod
    def of(cls, items: Items, others: Iterable[Item] = ()) -> State:
        """Everything in a namespace, and the named objects of no namespace.

        What Stratus keeps of Secrets for the next undo is its own, as its journal is.
        """
        found = [item for kind in KINDS for item in items(kind) if not _is_pre_image(item)]
        objects = {
            f"{item['kind']}/{item['metadata']['name']}": plain(item) for item in (*found, *others)
        }
        return cls(objects, frozenset(_templates(items)))

    def with_edits(self, key: str, *edits: Edit) -> State:
        """As somebody else's edits leave it. An object that is not there stays away."""
        if key not in self.objects:
            return self
        return replace(self, objects={**self.objects, key: edited(self.objects[key], *edits)})

    def without(self, key: str) -> State:
        """As it would be without one object."""
        return replace(self, objects={k: v for k, v in self.objects.items() if k != key})


def plain(item: Item) -> Item:
    """Without what the server keeps."""
    kept = copy.deepcopy({name: value for name, value in item.items() if name != "status"})
    meta = {k: v for k, v in kept["metadata"].items() if k not in BY_THE_SERVER}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in NUMBERS}
    meta["annotations"] = notes
    meta["labels"] = meta.get("labels") or {}
    return {**kept, "metadata": meta}


def _is_pre_image(item: Item) -> bool:
    meta = item["metadata"]
    kept_by = (meta.get("labels") or {}).get("app.kubernetes.io/managed-by")
    is_ours = kept_by == "stratus" and meta["name"].startswith("stratus-pre-tx-")
    return item["kind"] == "Secret" and is_ours


def unlike(wanted: State, found: State, *, made_again: Iterable[str] = ()) -> list[str]:
    """What is not as wanted; templates may only have come. [] when all is.

    made_again: keys of objects that were deleted and created, which gives them another identity.
    """
    anew = set(made_again)
    left = []
    for key in sorted({*wanted.objects, *found.objects}):
        if key not in found.objects or key not in wanted.objects:
            left.append(f"{key}: {'gone' if key in wanted.objects else 'there'}")
            continue
        old, new = wanted.objects[key], found.objects[key]
        if key in anew:
            old, new = _nameless(old), _nameless(new)
        for path, (before, after) in differing(old, new).items():
            left.append(f"{key} {'.'.join(map(str, path))}: {before!r} became {after!r}")
    left += [f"gone from the history: {item}" for item in wanted.templates - found.templates]
    return left


def last_applied(state: State) -> dict[str, str]:
    """The annotation that `kubectl apply` keeps, of each object that has it."""
    return {
        key: item["metadata"]["annotations"][LAST_APPLIED]
        for key, item in state.objects.items()
        if LAST_APPLIED in item["metadata"]["annotations"]
    }


def _nameless(item: Item) -> Item:
    meta = {k: v for k, v in item["metadata"].items() if k not in IDENTITY}
    return {**item, "metadata": meta}


def _templates(items: Items) -> Iterable[str]:
    for item in items("ReplicaSet"):
        template = copy.deepcopy(item["spec"]["template"])
        template["metadata"].get("labels", {}).pop(HASH, None)
        yield from (_named(owner, template) for owner in _owners(item))
    for item in items("ControllerRevision"):
        yield from (_named(owner, item["data"]) for owner in _owners(item))


def _named(owner: Item, template: Any) -> str:
    return f"{owner['kind']}/{owner['name']} {json.dumps(template, sort_keys=True)}"


def _owners(item: Item) -> list[Item]:
    owners: list[Item] = item["metadata"].get("ownerReferences") or []
    return owners
