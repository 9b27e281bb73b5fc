"""kubectl text to typed actions: a closed grammar. What is not in it is refused, with a reason.

Nothing is ever run. The same grammar reads a runbook's filled lines, a person's text and a model's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from stratus_cli.actions.apply_object import ApplyObject
from stratus_cli.actions.base import Action
from stratus_cli.actions.cordon import Cordon
from stratus_cli.actions.create_object import CreateObject
from stratus_cli.actions.delete_object import DeleteObject
from stratus_cli.actions.documents import DEEPEST, document_of, is_deep, manifest_ref
from stratus_cli.actions.mark import Mark
from stratus_cli.actions.patch_object import TYPES, PatchObject
from stratus_cli.actions.pause import Pause
from stratus_cli.actions.restart import Restart
from stratus_cli.actions.roll_back import RollBack
from stratus_cli.actions.scale import Scale
from stratus_cli.actions.set_env import SetEnv
from stratus_cli.actions.set_image import SetImage
from stratus_cli.actions.set_resources import SetResources
from stratus_cli.actions.taint import EFFECTS, Taint
from stratus_cli.actions.targets import NAMESPACE, objects_named, one_object, pairs_of, ref_named
from stratus_cli.actions.words import Parsed, Word, plain_words, split
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

__all__ = ["Action", "parse", "parse_line"]

Actions = tuple[Action, ...]

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
TAINT = re.compile(r"([^=:]+?)(?:=([^:]*))?(?::([A-Za-z]+))?(-?)")


@dataclass(frozen=True)
class _Verb:
    """make: actions from (what was parsed, namespace). The flags it takes, by spelling."""

    make: Callable[[Parsed, str], Actions | Refusal]
    valued: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)


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
    verb = _VERBS.get(name)
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
    near = difflib.get_close_matches(name, _VERBS, 1)
    hint = f"did you mean kubectl {near[0]}?" if near else f"known: {', '.join(sorted(_VERBS))}"
    return Refusal("verb", f"kubectl {name or '(nothing)'} is not in the grammar", hint)


def _marks(where: str) -> Callable[[Parsed, str], Actions | Refusal]:
    def make(parsed: Parsed, namespace: str) -> Actions | Refusal:
        found = objects_named(parsed.positional, namespace)
        if isinstance(found, Refusal):
            return found
        refs, rest = found
        pairs = pairs_of(rest)
        if isinstance(pairs, Refusal):
            return pairs
        values, remove = pairs
        if not values and not remove:
            return Refusal("grammar", "nothing to set or remove", "KEY=VALUE or KEY-")
        overwrite = bool(parsed.flags.get("overwrite"))
        return tuple(Mark(ref, where, values, remove, overwrite) for ref in refs)

    return make


# Verbs


def _set_image(parsed: Parsed, namespace: str) -> Actions | Refusal:
    found = one_object(parsed, namespace)
    if isinstance(found, Refusal):
        return found
    ref, rest = found
    pairs = pairs_of(rest)
    if isinstance(pairs, Refusal):
        return pairs
    images, remove = pairs
    if remove or not images or not all(image for _, image in images):
        return Refusal("grammar", "set image needs CONTAINER=IMAGE")
    return (SetImage(ref, images),)


def _set_env(parsed: Parsed, namespace: str) -> Actions | Refusal:
    found = one_object(parsed, namespace)
    if isinstance(found, Refusal):
        return found
    ref, rest = found
    pairs = pairs_of(rest)
    if isinstance(pairs, Refusal):
        return pairs
    values, remove = pairs
    if not values and not remove:
        return Refusal("grammar", "set env needs NAME=VALUE or NAME-")
    return (SetEnv(ref, values, remove, _container(parsed)),)


def _set_resources(parsed: Parsed, namespace: str) -> Actions | Refusal:
    found = one_object(parsed, namespace)
    if isinstance(found, Refusal):
        return found
    ref, rest = found
    if rest:
        return Refusal("grammar", f"{rest[0]!r} is one word too many")
    amounts = []
    for name in ("limits", "requests"):
        pairs = pairs_of([part for part in _text(parsed, name).split(",") if part])
        if isinstance(pairs, Refusal):
            return pairs
        if pairs[1]:
            return Refusal("grammar", f"--{name} needs RESOURCE=QUANTITY")
        amounts.append(pairs[0])
    if not any(amounts):
        return Refusal("grammar", "set resources needs --limits or --requests")
    return (SetResources(ref, amounts[0], amounts[1], _container(parsed)),)


def _scale(parsed: Parsed, namespace: str) -> Actions | Refusal:
    found = objects_named(parsed.positional, namespace)
    if isinstance(found, Refusal):
        return found
    refs, rest = found
    number = _text(parsed, "replicas")
    if rest or not number.isdecimal() or len(number) > 6:
        return Refusal("grammar", "scale needs objects and --replicas=NUMBER")
    return tuple(Scale(ref, int(number)) for ref in refs)


def _restart(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _each(parsed, namespace, Restart)


def _pause(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _each(parsed, namespace, lambda ref: Pause(ref, paused=True))


def _resume(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _each(parsed, namespace, lambda ref: Pause(ref, paused=False))


def _delete(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _each(parsed, namespace, DeleteObject)


def _undo(parsed: Parsed, namespace: str) -> Actions | Refusal:
    number = _text(parsed, "to-revision") or "0"
    if not number.isdecimal() or len(number) > 9:
        return Refusal("grammar", f"{number!r} is not a revision")
    return _each(parsed, namespace, lambda ref: RollBack(ref, int(number)))


def _patch(parsed: Parsed, namespace: str) -> Actions | Refusal:
    found = one_object(parsed, namespace)
    if isinstance(found, Refusal):
        return found
    ref, rest = found
    if rest:
        return Refusal("grammar", f"{rest[0]!r} is one word too many")
    form = _text(parsed, "type") or "strategic"
    if form not in TYPES:
        return Refusal("grammar", f"--type is one of {', '.join(TYPES)}")
    document = document_of(parsed.flags.get("patch"))
    if isinstance(document, Refusal):
        return document
    if is_deep(document):
        return Refusal("patch", f"a document of more than {DEEPEST} levels")
    return (PatchObject(ref, document, form),)


def _create(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _from_manifest(parsed, namespace, CreateObject)


def _apply(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _from_manifest(parsed, namespace, ApplyObject)


def _from_manifest(
    parsed: Parsed, namespace: str, make: Callable[[Ref, dict[str, object]], Action]
) -> Actions | Refusal:
    if parsed.positional:
        return Refusal("grammar", "it takes a manifest only", "-f MANIFEST")
    manifest = parsed.flags.get("filename")
    if not isinstance(manifest, dict):
        return Refusal("flag", "files and addresses are not read; give the manifest itself")
    ref = manifest_ref(manifest, namespace, explicit="namespace" in parsed.flags)
    if isinstance(ref, Refusal):
        return ref
    return (make(ref, manifest),)


def _cordon(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _nodes(parsed, unschedulable=True)


def _uncordon(parsed: Parsed, namespace: str) -> Actions | Refusal:
    return _nodes(parsed, unschedulable=False)


def _taint(parsed: Parsed, namespace: str) -> Actions | Refusal:
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
            return Refusal("grammar", f"{word!r} is no taint", "KEY=VALUE:EFFECT or KEY:EFFECT-")
        key, value, effect, gone = (part or "" for part in match.groups())
        if gone:
            remove.append((key, effect))
        elif effect:
            add.append((key, value, effect))
        else:
            return Refusal("grammar", f"{word!r} has no effect", f"one of {', '.join(EFFECTS)}")
    if not add and not remove:
        return Refusal("grammar", "no taint is named", "KEY=VALUE:EFFECT or KEY:EFFECT-")
    return (Taint(ref, tuple(add), tuple(remove), bool(parsed.flags.get("overwrite"))),)


def _nodes(parsed: Parsed, *, unschedulable: bool) -> Actions | Refusal:
    found: list[Action] = []
    if len(parsed.texts) != len(parsed.positional):
        return Refusal("grammar", "a document where a word is wanted")
    for word in parsed.texts:
        kind, slash, name = word.partition("/")
        ref = ref_named(kind if slash else "node", name if slash else word, "default")
        if isinstance(ref, Refusal):
            return ref
        if ref.kind != "Node":
            return Refusal("kind", f"a {ref.kind} is no node")
        found.append(Cordon(ref, unschedulable))
    return tuple(found) or Refusal("grammar", "no node is named")


def _each(parsed: Parsed, namespace: str, make: Callable[[Ref], Action]) -> Actions | Refusal:
    found = objects_named(parsed.positional, namespace)
    if isinstance(found, Refusal):
        return found
    refs, rest = found
    if rest:
        return Refusal("grammar", f"{rest[0]!r} is one word too many")
    return tuple(make(ref) for ref in refs)


def _text(parsed: Parsed, name: str) -> str:
    value = parsed.flags.get(name, "")
    return value if isinstance(value, str) else ""


def _container(parsed: Parsed) -> str:
    """One name, as kubectl takes it; "*" without the flag."""
    return _text(parsed, "containers") or "*"


_CONTAINERS = {"-c": "containers", "--containers": "containers"}
_VERBS: Mapping[str, _Verb] = {
    "set image": _Verb(_set_image),
    "set env": _Verb(_set_env, _CONTAINERS),
    "set resources": _Verb(
        _set_resources, {**_CONTAINERS, "--limits": "limits", "--requests": "requests"}
    ),
    "scale": _Verb(_scale, {"--replicas": "replicas"}),
    "rollout restart": _Verb(_restart),
    "rollout undo": _Verb(_undo, {"--to-revision": "to-revision"}),
    "rollout pause": _Verb(_pause),
    "rollout resume": _Verb(_resume),
    "patch": _Verb(_patch, {"--type": "type", "-p": "patch", "--patch": "patch"}),
    "label": _Verb(_marks("labels"), {}, {"--overwrite": "overwrite"}),
    "annotate": _Verb(_marks("annotations"), {}, {"--overwrite": "overwrite"}),
    "delete": _Verb(_delete),
    "create": _Verb(_create, {"-f": "filename", "--filename": "filename"}),
    "apply": _Verb(_apply, {"-f": "filename", "--filename": "filename"}),
    "taint": _Verb(_taint, {}, {"--overwrite": "overwrite"}),
    "cordon": _Verb(_cordon),
    "uncordon": _Verb(_uncordon),
}
_TWO_WORDS = frozenset(name.partition(" ")[0] for name in _VERBS if " " in name)
