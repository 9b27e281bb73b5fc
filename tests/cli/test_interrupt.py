"""The first signal asks for a roll-back, the second leaves at once; a question ends with one."""

from __future__ import annotations

import os
import signal

import pytest

from stratus_cli.cli.interrupt import SIGNALS, SignalInterrupt


@pytest.mark.parametrize("signum", SIGNALS)
def test_first_requests_second_raises(signum: int, capsys: pytest.CaptureFixture[str]) -> None:
    made = SignalInterrupt(at_once=False)
    with made.installed():
        os.kill(os.getpid(), signum)
        assert made.requested
        assert made.signum == signum
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signum)
    assert "taken back" in capsys.readouterr().err


def test_reading_ends_at_once() -> None:
    made = SignalInterrupt(at_once=True)
    with made.installed(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_question_ends_at_once_and_the_rest_does_not() -> None:
    made = SignalInterrupt(at_once=False)
    with made.installed():
        with pytest.raises(KeyboardInterrupt), made.asking():
            os.kill(os.getpid(), signal.SIGINT)
        assert made.at_once is False


def test_former_handlers_come_back() -> None:
    former = signal.getsignal(signal.SIGTERM)
    with SignalInterrupt(at_once=True).installed():
        assert signal.getsignal(signal.SIGTERM) != former
    assert signal.getsignal(signal.SIGTERM) == former
