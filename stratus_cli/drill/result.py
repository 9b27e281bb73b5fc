"""What one case gave, as one line of JSON; a run resumes from these lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SOLVED, UNSOLVED, SKIPPED, ERROR = "solved", "unsolved", "skipped", "error"


@dataclass
class Result:
    """One case. Times in seconds; None: that stage was not reached or not asked.

    verdict: solved, unsolved, skipped (the cluster lacks something) or error (the lab failed: no
    verdict on Stratus). control: "" for Stratus itself, else who repaired or what was injected.
    """

    case: str
    fault: str
    app: str
    variant: str
    family: str
    control: str = ""
    known_good: bool = False
    repeat: int = 1
    verdict: str = ERROR
    why: str = ""
    symptom_s: float | None = None
    detected: bool | None = None
    t_detect_s: float | None = None
    root_exact: bool | None = None
    root_first: bool | None = None
    named: list[str] = field(default_factory=list)
    """Every root that was named: cause, object, field."""
    lines: list[str] = field(default_factory=list)
    """The kubectl lines of each candidate that was tried first."""
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    confidence: float | None = None
    t_diagnose_s: float | None = None
    mitigated: bool | None = None
    t_mitigate_s: float | None = None
    wrong: dict[str, str] = field(default_factory=dict)
    harm: list[str] = field(default_factory=list)
    writes: int = 0
    states: list[str] = field(default_factory=list)
    undone_exactly: bool | None = None
    undo_differences: list[str] = field(default_factory=list)
    dq: float | None = None
    dq_star: float | None = None
    codes: dict[str, int] = field(default_factory=dict)
    at: str = ""

    @property
    def key(self) -> str:
        """The same case of the same kind of run has the same key."""
        good = "+known-good" if self.known_good else ""
        return f"{self.case} {self.control}{good} #{self.repeat}"


def append(path: Path, result: Result) -> None:
    """One more line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result), sort_keys=True) + "\n")


def read(path: Path) -> list[Result]:
    """Every line that is whole; of the same case the last one."""
    if not path.exists():
        return []
    known: dict[str, Result] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            values: dict[str, Any] = json.loads(line)
            result = Result(**values)
        except (ValueError, TypeError):
            continue  # cut short by a crash, or of another version
        known[result.key] = result
    return list(known.values())


def done(results: Iterable[Result]) -> set[str]:
    """Keys of what need not be run again: errors are."""
    return {result.key for result in results if result.verdict != ERROR}
