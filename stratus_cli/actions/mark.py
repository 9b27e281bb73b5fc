"""Set or remove labels or annotations of an object. Reversible: former values are put back."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

VERBS = {"labels": "label", "annotations": "annotate"}
KEPT = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")


@dataclass(frozen=True)
class Mark:
    """where: "labels" or "annotations". overwrite: a key that is there may get another value."""

    KIND: ClassVar[str] = "mark"
    ref: Ref
    where: str
    values: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
    overwrite: bool = False

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the object's metadata."""
        if self.ref.kind == "Secret":
            return Refusal("secret", "Secrets are not changed", "change it by hand")
        kept = [key for key in (*dict(self.values), *self.remove) if key in KEPT]
        if kept:
            return Refusal("annotation", f"{kept[0]} is kept by the tools that write it")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        after = copy.deepcopy(before)
        marks = dict(after["metadata"].get(self.where) or {})
        for key, value in self.values:
            if marks.get(key, value) != value and not self.overwrite:
                return Refusal(
                    "overwrite", f"{self.ref} has {key}={marks[key]} already", "add --overwrite"
                )
            marks[key] = value
        for key in self.remove:
            marks.pop(key, None)
        if marks or self.where in before["metadata"]:
            after["metadata"][self.where] = marks
        words = [f"{key}={value}" for key, value in self.values]
        words += [f"{key}-" for key in self.remove]
        words += ["--overwrite"] if self.overwrite else []
        text = line(VERBS[self.where], target(self.ref), *words, ref=self.ref)
        return update(before, after, self.ref, text)
