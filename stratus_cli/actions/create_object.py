"""Create an object from a manifest. Reversible: it is deleted again, by its uid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Prepared, Reader
from stratus_cli.actions.manifest import creatable, created, shown
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class CreateObject:
    """manifest: the whole object."""

    KIND: ClassVar[str] = "create-object"
    ref: Ref
    manifest: dict[str, Any]

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One creation."""
        made = creatable(self.ref, self.manifest)
        if isinstance(made, Refusal):
            return made
        if read.get(self.ref) is not None:
            return Refusal("exists", f"{self.ref} is there already", "patch it instead")
        return created(self.ref, made, shown("create", self.ref, self.manifest))
