"""What must be heard from logs before a commit, where it was logs that told of the fault.

A pod that has just started has written nothing yet: no error in its log is no news of its repair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.log_errors import MANY, newest_of
from stratus_cli.kube.log_latency import newest_median, slower
from stratus_cli.model.ref import Ref

ERRORS, SLOW = "SLO006", "SLO007"
LEAST_LINES = 20  # as many as requests that count as traffic (DESIGN.md, Health and TNR)
FASTER = 1.5  # times; our choice: half the way back to what makes a finding
QUIET_S = 20.0
"""A program that writes less is not waited for. Our choice: twice what counts as a blip."""


class Heard:
    """Of one watch. roots: (rule, unit) of the findings that must be gone."""

    def __init__(self, roots: Sequence[tuple[str, Ref]]) -> None:
        self._roots = tuple((rule, ref) for rule, ref in roots if rule in (ERRORS, SLOW))
        self._slow: dict[Ref, float] = {}

    @property
    def longest_s(self) -> float:
        """How long silence is waited for."""
        return QUIET_S if self._roots else 0.0

    def missing(self, graph: Graph, waited_s: float) -> tuple[str, ...]:
        """Sentences. waited_s: since the change had converged."""
        if any(rule == SLOW for rule, _ in self._roots):
            for found in slower(
                graph
            ):  # the pods from before the change, as long as they are there
                self._slow.setdefault(found.owner, found.now_s)
        return tuple(
            why for rule, ref in self._roots for why in self._of(graph, rule, ref, waited_s)
        )

    def _of(self, graph: Graph, rule: str, ref: Ref, waited_s: float) -> Iterator[str]:
        newest = newest_of(graph, ref)
        if newest is None:
            return  # this cluster gives no times: the finding alone decides
        lines, wrong = newest
        if lines < LEAST_LINES and waited_s < QUIET_S:
            yield f"{ref}: {LEAST_LINES} log lines since the change"
        elif rule == ERRORS and wrong > 1 and wrong >= MANY * lines:
            yield f"{ref}: its log still tells of errors"
        present, former = newest_median(graph, ref), self._slow.get(ref)
        if rule == SLOW and present and former and present * FASTER > former:
            yield f"{ref}: its log still tells of slow requests"
