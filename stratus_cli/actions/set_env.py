"""Set or unset environment variables of containers. Reversible: the former values are put back."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, pod_spec, target, update
from stratus_cli.actions.containers import named
from stratus_cli.actions.owners import made_by
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class SetEnv:
    """values: (name, value) pairs. remove: names. container: its name, "*" for all.

    A name that a container has twice is set in its last place: that is the one that counts.
    """

    KIND: ClassVar[str] = "set-env"
    ref: Ref
    values: tuple[tuple[str, str], ...]
    remove: tuple[str, ...] = ()
    container: str = "*"

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the pod template."""
        before = whole(read, self.ref)
        if isinstance(before, Refusal):
            return before
        after = copy.deepcopy(before)
        spec = pod_spec(after, self.ref.kind)
        if spec is None:
            return Refusal("kind", f"a {self.ref.kind} has no containers")
        refusal = made_by(before, self.ref)
        if refusal is not None:
            return refusal
        found = named(spec, [self.container], self.ref)
        if isinstance(found, Refusal):
            return found
        for _, container in found:
            env = [item for item in container.get("env") or () if _name(item) not in self.remove]
            for name, value in self.values:
                _set(env, name, value)
            if env:
                container["env"] = env
            else:
                container.pop("env", None)
        words = [*(f"{name}={value}" for name, value in self.values)]
        words += [f"{name}-" for name in self.remove]
        chosen = () if self.container == "*" else ("-c", self.container)
        text = line("set", "env", target(self.ref), *words, *chosen, ref=self.ref)
        return update(before, after, self.ref, text)


def _set(env: list[dict[str, Any]], name: str, value: str) -> None:
    places = [index for index, item in enumerate(env) if _name(item) == name]
    if places:
        env[places[-1]] = {"name": name, "value": value}
    else:
        env.append({"name": name, "value": value})


def _name(item: object) -> object:
    return item.get("name") if isinstance(item, dict) else None
