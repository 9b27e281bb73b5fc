"""The scoreboard: figures over results, per family and in all. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stratus_cli.drill.result import ERROR, SKIPPED, SOLVED, Result


@dataclass(frozen=True)
class Figures:
    """Of some cases. Shares are 0..1; None: no case says. Times are medians in seconds."""

    cases: int
    judged: int
    solved: int
    skipped: int
    errors: int
    detected: float | None
    root_exact: float | None
    mitigated: float | None
    undone_exactly: float | None
    mitigated_if_right: float | None
    mitigated_if_wrong: float | None
    harmed: int
    writes: int
    t_detect_s: float | None
    t_diagnose_s: float | None
    t_mitigate_s: float | None
    t_mitigate_p90_s: float | None
    dq: float | None
    dq_star: float | None
    dq_star_interval: float | None
    """Half the width of its 95 % interval over the cases."""
    brier: float | None
    """Mean squared distance of the first root's confidence from whether the roots were exact."""
    unsteady: int
    """Cases whose repeats do not agree."""
    t_mitigate_deviation_s: float | None
    """Median over the cases of the standard deviation between repeats."""

    @property
    def share(self) -> float | None:
        """Solved of judged."""
        return self.solved / self.judged if self.judged else None


def figures(results: Iterable[Result]) -> Figures:
    """The figures of some results."""
    every = list(results)
    judged = [item for item in every if item.verdict not in (SKIPPED, ERROR)]
    right = [item for item in judged if item.root_exact]
    wrong = [item for item in judged if item.root_exact is False]
    stars = [item.dq_star for item in judged if item.dq_star is not None]
    times = [item.t_mitigate_s for item in judged if item.t_mitigate_s is not None]
    repeats = _by_case(judged)
    return Figures(
        cases=len(every),
        judged=len(judged),
        solved=sum(item.verdict == SOLVED for item in judged),
        skipped=sum(item.verdict == SKIPPED for item in every),
        errors=sum(item.verdict == ERROR for item in every),
        detected=_share(judged, lambda item: item.detected),
        root_exact=_share(judged, lambda item: item.root_exact),
        mitigated=_share(judged, lambda item: item.mitigated),
        undone_exactly=_share(judged, lambda item: item.undone_exactly),
        mitigated_if_right=_share(right, lambda item: item.mitigated),
        mitigated_if_wrong=_share(wrong, lambda item: item.mitigated),
        harmed=sum(bool(item.harm) for item in judged),
        writes=sum(item.writes for item in judged),
        t_detect_s=_median(item.t_detect_s for item in judged),
        t_diagnose_s=_median(item.t_diagnose_s for item in judged),
        t_mitigate_s=_median(times),
        t_mitigate_p90_s=_quantile(times, 0.9),
        dq=_mean([item.dq for item in judged if item.dq is not None]),
        dq_star=_mean(stars),
        dq_star_interval=_interval(stars),
        brier=_mean([_miss(item) for item in judged if item.confidence is not None]),
        unsteady=sum(len({item.verdict for item in group}) > 1 for group in repeats),
        t_mitigate_deviation_s=_median(map(_deviation, repeats)),
    )


def families(results: Iterable[Result]) -> dict[str, list[Result]]:
    """By family, in order."""
    found: dict[str, list[Result]] = {}
    for item in sorted(results, key=lambda item: (item.family, item.case, item.repeat)):
        found.setdefault(item.family, []).append(item)
    return found


def controls(results: Iterable[Result]) -> dict[str, list[Result]]:
    """By control; "" is Stratus itself."""
    found: dict[str, list[Result]] = {"": []}
    for item in results:
        found.setdefault(item.control, []).append(item)
    return found


def _miss(item: Result) -> float:
    return ((item.confidence or 0.0) - bool(item.root_exact)) ** 2


def _by_case(results: Iterable[Result]) -> list[list[Result]]:
    found: dict[str, list[Result]] = {}
    for item in results:
        found.setdefault(f"{item.case} {item.known_good}", []).append(item)
    return list(found.values())


def _deviation(group: Sequence[Result]) -> float | None:
    times = [item.t_mitigate_s for item in group if item.t_mitigate_s is not None]
    return statistics.stdev(times) if len(times) > 1 else None


def _share(results: Iterable[Result], value: Callable[[Result], bool | None]) -> float | None:
    known = [said for item in results if (said := value(item)) is not None]
    return sum(known) / len(known) if known else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _interval(values: Sequence[float]) -> float | None:
    """Normal approximation; said only from five values on, since fewer say nothing."""
    if len(values) < 5:
        return None
    return float(1.96 * statistics.stdev(values) / len(values) ** 0.5)


def _quantile(values: Sequence[float], share: float) -> float | None:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None
