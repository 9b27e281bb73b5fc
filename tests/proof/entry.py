"""One action on one kind: what the proof does, expects, and lets somebody else do in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from tests.cluster.objects import APP
from tests.flow.fields import Path
from tests.proof.edits import Edit, Item, field
from tests.proof.kinds import CLUSTER

ANY = "(any)"  # a value that is not known beforehand
MAYBE = "(maybe)"  # a field that may change, as something of the server's follows
THEIRS: Path = ("metadata", "annotations", "proof.example/theirs")


@dataclass(frozen=True)
class Entry:
    """$NS and $APP in any text: the namespace, and the tests' image.

    subject: "Kind/name" of the object that is changed. lines: kubectl, without its first words.
    expect: what its fields read afterwards, by path (tests.proof.edits.field); ANY, MAYBE, MISSING.
    overlap: somebody else's edit of the same field; told: what the refusal must show, where it is
    not just both values. elsewhere: their edits beside it. objects: applied before. setup: edits
    made before, taken back at the end. made: what a "create" makes. verb: "update", "create",
    "delete", "anew" (deleted and created), "harm" (must be rolled back) or "compensate" (cannot be
    undone, only made good).
    """

    name: str
    subject: str
    lines: tuple[str, ...]
    expect: Mapping[str, Any]
    overlap: Edit | None = None
    told: tuple[str, ...] = ()
    elsewhere: tuple[Edit, ...] = (Edit(THEIRS, "1"),)
    objects: tuple[Item, ...] = ()
    setup: tuple[tuple[str, Edit], ...] = ()
    verb: str = "update"
    made: Item | None = None
    namespace: str = "$NS"

    @property
    def is_reversible(self) -> bool:
        """Whether its undo must bring everything back."""
        return self.verb != "compensate"

    @property
    def is_of_the_cluster(self) -> bool:
        """Its object has no namespace: two such entries must not run at once."""
        return self.subject.partition("/")[0] in CLUSTER

    @property
    def commands(self) -> tuple[str, ...]:
        """Whole kubectl lines."""
        first = "kubectl" if self.is_of_the_cluster else f"kubectl -n {self.namespace}"
        return tuple(f"{first} {line}" for line in self.lines)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every field that may change."""
        return tuple(field(path) for path in self.expect)

    def filled(self, namespace: str) -> Entry:
        """With its texts filled in."""
        values = {item.name: _fill(getattr(self, item.name), namespace) for item in fields(self)}
        return replace(self, **values)


def _fill(value: Any, namespace: str) -> Any:
    if isinstance(value, str):
        return value.replace("$NS", namespace).replace("$APP", APP)
    if isinstance(value, Edit):
        return Edit(_fill(value.path, namespace), _fill(value.value, namespace))
    if isinstance(value, Mapping):
        return {_fill(k, namespace): _fill(v, namespace) for k, v in value.items()}
    if isinstance(value, Sequence):
        return type(value)(_fill(part, namespace) for part in value)  # type: ignore[call-arg]
    return value
