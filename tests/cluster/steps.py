"""What takes how long, said while it happens."""

from __future__ import annotations

import sys
import time


class Steps:
    """Prints steps to stderr, each with its own time and the time since the start."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()

    def say(self, text: str) -> None:
        """Something that is about to happen, or a fact."""
        print(text, file=sys.stderr, flush=True)

    def done(self, step: str) -> None:
        """A step that has just ended."""
        now = time.monotonic()
        self.say(f"{now - self.began:6.1f} s  (+{now - self.last:4.1f} s)  {step}")
        self.last = now

    def __call__(self, text: str) -> None:
        """Same as `say`."""
        self.say(text)
