"""`kubectl set ...`: fields of a pod template, and a Service's selector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stratus_cli.actions.set_env import SetEnv
from stratus_cli.actions.set_image import SetImage
from stratus_cli.actions.set_resources import SetResources
from stratus_cli.actions.set_selector import SetSelector
from stratus_cli.actions.set_service_account import SetServiceAccount
from stratus_cli.actions.targets import (
    NAME,
    labels_of,
    objects_named,
    one_object,
    one_object_alone,
    pairs_of,
)
from stratus_cli.actions.verbs import Made, Verb, only_objects, text
from stratus_cli.actions.words import Parsed
from stratus_cli.model.plan import Refusal


def _set_image(parsed: Parsed, namespace: str) -> Made:
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


def _set_env(parsed: Parsed, namespace: str) -> Made:
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


def _set_resources(parsed: Parsed, namespace: str) -> Made:
    ref = one_object_alone(parsed, namespace)
    if isinstance(ref, Refusal):
        return ref
    amounts = []
    for name in ("limits", "requests"):
        pairs = pairs_of([part for part in text(parsed, name).split(",") if part])
        if isinstance(pairs, Refusal):
            return pairs
        if pairs[1]:
            return Refusal("grammar", f"--{name} needs RESOURCE=QUANTITY")
        amounts.append(pairs[0])
    if not any(amounts):
        return Refusal("grammar", "set resources needs --limits or --requests")
    return (SetResources(ref, amounts[0], amounts[1], _container(parsed)),)


def _set_selector(parsed: Parsed, namespace: str) -> Made:
    found = objects_named(parsed.positional, namespace)
    if isinstance(found, Refusal):
        return found
    refs, rest = found
    if len(rest) != 1:
        return Refusal("grammar", "set selector needs one KEY=VALUE[,KEY=VALUE]")
    labels = labels_of(rest[0])
    if isinstance(labels, Refusal):
        return labels
    return tuple(SetSelector(ref, labels) for ref in refs)


def _set_service_account(parsed: Parsed, namespace: str) -> Made:
    """The account is the last word, as kubectl takes it: nothing else tells it from an object."""
    account = parsed.positional[-1] if parsed.positional else ""
    if not isinstance(account, str) or not NAME.fullmatch(account):
        return Refusal("grammar", f"{account!r} is not a ServiceAccount's name")
    refs = only_objects(replace(parsed, positional=parsed.positional[:-1]), namespace)
    if isinstance(refs, Refusal):
        return refs
    return tuple(SetServiceAccount(ref, account) for ref in refs)


def _container(parsed: Parsed) -> str:
    """One name, as kubectl takes it; "*" without the flag."""
    return text(parsed, "containers") or "*"


_CONTAINERS = {"-c": "containers", "--containers": "containers"}
VERBS: Mapping[str, Verb] = {
    "set image": Verb(_set_image),
    "set env": Verb(_set_env, _CONTAINERS),
    "set resources": Verb(
        _set_resources, {**_CONTAINERS, "--limits": "limits", "--requests": "requests"}
    ),
    "set selector": Verb(_set_selector),
    **dict.fromkeys(("set serviceaccount", "set sa"), Verb(_set_service_account)),
}
