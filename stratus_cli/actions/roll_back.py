"""Go back to an earlier revision's pod template (kubectl rollout undo). Reversible.

The template is that of the revision (a Deployment keeps ReplicaSets, a StatefulSet or DaemonSet
ControllerRevisions), without the hash label that the Deployment's controller adds; annotations and
other fields of the workload stay as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, target, update
from stratus_cli.actions.whole import misshapen, whole
from stratus_cli.kube.graph import REVISION_ANNOTATION
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

HASH_LABEL = "pod-template-hash"
DIRECTIVE = "$patch"
"""A ControllerRevision holds its template as a patch that replaces the whole template."""


@dataclass(frozen=True)
class RollBack:
    """revision: its number; 0 for the one before the present one."""

    KIND: ClassVar[str] = "roll-back"
    ref: Ref
    revision: int = 0

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the pod template."""
        if self.ref.kind not in WORKLOADS:
            return Refusal("kind", f"a {self.ref.kind} keeps no revisions")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        if (before.get("spec") or {}).get("paused"):
            return Refusal("paused", f"{self.ref} is paused", "resume its rollout first")
        kept = _replica_sets if self.ref.kind == "Deployment" else _controller_revisions
        templates = dict(sorted(kept(before, self.ref, read), reverse=True, key=_number))
        chosen = self.revision or max(list(templates)[1:], default=0)
        if chosen not in templates:
            known = ", ".join(map(str, templates)) or "none"
            return Refusal(
                "revision", f"{self.ref} has no revision {chosen}", f"choose one of {known}"
            )
        after = copy.deepcopy(before)
        after["spec"]["template"] = _as_written(templates[chosen], before["spec"]["template"])
        words = ("rollout", "undo", target(self.ref), f"--to-revision={chosen}")
        # The whole template is replaced, so nobody may have changed any of it meanwhile.
        return update(before, after, self.ref, line(*words, ref=self.ref), also=("spec.template",))


def _number(kept: tuple[int, Item]) -> int:
    return kept[0]


def _as_written(template: Item, present: Item) -> Item:
    """A kept template as it stood in the workload."""
    made = copy.deepcopy({key: value for key, value in template.items() if key != DIRECTIVE})
    meta = dict(made.get("metadata") or {})
    if "labels" in meta:
        meta["labels"] = {k: v for k, v in (meta["labels"] or {}).items() if k != HASH_LABEL}
    # Older API servers write a null here, and keep it.
    meta.pop("creationTimestamp", None)
    if "creationTimestamp" in (present.get("metadata") or {}):
        meta["creationTimestamp"] = None
    return {**made, "metadata": meta}


def _replica_sets(owner: Item, ref: Ref, read: Reader) -> Iterator[tuple[int, Item]]:
    """(revision, template) of each ReplicaSet that the Deployment keeps."""
    for item in _owned("ReplicaSet", owner, ref, read):
        number = str((item["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION, ""))
        if number.isdecimal() and not misshapen(item, "ReplicaSet"):
            yield int(number), item["spec"]["template"]


def _controller_revisions(owner: Item, ref: Ref, read: Reader) -> Iterator[tuple[int, Item]]:
    """(revision, template) of each ControllerRevision that the workload keeps."""
    for item in _owned("ControllerRevision", owner, ref, read):
        number, data = item.get("revision"), item.get("data")
        # Its data is a part of a workload, so it is of the same shape.
        part = {"metadata": {}, **data} if isinstance(data, dict) else {}
        if isinstance(number, int) and not misshapen(part, ref.kind):
            yield number, part["spec"]["template"]


def _owned(kind: str, owner: Item, ref: Ref, read: Reader) -> Iterator[Item]:
    uid = owner["metadata"].get("uid")
    for item in read.list(kind, ref.namespace):
        if not misshapen(item, ""):
            owners = item["metadata"].get("ownerReferences") or ()
            if uid in [one.get("uid") for one in owners]:
                yield item
