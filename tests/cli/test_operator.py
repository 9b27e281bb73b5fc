"""What a person is asked, what each answer means, and when nobody can be asked."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from stratus_cli.cli.interrupt import SignalInterrupt
from stratus_cli.cli.operator import Terminal, TerminalOperator, edit_lines, is_protected
from stratus_cli.model.errors import Refused
from tests.render import samples


class Typed(io.StringIO):
    """Answers as typed on a terminal."""

    def isatty(self) -> bool:
        return True


def operator(
    answers: io.StringIO, *, edited: tuple[str, ...] = (), **options: object
) -> tuple[TerminalOperator, io.StringIO]:
    shown = io.StringIO()
    terminal = Terminal(shown, answers, lambda lines: edited or lines)
    made = TerminalOperator(
        terminal,
        SignalInterrupt(at_once=False),
        samples.CLUSTER,
        **options,  # type: ignore[arg-type]  # keyword options of the operator
    )
    return made, shown


@pytest.mark.parametrize(
    ("typed", "choice"),
    [
        ("y\n", "yes"),
        ("yes\n", "yes"),
        ("\n", "stop"),
        ("n\n", "stop"),
        ("", "stop"),
        ("s\n", "next"),
    ],
)
def test_answers(typed: str, choice: str) -> None:
    made, shown = operator(Typed(typed))
    assert made.approve(samples.plan(), samples.incident()).choice == choice
    assert "put back the image that ran last" in shown.getvalue()
    assert "[y/N/s/e]" in shown.getvalue()


def test_a_wrong_word_is_asked_again() -> None:
    made, shown = operator(Typed("maybe\ny\n"))
    assert made.approve(samples.plan(), samples.incident()).choice == "yes"
    assert "'maybe' is not an answer" in shown.getvalue()


def test_edited_lines_come_back() -> None:
    lines = ("kubectl -n shop scale deploy/cart --replicas=2",)
    made, _ = operator(Typed("e\n"), edited=lines)
    answer = made.approve(samples.plan(), samples.incident())
    assert (answer.choice, answer.lines) == ("edit", lines)


def test_unchanged_lines_are_asked_about_again() -> None:
    made, shown = operator(Typed("e\nn\n"))
    assert made.approve(samples.plan(), samples.incident()).choice == "stop"
    assert "unchanged" in shown.getvalue()


def test_without_a_terminal_nothing_is_approved() -> None:
    made, _ = operator(io.StringIO("y\n"))
    with pytest.raises(Refused) as error:
        made.approve(samples.plan(), None)
    assert "no terminal" in error.value.what
    assert error.value.exit_code == 4


def test_auto_does_not_ask_but_confirms_nothing_extra() -> None:
    made, _ = operator(io.StringIO(), auto=True)
    assert made.approve(samples.plan(), None).choice == "yes"
    assert made.confirm("Take the loss?") is False


def test_a_protected_context_wants_its_name() -> None:
    made, shown = operator(Typed("y\nprod\n"), protected=("pr*",))
    assert made.approve(samples.plan(), None).choice == "yes"
    assert "'y' is not an answer" in shown.getvalue()
    assert "PROTECTED CONTEXT  prod" in made.header((), "/j").text
    confirmed, _ = operator(Typed("y\n"), protected=("prod",))
    assert confirmed.confirm("Sure?") is False


def test_auto_on_a_protected_context_wants_the_context_spelled_out() -> None:
    with pytest.raises(Refused, match="spelled out"):
        operator(io.StringIO(), auto=True, protected=("prod",))
    made, _ = operator(io.StringIO(), auto=True, protected=("prod",), context_spelled_out=True)
    assert made.approve(samples.plan(), None).choice == "yes"


def test_the_header_says_where_and_as_whom() -> None:
    made, _ = operator(Typed())
    text = made.header(("shop",), "/j").text
    for wanted in ("prod", "https://10.0.0.1:6443", "alice", "shop", "/j"):
        assert wanted in text


def test_patterns_of_protected_contexts() -> None:
    assert is_protected("prod-eu", ("prod-*",))
    assert not is_protected("staging", ("prod-*", "live"))


def test_lines_typed_without_an_editor() -> None:
    shown = io.StringIO()
    typed = edit_lines(("a",), {}, shown, io.StringIO("kubectl one\nkubectl two\n\nnot this\n"))
    assert typed == ("kubectl one", "kubectl two")


def test_lines_edited_in_an_editor(tmp_path: Path) -> None:
    script = tmp_path / "editor.py"
    script.write_text("import sys; open(sys.argv[1], 'a').write('kubectl more\\n')\n")
    env = {"EDITOR": f"{sys.executable} {script}"}
    typed = edit_lines(("kubectl one",), env, io.StringIO(), io.StringIO())
    assert typed == ("kubectl one", "kubectl more")


def test_an_editor_that_fails_writes_nothing() -> None:
    with pytest.raises(Refused, match="editor"):
        edit_lines(("a",), {"EDITOR": "/nonexistent/editor"}, io.StringIO(), io.StringIO())
