"""Set, replace, remove, rename and copy keys of a Secret. Reversible, by a pre-image beside it.

Values are seals (kube.seals) from the moment they are read or given. What the change would lose is
first put into a Secret of our own, as a step of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, target, update
from stratus_cli.actions.secret_values import SealedPatch, sealed_patch
from stratus_cli.actions.whole import whole
from stratus_cli.kube.merge import json_patch, merge_patch
from stratus_cli.kube.pre_image import PLANNED, is_pre_image, lost, made_of
from stratus_cli.kube.seals import DATA
from stratus_cli.model.change import Change
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

MANAGED = {
    "kubernetes.io/service-account-token": "the token controller writes it",
    "bootstrap.kubernetes.io/token": "the cluster's bootstrap uses it",
    "helm.sh/release.v1": "it is Helm's own record of a release",
}
"""Types of Secrets that something else keeps."""


@dataclass(frozen=True)
class PatchSecret:
    """patch: the document as given, which may hold values and is never shown."""

    KIND: ClassVar[str] = "patch-secret"
    ref: Ref
    patch: Any = field(repr=False)
    type: str = "strategic"

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """The pre-image of what would be lost, if anything is, and the update of the keys."""
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        refusal = _closed(self.ref, before)
        if refusal is not None:
            return refusal
        sealed = sealed_patch(self.patch, self.type, self.ref, before, read)
        if isinstance(sealed, Refusal):
            return sealed
        try:
            after = self._patched(before, sealed)
        except (ValueError, TypeError, AttributeError) as error:
            return Refusal("patch", f"the patch does not fit {self.ref}: {error}")
        changed = update(before, after, self.ref, self._line(sealed), also=sealed.rests)
        if isinstance(changed, Refusal):
            return changed
        return (*_kept(self.ref, before, after, read), *changed)

    def _patched(self, before: Item, sealed: SealedPatch) -> Item:
        made: Item
        if self.type == "json":
            made = json_patch(before, sealed.document)
        else:  # a map of texts is merged in the same way by both
            made = merge_patch(before, sealed.document)
        return made

    def _line(self, sealed: SealedPatch) -> str:
        text = json.dumps(sealed.document, separators=(",", ":"), ensure_ascii=False)
        words = ("patch", target(self.ref), f"--type={self.type}", "-p", text)
        return line(*words, ref=self.ref)


def _closed(ref: Ref, secret: Item) -> Refusal | None:
    """Why this Secret is not changed here, or None."""
    if DATA not in secret:
        return Refusal(
            "read-secrets",
            f"the keys of {ref} are not known here, so a change could not be taken back",
            "read-secrets = true in the configuration, and a cluster instead of a recording",
        )
    if is_pre_image(secret):
        return Refusal(
            "secret", f"{ref} is what an undo needs", "use stratus undo, or journal prune"
        )
    if secret.get("immutable"):
        return Refusal("immutable", f"{ref} is immutable", "make a new Secret by hand")
    reason = MANAGED.get(str(secret.get("type")))
    return Refusal("owner", f"{ref} is not changed here: {reason}") if reason else None


def _kept(ref: Ref, before: Item, after: Item, read: Reader) -> tuple[Prepared, ...]:
    """The creation of the pre-image; nothing where no value would be lost."""
    values = lost(before, after)
    if not values:
        return ()
    name, number = PLANNED, 2
    while read.get(Ref("Secret", ref.namespace, name, "v1")) is not None:
        name, number = f"{PLANNED}-{number}", number + 1
    made = made_of(ref, name, values)
    place = Ref("Secret", ref.namespace, name, "v1")
    return (Prepared(Change(place, None, made), line("create", "-f", "-", ref=ref), ()),)
