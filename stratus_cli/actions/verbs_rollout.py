"""`kubectl scale` and `kubectl rollout ...`: how many pods, and which template they have."""

from __future__ import annotations

from collections.abc import Mapping

from stratus_cli.actions.pause import Pause
from stratus_cli.actions.restart import Restart
from stratus_cli.actions.roll_back import RollBack
from stratus_cli.actions.scale import Scale
from stratus_cli.actions.verbs import Made, Verb, each, number, only_objects
from stratus_cli.actions.words import Parsed
from stratus_cli.model.plan import Refusal

MOST = 999_999_999
"""A number of nine digits: what it means is for the action to bound."""


def _scale(parsed: Parsed, namespace: str) -> Made:
    refs = only_objects(parsed, namespace)
    if isinstance(refs, Refusal):
        return refs
    replicas = number(parsed, "replicas", MOST)
    if isinstance(replicas, Refusal):
        return replicas
    if replicas is None:
        return Refusal("grammar", "scale needs objects and --replicas=NUMBER")
    return tuple(Scale(ref, replicas) for ref in refs)


def _undo(parsed: Parsed, namespace: str) -> Made:
    revision = number(parsed, "to-revision", MOST)
    if isinstance(revision, Refusal):
        return revision
    return each(lambda ref: RollBack(ref, revision or 0))(parsed, namespace)


VERBS: Mapping[str, Verb] = {
    "scale": Verb(_scale, {"--replicas": "replicas"}),
    "rollout restart": Verb(each(Restart)),
    "rollout undo": Verb(_undo, {"--to-revision": "to-revision"}),
    "rollout pause": Verb(each(lambda ref: Pause(ref, paused=True))),
    "rollout resume": Verb(each(lambda ref: Pause(ref, paused=False))),
}
