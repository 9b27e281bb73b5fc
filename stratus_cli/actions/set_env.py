"""Set or unset environment variables of containers. Reversible: the former values are put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Prepared, Reader, line, target, update
from stratus_cli.actions.containers import named, opened
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
        it = opened(read, self.ref)
        if isinstance(it, Refusal):
            return it
        found = named(it.spec, [self.container], self.ref)
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
        return update(it.before, it.after, self.ref, text)


def _set(env: list[dict[str, Any]], name: str, value: str) -> None:
    places = [index for index, item in enumerate(env) if _name(item) == name]
    if places:
        env[places[-1]] = {"name": name, "value": value}
    else:
        env.append({"name": name, "value": value})


def _name(item: object) -> object:
    return item.get("name") if isinstance(item, dict) else None
