"""Replace a workload's pods by new ones, by the rollout's rules (kubectl rollout restart).

Compensable: taking it back removes the mark, which restarts them once more.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.whole import whole
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.model.change import Reversibility
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

MARK = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True)
class Restart:
    """The workload whose pods are replaced."""

    KIND: ClassVar[str] = "restart"
    ref: Ref

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of a pod template annotation."""
        if self.ref.kind not in WORKLOADS:
            return Refusal("kind", f"a {self.ref.kind} has no rollout to restart")
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        if (before.get("spec") or {}).get("paused"):
            return Refusal("paused", f"{self.ref} is paused", "resume its rollout first")
        after = copy.deepcopy(before)
        meta = dict(after["spec"]["template"].get("metadata") or {})
        marks = meta.get("annotations")
        stamp = {MARK: f"{read.now():%Y-%m-%dT%H:%M:%SZ}"}
        meta["annotations"] = {**(marks if isinstance(marks, dict) else {}), **stamp}
        after["spec"]["template"]["metadata"] = meta
        made = update(
            before, after, self.ref, line("rollout", "restart", target(self.ref), ref=self.ref)
        )
        if isinstance(made, Refusal):
            return made
        return tuple(
            replace(item, change=replace(item.change, reversibility=Reversibility.COMPENSABLE))
            for item in made
        )
