"""Set the image of containers. Reversible: the earlier image is put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import (
    Prepared,
    Reader,
    line,
    target,
    update,
)
from stratus_cli.actions.containers import named, opened
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class SetImage:
    """images: (container, image) pairs; "*" means every container, init containers too."""

    KIND: ClassVar[str] = "set-image"
    ref: Ref
    images: tuple[tuple[str, str], ...]

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the pod template."""
        it = opened(read, self.ref)
        if isinstance(it, Refusal):
            return it
        for name, image in self.images:
            found = named(it.spec, [name], self.ref)
            if isinstance(found, Refusal):
                return found
            for _, container in found:
                container["image"] = image
        pairs = [f"{name}={image}" for name, image in self.images]
        text = line("set", "image", target(self.ref), *pairs, ref=self.ref)
        return update(it.before, it.after, self.ref, text)
