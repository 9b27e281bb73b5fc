"""Set or remove taints of a node. Reversible, but for NoExecute, which evicts pods at once."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, line, update
from stratus_cli.actions.whole import whole
from stratus_cli.model.change import Reversibility
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


@dataclass(frozen=True)
class Taint:
    """add: (key, value, effect). remove: (key, effect), where effect "" means every effect."""

    KIND: ClassVar[str] = "taint"
    ref: Ref
    add: tuple[tuple[str, str, str], ...] = ()
    remove: tuple[tuple[str, str], ...] = ()
    overwrite: bool = False

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of spec.taints, which is one value."""
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        present = before.get("spec", {}).get("taints") or []
        if not isinstance(present, list) or any(not isinstance(part, dict) for part in present):
            return Refusal("shape", f"spec.taints of {self.ref} is not what the API says it is")
        taints = [part for part in copy.deepcopy(present) if not self._goes(part)]
        for key, value, effect in self.add:
            refusal = self._set(taints, key, value, effect)
            if refusal is not None:
                return refusal
        after = copy.deepcopy(before)
        spec = after.setdefault("spec", {})
        if taints:
            spec["taints"] = taints
        elif present:
            spec.pop("taints")
        made = update(before, after, self.ref, line("taint", "node", self.ref.name, *self._words()))
        if isinstance(made, Refusal) or all(effect != "NoExecute" for *_, effect in self.add):
            return made
        return tuple(
            replace(item, change=replace(item.change, reversibility=Reversibility.COMPENSABLE))
            for item in made
        )

    def _goes(self, taint: Item) -> bool:
        return any(
            taint.get("key") == key and effect in ("", taint.get("effect"))
            for key, effect in self.remove
        )

    def _set(self, taints: list[Item], key: str, value: str, effect: str) -> Refusal | None:
        wanted = {"key": key, "value": value, "effect": effect}
        if not value:
            del wanted["value"]
        for place, taint in enumerate(taints):
            if (taint.get("key"), taint.get("effect")) != (key, effect):
                continue
            if (taint.get("value") or "") == value:
                return None
            if not self.overwrite:
                reason = f"{self.ref} has {key}={taint.get('value')}:{effect} already"
                return Refusal("overwrite", reason, "add --overwrite")
            taints[place] = wanted
            return None
        taints.append(wanted)
        return None

    def _words(self) -> list[str]:
        words = [f"{key}={value}:{effect}" for key, value, effect in self.add]
        words += [f"{key}:{effect}-" if effect else f"{key}-" for key, effect in self.remove]
        return words + (["--overwrite"] if self.overwrite else [])
