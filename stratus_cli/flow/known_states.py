"""Known-good states from outside the snapshot: Helm's records in the cluster, a manifests folder.

Read only when something is wrong, one request per namespace in trouble. What may not be read is a
gap and fails nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stratus_cli.flow.detect import Detection
from stratus_cli.kube.states import Key, State, keyed_objects
from stratus_cli.model.errors import ClusterAnswer, Forbidden
from stratus_cli.model.finding import Severity
from stratus_cli.model.objects_config import Secret
from stratus_cli.model.ports import Ports
from stratus_cli.model.release import Declared, Release, Releases
from stratus_cli.model.snapshot import Gap, GapReason, Snapshot

DEPLOYED = "deployed"
WORKED = (DEPLOYED, "superseded")
"""Helm's words for revisions that were installed without an error."""


def declared_states(
    ports: Ports, detection: Detection
) -> tuple[tuple[State, ...], tuple[Gap, ...]]:
    """(states, best first; what could not be read)."""
    troubled = {
        finding.ref.namespace
        for finding in detection.findings
        if finding.severity >= Severity.DEGRADED and finding.ref.namespace
    }
    if not troubled:
        return (), ()
    found, gaps = _releases(ports, detection.snap, sorted(troubled))
    folder = _manifests(ports.manifests, detection.snap) if ports.manifests else ()
    return (*found, *folder), gaps


def _releases(
    ports: Ports, snap: Snapshot, namespaces: Iterable[str]
) -> tuple[tuple[State, ...], tuple[Gap, ...]]:
    cluster = ports.cluster
    if not isinstance(cluster, Releases):
        return (), ()
    states: list[State] = []
    gaps: list[Gap] = []
    keeps = {
        secret.metadata.namespace
        for secret in snap.of(Secret)
        if secret.metadata.labels.get("owner") == "helm"
    }
    for namespace in namespaces:
        if namespace not in keeps:
            continue
        try:
            states.extend(_states(cluster.releases(namespace)))
        except ClusterAnswer as error:
            reason = GapReason.FORBIDDEN if isinstance(error, Forbidden) else GapReason.UNREADABLE
            gaps.append(Gap("Helm release", reason, error.what[:200], namespace))
    return tuple(states), tuple(gaps)


def _states(releases: Iterable[Release]) -> Iterator[State]:
    """The deployed revision of each release first, then those before it."""
    known = [item for item in releases if item.status in WORKED]
    for item in sorted(known, key=lambda one: (one.status != DEPLOYED, one.name, -one.revision)):
        objects = keyed_objects(item.documents, item.namespace)
        source = f"Helm release {item.name} revision {item.revision}"
        yield State(source, objects, item.deployed_at, current=item.status == DEPLOYED)


def _manifests(folder: Declared, snap: Snapshot) -> tuple[State, ...]:
    """One state per file. Objects without a namespace are of the one that has most of them."""
    files: dict[str, list[Mapping[str, Any]]] = {}
    for where, item in folder.documents():
        files.setdefault(where, []).append(item)
    namespace = _namespace_of(
        (key for items in files.values() for key in keyed_objects(items)), snap
    )
    return tuple(
        State(f"manifest {where}", keyed_objects(items, namespace))
        for where, items in files.items()
    )


def _namespace_of(keys: Iterable[Key], snap: Snapshot) -> str:
    """The namespace in which most of the unplaced objects are; "" when two have as many."""
    places: dict[tuple[str, str], list[str]] = {}
    for item in snap.all_objects():
        place = (item.KIND, item.metadata.name)
        places.setdefault(place, []).append(item.metadata.namespace)
    votes = Counter(
        where
        for kind, namespace, name in set(keys)
        if not namespace
        for where in places.get((kind, name), ())
        if where
    )
    best = votes.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return ""
    return best[0][0]
