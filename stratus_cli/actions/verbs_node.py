"""Verbs for nodes: cordon, uncordon, drain and taint."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from stratus_cli.actions.base import Action
from stratus_cli.actions.cordon import Cordon
from stratus_cli.actions.drain import Drain
from stratus_cli.actions.taint import EFFECTS, Taint
from stratus_cli.actions.targets import one_object, ref_named
from stratus_cli.actions.verbs import Made, Verb
from stratus_cli.actions.words import Parsed
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

TAINT = re.compile(r"([^=:]+?)(?:=([^:]*))?(?::([A-Za-z]+))?(-?)")


def _taint(parsed: Parsed, namespace: str) -> Made:
    found = one_object(parsed, namespace)
    if isinstance(found, Refusal):
        return found
    ref, rest = found
    if ref.kind != "Node":
        return Refusal("kind", f"a {ref.kind} has no taints")
    add, remove = [], []
    for word in rest:
        match = TAINT.fullmatch(word)
        if match is None or (match[3] or "NoSchedule") not in EFFECTS:
            return Refusal(
                "grammar", f"{word!r} is no taint", "write KEY=VALUE:EFFECT or KEY:EFFECT-"
            )
        key, value, effect, gone = (part or "" for part in match.groups())
        if gone:
            remove.append((key, effect))
        elif effect:
            add.append((key, value, effect))
        else:
            return Refusal(
                "grammar", f"{word!r} has no effect", f"give one of {', '.join(EFFECTS)}"
            )
    if not add and not remove:
        return Refusal("grammar", "no taint is named", "write KEY=VALUE:EFFECT or KEY:EFFECT-")
    return (Taint(ref, tuple(add), tuple(remove), bool(parsed.flags.get("overwrite"))),)


def _drain(parsed: Parsed, namespace: str) -> Made:
    refs = _named(parsed)
    if isinstance(refs, Refusal):
        return refs
    stay, lose = (bool(parsed.flags.get(name)) for name in _DRAIN.values())
    return tuple(Drain(ref, stay, lose) for ref in refs)


def _nodes(make: Callable[[Ref], Action]) -> Callable[[Parsed, str], Made]:
    def made(parsed: Parsed, namespace: str) -> Made:
        refs = _named(parsed)
        return refs if isinstance(refs, Refusal) else tuple(make(ref) for ref in refs)

    return made


def _named(parsed: Parsed) -> list[Ref] | Refusal:
    """The nodes named, as NAME or node/NAME."""
    if len(parsed.texts) != len(parsed.positional):
        return Refusal("grammar", "a document where a word is wanted")
    refs: list[Ref] = []
    for word in parsed.texts:
        kind, slash, name = word.partition("/")
        ref = ref_named(kind if slash else "node", name if slash else word, "default")
        if isinstance(ref, Refusal):
            return ref
        if ref.kind != "Node":
            return Refusal("kind", f"a {ref.kind} is no node")
        refs.append(ref)
    return refs or Refusal("grammar", "no node is named")


_DRAIN = {
    "--ignore-daemonsets": "ignore-daemonsets",
    "--delete-emptydir-data": "delete-emptydir-data",
}
VERBS: Mapping[str, Verb] = {
    "taint": Verb(_taint, {}, {"--overwrite": "overwrite"}),
    "cordon": Verb(_nodes(lambda ref: Cordon(ref, unschedulable=True))),
    "uncordon": Verb(_nodes(lambda ref: Cordon(ref, unschedulable=False))),
    "drain": Verb(_drain, {}, _DRAIN),
}
