"""Set which pods a Service sends requests to. Reversible: the former selector is put back."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class SetSelector:
    """labels: (key, value) pairs, instead of all that the selector has now."""

    KIND: ClassVar[str] = "set-selector"
    ref: Ref
    labels: tuple[tuple[str, str], ...]

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of spec.selector."""
        if self.ref.kind != "Service":
            return Refusal("kind", f"the selector of a {self.ref.kind} cannot be changed")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        after = copy.deepcopy(before)
        after.setdefault("spec", {})["selector"] = dict(self.labels)
        pairs = ",".join(f"{key}={value}" for key, value in self.labels)
        text = line("set", "selector", target(self.ref), pairs, ref=self.ref)
        return update(before, after, self.ref, text)
