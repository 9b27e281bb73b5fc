"""Set the image of containers. Reversible: the earlier image is put back."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import (
    Prepared,
    Reader,
    line,
    pod_spec,
    target,
    update,
)
from stratus_cli.actions.containers import named
from stratus_cli.actions.owners import made_by
from stratus_cli.actions.whole import whole
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
        for name, image in self.images:
            found = named(spec, [name], self.ref)
            if isinstance(found, Refusal):
                return found
            for _, container in found:
                container["image"] = image
        pairs = [f"{name}={image}" for name, image in self.images]
        text = line("set", "image", target(self.ref), *pairs, ref=self.ref)
        return update(before, after, self.ref, text)
