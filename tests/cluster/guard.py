"""What protects a bed that goes up or down: a lock, and the handling of signals."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from typing import Any

from tests.cluster.errors import BedError
from tests.cluster.layout import STATE_ROOT, Layout


@contextlib.contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """One `up` or `down` of a bed at a time. BedError when the state folder is not ours."""
    STATE_ROOT.mkdir(mode=0o700, exist_ok=True)
    if STATE_ROOT.is_symlink() or STATE_ROOT.stat().st_uid != os.geteuid():
        raise BedError(f"{STATE_ROOT} is not a folder of this user")
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP interrupt as Ctrl-C does, so that they are cleaned up after.

    Ctrl-C too: a shell starts what runs in the background with SIGINT ignored, and Python leaves
    it so.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _handling((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextlib.contextmanager
def uninterruptible() -> Iterator[None]:
    """Going down is not interrupted: it takes a second or two."""
    with _handling((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(signals: tuple[signal.Signals, ...], handler: Any) -> Iterator[None]:
    try:
        before = {number: signal.signal(number, handler) for number in signals}
    except ValueError:  # not the main thread: signals are not ours to handle
        yield
        return
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
