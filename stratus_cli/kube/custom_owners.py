"""Custom resources that own what was read: which kinds to read as well, and who owns what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stratus_cli.kube.custom import KIND, kind_word, word_of
from stratus_cli.kube.graph import Graph, controller_reference
from stratus_cli.kube.kinds import BY_KIND, KindInfo
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_custom import CustomObject, custom_struct

MOST_KINDS = 20
"""Custom kinds that are read: each is one request. Our choice; few operators own more."""

OWNED = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Pod",
    "Service",
    "ConfigMap",
    "PersistentVolumeClaim",
)
"""Kinds that operators make, and whose owners are looked at."""


def owner_kinds(objects: Mapping[str, Iterable[KubeObject]]) -> tuple[KindInfo, ...]:
    """The custom kinds of controllers of these objects, by word.

    The kind of each is the word that names it with version and group, as `Cluster.list_pages`
    takes it. A custom kind that is called like a known one is left out.
    """
    found: dict[str, KindInfo] = {}
    for kind in OWNED:
        for item in objects.get(kind, ()):
            owner = controller_reference(item)
            if owner is None or "/" not in owner.api_version or owner.kind in BY_KIND:
                continue
            word = word_of(owner.kind, owner.api_version)
            if KIND.fullmatch(owner.kind) and kind_word(word) is not None and word not in found:
                found[word] = custom_info(owner.kind, owner.api_version)
    return tuple(found[word] for word in sorted(found))[:MOST_KINDS]


def custom_info(kind: str, api_version: str, *, namespaced: bool = True) -> KindInfo:
    """How a custom kind is listed: by the word that names it with version and group."""
    struct = custom_struct(kind, api_version)
    return KindInfo(word_of(kind, api_version), api_version, "", namespaced, struct)


def custom_owner(graph: Graph, item: KubeObject) -> CustomObject | None:
    """The custom resource that controls the object, or what controls it; None without one."""
    top = graph.top_owner(item)
    reference = controller_reference(top)
    if reference is None:
        return None
    owner = graph.snap.objects.get(reference.kind, ())
    found = (one for one in owner if one.metadata.uid == reference.uid)
    return next((one for one in found if isinstance(one, CustomObject)), None)
