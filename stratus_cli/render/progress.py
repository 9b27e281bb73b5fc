"""Progress on stderr: stages, notes, and what is being waited for.

On a terminal the wait is one line that is rewritten; elsewhere each new reason to wait is a line.
"""

from __future__ import annotations

import shutil
from typing import TextIO

from stratus_cli.render.safe import clean, seconds


class StreamProgress:
    """The port Progress over a text stream."""

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._verbose = verbose
        self._waiting_for = ""
        self._line_open = False

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._end_line()
        self._write(f"== {clean(name)}\n")

    def note(self, text: str) -> None:
        """One line of what happened."""
        self._end_line()
        self._write(f"   {clean(text)}\n")

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        """What is being waited for."""
        what = clean(what)
        if self._terminal:
            line = f"   waiting for {what}: {seconds(elapsed_s)} of at most {seconds(limit_s)}"
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[K{line[:width]}")
            self._line_open = True
        elif what != self._waiting_for:
            self._write(f"   waiting for {what} (at most {seconds(limit_s)})\n")
        self._waiting_for = what

    def close(self) -> None:
        """End a line that is being rewritten."""
        self._end_line()

    def _end_line(self) -> None:
        if self._line_open:
            self._write("\r\x1b[K")
            self._line_open = False
        self._waiting_for = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class SilentProgress:
    """Nobody watches (quick reading commands)."""

    def stage(self, name: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        """Nothing."""
