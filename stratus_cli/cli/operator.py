"""The person at the terminal: the port Operator, for questions and for --auto.

Questions go to stderr and answers come from stdin. Without a terminal nobody is asked and
nothing is written. Must not decide what is safe: it only carries a person's word.
"""

from __future__ import annotations

import fnmatch
import os
import shlex
import subprocess
import tempfile
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from stratus_cli.cli.interrupt import SignalInterrupt
from stratus_cli.model.change import Reversibility
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.errors import Refused
from stratus_cli.model.plan import Plan
from stratus_cli.model.ref import ClusterIdentity
from stratus_cli.render.incident_text import headline
from stratus_cli.render.page import Page
from stratus_cli.render.plan_text import plan_page
from stratus_cli.render.safe import clean


@dataclass
class PlanAnswer:
    """What was decided. choice: yes, stop, next or edit; lines: the edited kubectl lines."""

    choice: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terminal:
    """Where questions are put. edit: gives the lines back as a person changed them."""

    question: TextIO
    answers: TextIO
    edit: Callable[[tuple[str, ...]], tuple[str, ...]]

    @property
    def present(self) -> bool:
        """Whether a person can be asked."""
        return self.answers.isatty()


class TerminalOperator:
    """Asks before each write; with auto, says what it does and goes on."""

    def __init__(
        self,
        terminal: Terminal,
        interrupt: SignalInterrupt,
        identity: ClusterIdentity,
        *,
        auto: bool = False,
        protected: tuple[str, ...] = (),
        context_spelled_out: bool = False,
    ) -> None:
        self._terminal = terminal
        self._interrupt = interrupt
        self._identity = identity
        self._auto = auto
        self._protected = is_protected(identity.context, protected)
        if auto and self._protected and not context_spelled_out:
            raise Refused(
                "the context is protected, and --auto wants it spelled out",
                identity.context,
                f"Nothing was written. Add --context {identity.context}, or leave --auto out.",
            )

    def header(self, namespaces: tuple[str, ...], journal: str) -> Page:
        """What a writing command starts with: where it will write, and as whom."""
        page = Page()
        if self._protected:
            page.line((f"PROTECTED CONTEXT  {clean(self._identity.context)}", "bold white on red"))
        page.line(
            ("context ", "dim"),
            (clean(self._identity.context), "bold"),
            f"  server {clean(self._identity.server)}  user {clean(self._identity.user)}",
        )
        shown = ", ".join(map(clean, namespaces)) if namespaces else "all that may be listed"
        page.line(("namespaces ", "dim"), f"{shown}  ", ("journal ", "dim"), clean(journal))
        return page

    def approve(self, plan: Plan, incident: Incident | None) -> PlanAnswer:
        """Show the plan and ask: y, N, s or e."""
        page = Page()
        page.blank()
        if incident is not None:
            page.line(("For ", "dim"), (headline(incident), "bold"), f"  [{incident.id}]")
        page.add(plan_page(plan))
        page.show(self._terminal.question)
        if self._auto:
            self._refuse_for_good(plan)
            self._say("--auto: applying this plan")
            return PlanAnswer("yes")
        self._need_terminal()
        while True:
            word = self._ask(self._question(choices=incident is not None))
            if self._is_yes(word):
                return PlanAnswer("yes" if self._named(plan) else "stop")
            if word in ("", "n", "no"):
                return PlanAnswer("stop")
            if incident is None:
                self._say(f"{clean(word)!r} is not an answer")
                continue
            if word in ("s", "next"):
                return PlanAnswer("next")
            if word in ("e", "edit"):
                lines = tuple(step.kubectl for step in plan.steps)
                edited = self._terminal.edit(lines)
                if edited and edited != lines:
                    return PlanAnswer("edit", edited)
                self._say("the lines are unchanged")
                continue
            self._say(f"{clean(word)!r} is not an answer")

    def confirm(self, question: str) -> bool:
        """A yes/no question whose default is no. --auto answers no: it takes nothing upon it."""
        if self._auto:
            self._say(f"{question} no (--auto)")
            return False
        self._need_terminal()
        if self._protected:
            wanted = self._identity.context
            typed = self._ask(f"{question}\nProtected: type {clean(wanted)} to go on: ", raw=True)
            return typed == wanted
        return self._ask(f"{question} [y/N] ") in ("y", "yes")

    def _refuse_for_good(self, plan: Plan) -> None:
        for step in plan.steps:
            if step.change.reversibility is Reversibility.IRREVERSIBLE:
                raise Refused(
                    "what cannot be undone is never done by --auto",
                    str(step.change.ref),
                    "Nothing was written. Leave --auto out and answer on a terminal.",
                )

    def _named(self, plan: Plan) -> bool:
        """Whether a person typed the name of each object that would be gone for good."""
        for step in plan.steps:
            if step.change.reversibility is Reversibility.IRREVERSIBLE:
                ref = step.change.ref
                question = (
                    f"{clean(ref)} would be gone for good; no undo brings it back."
                    f"\nType its name to delete it: "
                )
                if self._ask(question, raw=True) != ref.name:
                    self._say("that is not its name; nothing was written")
                    return False
        return True

    def _question(self, *, choices: bool) -> str:
        """choices: there may be other candidates, which a file and an undo do not have."""
        rest = "N = stop, s = next candidate, e = edit the lines" if choices else "N = stop"
        if self._protected:
            return f"Apply? Type {clean(self._identity.context)} to apply, {rest}: "
        return f"Apply? [{'y/N/s/e' if choices else 'y/N'}]  (y = apply, {rest}): "

    def _is_yes(self, word: str) -> bool:
        if self._protected:
            return word == self._identity.context.lower()
        return word in ("y", "yes")

    def _ask(self, question: str, *, raw: bool = False) -> str:
        """One answer. The end of input and Ctrl-C both mean no."""
        forget_typed(self._terminal.answers)
        self._terminal.question.write("".join(_kept(char) for char in question))
        self._terminal.question.flush()
        try:
            with self._interrupt.asking():
                line = self._terminal.answers.readline()
        except KeyboardInterrupt:
            self._say("")
            return ""
        if not line:
            self._say("")
        return line.strip() if raw else line.strip().lower()

    def _need_terminal(self) -> None:
        if not self._terminal.present:
            raise Refused(
                "nothing was written: there is no terminal to ask on and --auto was not given",
                "",
                "Run it on a terminal, add --auto, or review `stratus plan --out plan.yaml`.",
            )

    def _say(self, text: str) -> None:
        self._terminal.question.write(f"{text}\n")
        self._terminal.question.flush()


