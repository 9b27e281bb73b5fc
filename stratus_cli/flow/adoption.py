"""Dependents around a re-creation: whether they stay, and whether the new owner has taken them.

A workload that is deleted with Orphan leaves its ReplicaSets or pods behind; controllers adopt what
their selector matches and nobody owns. Reads only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stratus_cli.actions.dependents import DEPENDENTS
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.selectors import matches_raw
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.ports import Cluster, Ports
from stratus_cli.model.ref import Ref

WITHIN_S = 60.0  # our choice: adoption takes a second; new pods, where there are any, start within

Item = Mapping[str, Any]


def adopted_some(cluster: Cluster, ref: Ref, live: Item) -> bool:
    """Whether it owns something older than itself, which it adopted and may not take with it."""
    meta = live.get("metadata") or {}
    born, uid = str(meta.get("creationTimestamp") or ""), meta.get("uid")
    return any(
        str(found.get("creationTimestamp") or "") < born and uid in _owners(found)
        for _, found in _dependents(cluster, ref)
    )


def orphans_of(cluster: Cluster, ref: Ref, live: Item) -> tuple[str, ...]:
    """Dependents that its selector matches and that nobody controls, as "Kind name"."""
    selector = value_at(dict(live), "spec.selector")
    return tuple(
        f"{kind} {meta.get('name')}"
        for kind, meta in _dependents(cluster, ref)
        if matches_raw(selector, meta.get("labels") or {})
        and not meta.get("deletionTimestamp")
        and not any(owner.get("controller") for owner in _references(meta))
    )


def until_adopted(
    ports: Ports, ref: Ref, guard: Callable[[], None], *, with_pods: bool = True
) -> tuple[str, ...]:
    """Wait until a re-created workload owns what it selects; what it left alone.

    with_pods: and until it has as many pods as it wants. Bounded: pods that do not come are for the
    verdict to judge.
    """
    clock = ports.clock
    started = clock.monotonic()
    while ref.kind in DEPENDENTS:
        try:
            live = ports.cluster.get(ref)
            alone = () if live is None else orphans_of(ports.cluster, ref, live)
        except ClusterAnswer as error:
            ports.progress.note(f"whether {ref} adopted its own could not be read: {error.what}")
            return ()
        waited = clock.monotonic() - started
        is_whole = live is None or not with_pods or _has_its_pods(live)
        if waited > WITHIN_S or (not alone and is_whole):
            return alone
        guard()
        ports.progress.waiting(f"{ref} to take over its pods", waited, WITHIN_S)
        clock.sleep(ports.limits.poll_s)
    return ()


def _has_its_pods(live: Item) -> bool:
    spec, status = (live.get(name) or {} for name in ("spec", "status"))
    if not status.get("observedGeneration"):
        return False
    if live.get("kind") == "DaemonSet":
        wanted, have = status.get("desiredNumberScheduled"), status.get("numberAvailable")
    else:
        wanted, have = spec.get("replicas", 1), status.get("availableReplicas")
    return (have or 0) >= (wanted or 0)


def _dependents(cluster: Cluster, ref: Ref) -> Iterator[tuple[str, Item]]:
    """(kind, metadata) of everything of the kinds that such an object may own."""
    for kind in DEPENDENTS.get(ref.kind, ()):
        for page in cluster.list_pages(kind, ref.namespace):
            for item in json.loads(page).get("items") or ():
                meta = item.get("metadata") if isinstance(item, Mapping) else None
                if isinstance(meta, Mapping):
                    yield kind, meta


def _references(meta: Item) -> Iterator[Item]:
    listed = meta.get("ownerReferences")
    for owner in listed if isinstance(listed, list) else ():
        if isinstance(owner, Mapping):
            yield owner


def _owners(meta: Item) -> tuple[object, ...]:
    return tuple(owner.get("uid") for owner in _references(meta))
