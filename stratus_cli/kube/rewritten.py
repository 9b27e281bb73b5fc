"""Pods that differ from the template they were made from: something rewrote them on the way. Pure.

Only values that the template sets count: what admission fills in where nothing was set is usual.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from stratus_cli.kube.admission import asked_about_pods
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.fields import as_text, quoted
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.pods import IMAGE_REASONS, is_live, parts
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.model.change import Json
from stratus_cli.model.objects_admission import MutatingWebhookConfiguration, Webhook
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.objects_workload import Workload

VPA = "vpaUpdates"  # vertical-pod-autoscaler's admission says so in an annotation

HINTS = {
    "resources": re.compile(r"resource|size|sizing|limit|memory|mem\b|cpu|request|quota|vertical"),
    "image": re.compile(r"image|registr|mirror|tag|digest"),
    "env": re.compile(r"env|var|inject|config"),
    "command": re.compile(r"command|entrypoint|wrap|inject|exec"),
    "args": re.compile(r"arg|flag|inject|wrap"),
}
"""What a webhook that sets such a field is often called; used where nothing else tells."""
CHANGING = re.compile(r"mutat|default|inject|patch|rewrite|convert")
CHECKING = re.compile(r"validat|check|verify|audit")


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One field of one pod. path: below the pod, and below the template's pod spec alike."""

    path: str
    wanted: str
    found: str


def rewrites(graph: Graph, pod: Pod) -> tuple[Rewrite, ...]:
    """What in a pod is not as the template of its controller says."""
    maker = graph.controller_of(pod)
    if not isinstance(maker, Workload) or VPA in pod.metadata.annotations:
        return ()
    if not _is_of_template(maker, pod):
        return ()
    found: list[Rewrite] = []
    spec = maker.spec.template.spec
    for name, wanted, made in (
        ("containers", spec.containers, pod.spec.containers),
        ("initContainers", spec.init_containers, pod.spec.init_containers),
    ):
        by_name = {item.name: item for item in made}
        for item in wanted:
            if item.name in by_name:
                prefix = f"{name}[name={item.name}]"
                found.extend(_of_container(item, by_name[item.name], prefix))
    return tuple(found)


def suspects(
    graph: Graph, pods: tuple[Pod, ...], rewrite: Rewrite
) -> tuple[tuple[MutatingWebhookConfiguration, Webhook], ...]:
    """The mutating webhooks that may have done it, the likeliest alone where something says so.

    pods: those that were rewritten, at least one.
    """
    asked = [
        (item, webhook)
        for item, webhook in asked_about_pods(
            graph, pods[0].metadata.namespace, pods[0].metadata.labels
        )
        if isinstance(item, MutatingWebhookConfiguration)
    ]
    recent = [pair for pair in asked if _came_between(graph, pods, pair[0])]
    best = _likeliest(recent or asked, rewrite)
    return tuple(best)


def came_later(graph: Graph, pods: tuple[Pod, ...], item: MutatingWebhookConfiguration) -> bool:
    """The configuration came, or changed, after the template of these pods was made."""
    maker = graph.controller_of(pods[0])
    made = maker.metadata.creation_timestamp if maker is not None else None
    at = _changed_at(item)
    return at is not None and made is not None and at > made


def fits_failure(rewrite: Rewrite, pods: tuple[Pod, ...]) -> bool:
    """How the pods fail is what such a change does: killed for memory, an image not there."""
    found = [part for pod in pods for part in parts(pod)]
    if rewrite.path.endswith("limits.memory"):
        return any(part.last_end and part.last_end.reason == "OOMKilled" for part in found)
    if rewrite.path.endswith(".image"):
        return any(part.waiting in IMAGE_REASONS for part in found)
    return False


def _changed_at(item: MutatingWebhookConfiguration) -> datetime | None:
    change = last_change(item, "webhooks")
    return change.at if change else item.metadata.creation_timestamp


def _came_between(graph: Graph, pods: tuple[Pod, ...], item: MutatingWebhookConfiguration) -> bool:
    """After a pod of the same template that is as it should be, before the first that is not."""
    maker = graph.controller_of(pods[0])
    siblings = [pod for pod in (graph.owned_by(maker) if maker else ()) if isinstance(pod, Pod)]
    well = [_made(pod) for pod in siblings if is_live(pod) and not rewrites(graph, pod)]
    last_well = max((time for time in well if time is not None), default=None)
    first_bad = min((time for pod in pods if (time := _made(pod)) is not None), default=None)
    at = _changed_at(item)
    if at is None or last_well is None or first_bad is None:
        return False
    return last_well <= at <= first_bad


def _likeliest(
    found: list[tuple[MutatingWebhookConfiguration, Webhook]], rewrite: Rewrite
) -> list[tuple[MutatingWebhookConfiguration, Webhook]]:
    if len(found) < 2:
        return found
    scores = [_score(item, webhook, rewrite) for item, webhook in found]
    best = max(scores)
    return [pair for pair, score in zip(found, scores, strict=True) if score == best]


def _score(item: MutatingWebhookConfiguration, webhook: Webhook, rewrite: Rewrite) -> int:
    service = webhook.client_config.service
    path = (service.path if service else webhook.client_config.url).lower()
    names = f"{item.metadata.name} {webhook.name} {path}".lower()
    kind = next((name for name in HINTS if f".{name}" in rewrite.path), "")
    hinted = bool(kind) and HINTS[kind].search(names) is not None
    return 2 * hinted + bool(CHANGING.search(path)) - bool(CHECKING.search(path))


def _made(pod: Pod) -> datetime | None:
    return pod.metadata.creation_timestamp


def _is_of_template(maker: Workload, pod: Pod) -> bool:
    """A ReplicaSet's template never changes; of others the pod must be of the present revision."""
    if maker.KIND == "ReplicaSet":
        return True
    revision = maker.status.update_revision
    return bool(revision) and pod.metadata.labels.get("controller-revision-hash") == revision


def _of_container(wanted: Container, made: Container, prefix: str) -> Iterator[Rewrite]:
    for name, one, other in (
        ("image", wanted.image, made.image),
        ("command", wanted.command, made.command),
        ("args", wanted.args, made.args),
    ):
        if one and one != other:
            yield Rewrite(f"{prefix}.{name}", _shown(one), _shown(other))
    for kind, asked, got in (
        ("limits", wanted.resources.limits, made.resources.limits),
        ("requests", wanted.resources.requests, made.resources.requests),
    ):
        for resource in sorted(asked):
            if not _same_amount(asked[resource], got.get(resource)):
                path = f"{prefix}.resources.{kind}{_key(resource)}"
                yield Rewrite(path, asked[resource], got.get(resource, "(absent)"))
    values = {item.name: item.value for item in made.env}
    for item in wanted.env:
        if item.value and "$(" not in item.value and values.get(item.name, "") != item.value:
            yield Rewrite(
                f"{prefix}.env[name={item.name}].value", item.value, values.get(item.name, "")
            )


def _shown(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else as_text(list(value))


def _key(resource: str) -> str:
    return f".{resource}" if resource.isalnum() else quoted(resource)


def _same_amount(one: str, other: Json) -> bool:
    if one == other:
        return True
    if not isinstance(other, str):
        return False
    try:
        return parse_quantity(one) == parse_quantity(other)
    except ValueError:
        return False
