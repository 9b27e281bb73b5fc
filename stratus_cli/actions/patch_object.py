"""Change fields by a patch document: strategic, merge or JSON. Reversible.

The generic field change: what has no intention of its own goes this way. Status, identity and
finalizers are never changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, target, update
from stratus_cli.actions.fixed import forbidden
from stratus_cli.actions.owners import decided_elsewhere
from stratus_cli.actions.whole import whole
from stratus_cli.kube.custom import is_known
from stratus_cli.kube.diff import diff
from stratus_cli.kube.merge import json_patch, merge_patch, strategic
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

TYPES = ("strategic", "merge", "json")


@dataclass(frozen=True)
class PatchObject:
    """patch: the document; a list for type "json"."""

    KIND: ClassVar[str] = "patch-object"
    ref: Ref
    patch: Any
    type: str = "strategic"

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the fields that the patch changes."""
        if self.ref.kind == "Secret":
            return Refusal("secret", "Secrets are not changed", "change it by hand")
        if self.type == "strategic" and not is_known(self.ref.kind, self.ref.api_version):
            return Refusal("patch", f"{self.ref} is a custom resource", "add --type=merge")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        try:
            after = self._patched(before)
        except (ValueError, TypeError, AttributeError) as error:
            return Refusal("patch", f"the patch does not fit {self.ref}: {error}")
        refusal = forbidden(before, after) or decided_elsewhere(
            before, [edit.path for edit in diff(before, after)], self.ref, read
        )
        if refusal is not None:
            return refusal
        words = ["patch", target(self.ref)]
        text = json.dumps(self.patch, separators=(",", ":"), ensure_ascii=False)
        words += [f"--type={self.type}", "-p", text]
        return update(before, after, self.ref, line(*words, ref=self.ref))

    def _patched(self, before: Item) -> Item:
        if self.type == "json":
            if not isinstance(self.patch, list):
                raise ValueError("a JSON patch is a list of operations")
            return json_patch(before, self.patch)
        if not isinstance(self.patch, dict):
            raise ValueError("the patch is not an object")
        if self.type == "merge":
            made: Item = merge_patch(before, self.patch)
            return made
        return strategic(before, self.patch, self.ref.kind)
