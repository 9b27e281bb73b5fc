"""Splitting a kubectl command into flags and positional words. Knows flags, not what they mean.

A closed list: a flag that is not in a verb's own list is refused, and why, where it is known.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stratus_cli.model.plan import Refusal

Word = str | dict[str, Any] | list[Any]

METACHARACTERS = frozenset(";|&$`><(){}*?!#~\\")
REFUSED_FLAGS = {
    **dict.fromkeys(
        ("--kubeconfig", "--context", "--cluster", "--user", "--server", "-s"),
        "which cluster is written to is not for a command line to say",
    ),
    **dict.fromkeys(
        ("--as", "--as-group", "--as-uid", "--token", "--username", "--password"),
        "as whom is not for a command line to say",
    ),
    **dict.fromkeys(
        ("--force", "--grace-period", "--now", "--cascade", "--wait", "--ignore-not-found"),
        "deletion is always graceful, waited for, and by the server's own rules",
    ),
    **dict.fromkeys(
        (
            *("--all", "--selector", "-l", "--field-selector", "-A", "--all-namespaces", "-R"),
            *("--recursive", "--pod-selector"),
        ),
        "every object is named, so that a reviewer sees what is changed",
    ),
    **dict.fromkeys(
        ("--filename", "-f", "-k", "--kustomize", "--patch-file"),
        "files and addresses are not read; give the document itself",
    ),
    **dict.fromkeys(
        ("--validate", "--insecure-skip-tls-verify", "--raw"), "checks are not switched off"
    ),
    "--disable-eviction": "PodDisruptionBudgets are respected",
    **dict.fromkeys(
        ("--dry-run", "--output", "-o", "--local"), "use `stratus plan` to see what would happen"
    ),
}
DOCUMENTS = ("patch", "filename")
"""Flags whose value may be a document."""
_DOCUMENTED = ("-f", "--filename", "-p", "--patch")
_ASSIGNED = tuple(f"{flag}=" for flag in _DOCUMENTED)

NAMESPACE = {"-n": "namespace", "--namespace": "namespace"}


@dataclass
class Parsed:
    """positional: the words that are no flags. flags: values by long name, True for a switch."""

    positional: list[Word] = field(default_factory=list)
    flags: dict[str, Any] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """The positional words that are plain text."""
        return [word for word in self.positional if isinstance(word, str)]


def split(
    words: Sequence[Word], valued: Mapping[str, str], switches: Mapping[str, str]
) -> Parsed | Refusal:
    """valued, switches: spelling -> long name, of the flags that this verb takes."""
    takes = {**NAMESPACE, **valued}
    parsed = Parsed()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not isinstance(word, str) or not word.startswith("-") or word == "-":
            parsed.positional.append(word)
            continue
        if word == "--":
            return Refusal("grammar", "-- is not taken: nothing is run in a container")
        found = _flag(word, rest, takes, switches)
        if isinstance(found, Refusal):
            return found
        name, value = found
        if not isinstance(value, str | bool) and name not in DOCUMENTS:
            return Refusal("flag", f"--{name} takes a word, not a document")
        if value == "":
            return Refusal("flag", f"--{name} needs a value")
        if name in parsed.flags and parsed.flags[name] != value:
            return Refusal("flag", f"--{name} is given twice")
        parsed.flags[name] = value
    return parsed


def plain_words(line: str) -> list[str] | Refusal:
    """The words of a typed line. Refused: what only a shell would understand."""
    bare = _unquoted(line)
    if any(not (char.isprintable() or char in "\t\n") for char in line) or "\n" in bare:
        return Refusal("shell", "a line break or control character; give one command a line")
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
    except ValueError as error:
        return Refusal("words", f"the line does not split into words: {error}")
    for flag, word in zip(["", *words], words, strict=False):
        if "\n" in word and not (flag in _DOCUMENTED or word.startswith(_ASSIGNED)):
            return Refusal("shell", "a line break in a word that is no document")
    found = sorted({char for char in bare if char in METACHARACTERS})
    if found:
        return Refusal("shell", f"{' '.join(found)} outside quotes: there is no shell here")
    return words


def _flag(
    word: str, rest: list[Word], takes: Mapping[str, str], switches: Mapping[str, str]
) -> tuple[str, Any] | Refusal:
    name, equals, value = word.partition("=")
    if name in switches:
        if equals and value not in ("true", "false"):
            return Refusal("flag", f"{name} takes true or false")
        return switches[name], value != "false"
    if name in takes:
        if equals:
            return takes[name], value
        if not rest:
            return Refusal("flag", f"{name} needs a value")
        return takes[name], rest.pop(0)
    short = word[:2]
    if not word.startswith("--") and len(word) > 2 and short in takes:
        return takes[short], word[2:]
    for spelling in (name, short if not word.startswith("--") else name):
        if spelling in REFUSED_FLAGS:
            return Refusal("flag", f"{spelling}: {REFUSED_FLAGS[spelling]}")
    return Refusal("flag", f"unknown flag {name}")


def _unquoted(line: str) -> str:
    """The characters of the line that stand outside quotes."""
    kept, quote, index = [], "", 0
    while index < len(line):
        char = line[index]
        if quote:
            if char == "\\" and quote == '"':
                index += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        else:
            kept.append(char)
        index += 1
    return "".join(kept)
