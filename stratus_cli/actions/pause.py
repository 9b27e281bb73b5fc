"""Pause or resume a Deployment's rollout. Reversible."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class Pause:
    """paused: True to pause, False to resume."""

    KIND: ClassVar[str] = "pause"
    ref: Ref
    paused: bool

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of spec.paused."""
        if self.ref.kind != "Deployment":
            return Refusal("kind", f"the rollout of a {self.ref.kind} cannot be paused")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        after = copy.deepcopy(before)
        after.setdefault("spec", {})
        if self.paused:
            after["spec"]["paused"] = True
        else:
            after["spec"].pop("paused", None)
        word = "pause" if self.paused else "resume"
        return update(
            before, after, self.ref, line("rollout", word, target(self.ref), ref=self.ref)
        )
