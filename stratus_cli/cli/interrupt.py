"""Ctrl-C and its kind. The first signal asks for a roll-back; the second leaves at once.

Handlers are installed only while a command runs. Must not write to the journal or the cluster.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalInterrupt:
    """The port Interrupt over INT, TERM and HUP.

    at_once: nothing can be left half-done (reading, or a question is open), so that the first
    signal already ends the command.
    """

    def __init__(self, *, at_once: bool) -> None:
        self.requested = False
        self.at_once = at_once
        self.signum: int = signal.SIGINT

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Catch the signals inside the block, then put the former handlers back."""
        former = {signum: signal.signal(signum, self._caught) for signum in SIGNALS}
        try:
            yield
        finally:
            for signum, handler in former.items():
                signal.signal(signum, handler)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A question is open: a signal is an answer, and it is "no"."""
        former, self.at_once = self.at_once, True
        try:
            yield
        finally:
            self.at_once = former

    def _caught(self, signum: int, frame: FrameType | None) -> None:
        second, self.requested, self.signum = self.requested, True, signum
        if second or self.at_once:
            raise KeyboardInterrupt
        print(
            "\nstopping: an open transaction is taken back, a committed one is kept;"
            " again to leave at once",
            file=sys.stderr,
            flush=True,
        )
