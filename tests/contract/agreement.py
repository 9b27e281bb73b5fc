"""How far two clusters agree: the share of facets that both have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Agreement:
    """Two sets of facets of one scenario."""

    name: str
    twin: frozenset[str]
    real: frozenset[str]

    @property
    def same(self) -> int:
        """How many facets both have."""
        return len(self.twin & self.real)

    @property
    def all(self) -> int:
        """How many facets there are on either side."""
        return len(self.twin | self.real)

    def differences(self) -> list[str]:
        """What only one of them has."""
        return [
            *(f"only real: {item}" for item in sorted(self.real - self.twin)),
            *(f"only twin: {item}" for item in sorted(self.twin - self.real)),
        ]


@dataclass
class Ledger:
    """Every comparison of this run."""

    compared: dict[str, Agreement] = field(default_factory=dict)

    def enter(self, item: Agreement) -> Agreement:
        """Note one comparison."""
        self.compared[item.name] = item
        return item

    def to_json(self) -> list[tuple[str, list[str], list[str]]]:
        """What another process can take in."""
        found = self.compared.values()
        return [(item.name, sorted(item.twin), sorted(item.real)) for item in found]

    def take(self, entries: Iterable[tuple[str, list[str], list[str]]]) -> None:
        """Take in what another process compared."""
        for name, twin, real in entries:
            self.enter(Agreement(name, frozenset(twin), frozenset(real)))

    @property
    def share(self) -> float:
        """Of all facets, those that both have; 1.0 when there are none."""
        total = sum(item.all for item in self.compared.values())
        return sum(item.same for item in self.compared.values()) / total if total else 1.0

    def lines(self) -> list[str]:
        """The whole comparison, for people."""
        lines = []
        for name, item in sorted(self.compared.items()):
            lines.append(f"{name}: {item.same} of {item.all}")
            lines += [f"    {text}" for text in item.differences()]
        return [*lines, f"share that agrees: {self.share:.3f}"]


LEDGER = Ledger()
"""Of this run; the terminal summary prints it."""
