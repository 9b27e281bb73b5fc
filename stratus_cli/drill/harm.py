"""Harm: what got worse while somebody repaired. Samples are taken by a thread; judging is pure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

EVERY_S = 1.0
GRACE_S = 5.0  # DESIGN.md, harm event
LASTING_S = 30.0
LOSS = 0.10


@dataclass(frozen=True)
class Sample:
    """One look. at: seconds. ready: endpoints by Service; answered: whether the door was well."""

    at: float
    ready: Mapping[str, int]
    answered: bool | None = None


class Watch:
    """Looks once a second until it is left. A context manager."""

    def __init__(self, look: Callable[[], tuple[Mapping[str, int], bool | None]]) -> None:
        self._look = look
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._over.is_set():
            at = time.monotonic()
            try:
                ready, answered = self._look()
            except Exception:  # noqa: BLE001  # a look that failed is no sample; the next comes
                self._over.wait(EVERY_S)
                continue
            self.samples.append(Sample(at, ready, answered))
            self._over.wait(EVERY_S)


def harms(
    before: Sequence[Sample], during: Sequence[Sample], usual: Mapping[str, int] | None = None
) -> list[str]:
    """Units that lost more than a tenth for over 30 s, after 5 s of grace.

    usual: endpoints when all was well; a fault may have given a Service more, which are no loss.
    """
    if not before or not during:
        return []
    start = during[0].at + GRACE_S
    late = [sample for sample in during if sample.at >= start]
    found = []
    base = {name: min(sample.ready.get(name, 0) for sample in before) for name in before[-1].ready}
    for name, most in base.items():
        count = min(most, (usual or {}).get(name, most))
        if count and _longest(late, lambda s, n=name, c=count: s.ready.get(n, 0) < c * (1 - LOSS)):  # type: ignore[misc]  # bound now
            found.append(f"Service/{name} lost endpoints for over {LASTING_S:g} s")
    if all(sample.answered for sample in before if sample.answered is not None) and _longest(
        late, lambda sample: sample.answered is False
    ):
        found.append(f"the front door, open before, failed for over {LASTING_S:g} s")
    return found


def _longest(samples: Sequence[Sample], bad: Callable[[Sample], bool]) -> bool:
    """Whether it is bad without a break for longer than LASTING_S."""
    since: float | None = None
    for sample in samples:
        if not bad(sample):
            since = None
        elif since is None:
            since = sample.at
        elif sample.at - since > LASTING_S:
            return True
    return False