def forget_typed(answers: TextIO) -> None:
    """Drop what was typed before the question was on screen: it was no answer to it."""
    try:
        termios.tcflush(answers.fileno(), termios.TCIFLUSH)
    except (OSError, ValueError, termios.error):
        return  # not a terminal of the system's (a test's text file)


def is_protected(context: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern of the setting `protected` names this context."""
    return any(fnmatch.fnmatchcase(context, pattern) for pattern in patterns)


def edit_lines(
    lines: tuple[str, ...], env: Mapping[str, str], question: TextIO, answers: TextIO
) -> tuple[str, ...]:
    """The lines as a person changed them: in $VISUAL or $EDITOR, else typed after a prompt."""
    editor = env.get("VISUAL") or env.get("EDITOR")
    if editor:
        return _in_editor(lines, shlex.split(editor))
    question.write("Type the kubectl lines, an empty line ends (nothing keeps the plan):\n")
    question.flush()
    typed = []
    while line := answers.readline().strip():
        typed.append(line)
    return tuple(typed)


def _in_editor(lines: tuple[str, ...], command: list[str]) -> tuple[str, ...]:
    handle, name = tempfile.mkstemp(prefix="stratus-", suffix=".kubectl")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("# One kubectl line each. Save to plan them; an empty file stops.\n")
            file.writelines(f"{line}\n" for line in lines)
        try:
            subprocess.run([*command, name], check=True)  # noqa: S603  # the person's own editor
        except (OSError, subprocess.CalledProcessError) as error:
            raise Refused(
                f"the editor did not finish ({error})",
                command[0],
                "Nothing was written. Set EDITOR to an editor that works.",
            ) from error
        text = path.read_text(encoding="utf-8")
    finally:
        path.unlink(missing_ok=True)
    kept = (line.strip() for line in text.splitlines())
    return tuple(line for line in kept if line and not line.startswith("#"))


def _kept(char: str) -> str:
    return char if char == "\n" else clean(char)
