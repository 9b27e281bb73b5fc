"""Set requests and limits of containers. Reversible: the former amounts are put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.containers import named, opened
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

Amounts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SetResources:
    """limits, requests: (resource, quantity) pairs. container: "*" for all."""

    KIND: ClassVar[str] = "set-resources"
    ref: Ref
    limits: Amounts = ()
    requests: Amounts = ()
    container: str = "*"

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the pod template."""
        for resource, amount in (*self.limits, *self.requests):
            try:
                parse_quantity(amount)
            except ValueError:
                return Refusal("quantity", f"{amount!r} is no quantity of {resource}")
        it = opened(read, self.ref)
        if isinstance(it, Refusal):
            return it
        found = named(it.spec, [self.container], self.ref)
        if isinstance(found, Refusal):
            return found
        for _, container in found:
            resources = dict(container.get("resources") or {})
            for name, amounts in (("limits", self.limits), ("requests", self.requests)):
                if amounts:
                    resources[name] = {**(resources.get(name) or {}), **dict(amounts)}
            container["resources"] = resources
        return update(it.before, it.after, self.ref, self._line())

    def _line(self) -> str:
        chosen = () if self.container == "*" else (f"-c={self.container}",)
        flags = [
            f"--{name}={','.join(f'{key}={value}' for key, value in amounts)}"
            for name, amounts in (("limits", self.limits), ("requests", self.requests))
            if amounts
        ]
        return line("set", "resources", target(self.ref), *chosen, *flags, ref=self.ref)
