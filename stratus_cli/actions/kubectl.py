"""kubectl text to typed actions: a closed grammar. What is not in it is refused, with a reason.

Nothing is ever run. The same grammar reads a runbook's filled lines, a person's text and a model's.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from stratus_cli.actions import verbs_node, verbs_object, verbs_rollout, verbs_set
from stratus_cli.actions.base import Action
from stratus_cli.actions.documents import DEEPEST, is_deep
from stratus_cli.actions.targets import NAMESPACE
from stratus_cli.actions.verbs import Actions, Verb
from stratus_cli.actions.words import Word, plain_words, split
from stratus_cli.model.plan import Refusal

__all__ = ["Action", "parse", "parse_line"]

VERBS: Mapping[str, Verb] = {
    **verbs_set.VERBS,
    **verbs_rollout.VERBS,
    **verbs_object.VERBS,
    **verbs_node.VERBS,
}
_TWO_WORDS = frozenset(name.partition(" ")[0] for name in VERBS if " " in name)
REFUSED_VERBS = {
    **dict.fromkeys(
        ("exec", "cp", "attach", "debug", "run"),
        "nothing is run inside the cluster; do it by hand",
    ),
    **dict.fromkeys(("edit",), "an editor's result is not known beforehand; use patch"),
    **dict.fromkeys(
        ("proxy", "port-forward"), "it opens a connection and changes nothing that can be undone"
    ),
    **dict.fromkeys(
        (
            "get",
            "describe",
            "logs",
            "top",
            "explain",
            "wait",
            "events",
            "diff",
            "auth",
            "api-resources",
        ),
        "it reads; a plan holds changes only",
    ),
    **dict.fromkeys(("config", "certificate", "plugin"), "it is not about an object's fields"),
    **dict.fromkeys(("replace",), "it replaces fields that nobody named; use patch"),
}


def parse_line(line: str, default_namespace: str) -> Actions | Refusal:
    """The actions of one typed line."""
    words = plain_words(line)
    if isinstance(words, Refusal):
        return words
    return parse(words, default_namespace)


def parse(words: Sequence[Word], default_namespace: str) -> Actions | Refusal:
    """The actions of one command, split into words. words[0] is "kubectl"."""
    if not words or words[0] != "kubectl":
        return Refusal("grammar", "not a kubectl command", "start the line with kubectl")
    leading, rest = _verb_words(list(words[1:]))
    name = " ".join(leading)
    if any(is_deep(word) for word in words):
        return Refusal("grammar", f"a document of more than {DEEPEST} levels")
    verb = VERBS.get(name)
    if verb is None:
        return _unknown(name)
    parsed = split(rest, verb.valued, verb.switches)
    if isinstance(parsed, Refusal):
        return parsed
    namespace = parsed.flags.get("namespace", default_namespace)
    if not isinstance(namespace, str) or not NAMESPACE.fullmatch(namespace):
        return Refusal("namespace", f"{namespace!r} is not a namespace")
    return verb.make(parsed, namespace)


def _verb_words(words: list[Word]) -> tuple[list[str], list[Word]]:
    """The verb (one word, or two as in `set image`), and everything else in its order."""
    leading: list[str] = []
    rest: list[Word] = []
    index = 0
    while index < len(words) and len(leading) < 2:
        word = words[index]
        if not isinstance(word, str):
            break
        if word in ("-n", "--namespace"):
            rest.extend(words[index : index + 2])
            index += 2
            continue
        if word.startswith("-"):
            rest.append(word)
            index += 1
            continue
        if leading and leading[0] not in _TWO_WORDS:
            break
        leading.append(word)
        index += 1
    return leading, [*rest, *words[index:]]


def _unknown(name: str) -> Refusal:
    first = name.partition(" ")[0]
    if first in REFUSED_VERBS:
        return Refusal("verb", f"kubectl {first} is not taken: {REFUSED_VERBS[first]}")
    near = difflib.get_close_matches(name, VERBS, 1)
    hint = f"did you mean kubectl {near[0]}?" if near else f"known: {', '.join(sorted(VERBS))}"
    return Refusal("verb", f"kubectl {name or '(nothing)'} is not in the grammar", hint)
