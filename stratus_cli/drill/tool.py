"""Stratus as a user runs it: commands in, exit code and report out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

PROBLEMS = 1  # README, exit codes


@dataclass(frozen=True)
class Outcome:
    """How a command ended. report: the JSON document, {} when there was none."""

    code: int
    seconds: float
    report: Mapping[str, Any] = field(default_factory=dict)
    errors: str = ""

    @property
    def transactions(self) -> list[Mapping[str, Any]]:
        """Those of the report."""
        return list(self.report.get("transactions", ()))

    @property
    def writes(self) -> int:
        """Made by all transactions, those taken back included."""
        return sum(int(tx["writes"]) for tx in self.transactions)

    @property
    def has_found(self) -> bool:
        """Whether something is said to be wrong, by the exit code (problems found or left)."""
        return self.code == PROBLEMS


class Tool(Protocol):
    """Runs `stratus WORDS -o json` in a process of its own, with a state folder of its own."""

    def run(self, *words: str, cluster: bool = False) -> Outcome:
        """cluster: kube-system is not protected, since the cluster is labelled as a sandbox."""
