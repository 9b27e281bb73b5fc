"""Go back to an earlier revision's pod template (kubectl rollout undo). Reversible.

The template is that of the ReplicaSet with this revision, without the hash label that the
controller adds; annotations and other fields of the Deployment stay as they are.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, target, update
from stratus_cli.actions.whole import misshapen, whole
from stratus_cli.kube.graph import REVISION_ANNOTATION
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True)
class RollBack:
    """revision: its number; 0 for the one before the present one."""

    KIND: ClassVar[str] = "roll-back"
    ref: Ref
    revision: int = 0

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the pod template."""
        if self.ref.kind != "Deployment":
            return Refusal("kind", f"revisions of a {self.ref.kind} are not kept as ReplicaSets")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        if (before.get("spec") or {}).get("paused"):
            return Refusal("paused", f"{self.ref} is paused", "resume its rollout first")
        revisions = self._revisions(before, read)
        chosen = self.revision or max(list(revisions)[1:], default=0)
        if chosen not in revisions:
            known = ", ".join(map(str, revisions)) or "none"
            return Refusal("revision", f"{self.ref} has no revision {chosen}", f"it has {known}")
        after = copy.deepcopy(before)
        template = copy.deepcopy(revisions[chosen]["spec"]["template"])
        labels = (template.get("metadata") or {}).get("labels") or {}
        labels.pop(HASH_LABEL, None)
        template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
        if "creationTimestamp" not in (before["spec"]["template"].get("metadata") or {}):
            template["metadata"].pop("creationTimestamp")
        after["spec"]["template"] = template
        words = ("rollout", "undo", target(self.ref), f"--to-revision={chosen}")
        # The whole template is replaced, so nobody may have changed any of it meanwhile.
        return update(before, after, self.ref, line(*words, ref=self.ref), also=("spec.template",))

    def _revisions(self, owner: Item, read: Reader) -> dict[int, Item]:
        """The owner's ReplicaSets by revision, newest first."""
        uid = owner["metadata"].get("uid")
        found: dict[int, Item] = {}
        for item in read.list("ReplicaSet", self.ref.namespace):
            if misshapen(item, "ReplicaSet"):
                continue
            meta = item["metadata"]
            owners = [ref.get("uid") for ref in meta.get("ownerReferences") or ()]
            number = str((meta.get("annotations") or {}).get(REVISION_ANNOTATION, ""))
            if uid in owners and number.isdecimal():
                found[int(number)] = item
        return dict(sorted(found.items(), reverse=True))
