"""Values that once worked, from wherever the cluster or a recording still has them.

Only values that differ from the present one are offered: the source that holds the fault itself
(a ReplicaSet made by it, a last-applied annotation that was the fault) is no source. A masked
value is never offered, since writing it back would destroy what it stands for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from stratus_cli.kube.demand import scaled_down_event
from stratus_cli.kube.fields import read
from stratus_cli.kube.graph import Graph, revision_of
from stratus_cli.kube.pods import age_s, is_failing
from stratus_cli.kube.workloads import older_replica_sets
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.diagnosis import KnownGood
from stratus_cli.model.objects import (
    ConfigMap,
    Deployment,
    KubeObject,
    Pod,
    ReplicaSet,
    Service,
    Workload,
)
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, ref_of

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MASK = "«secret:"
"""How kube.redact marks a value that was taken out."""


class KnownGoodValues:
    """One snapshot's sources, and those of a recording taken when well (or None)."""

    def __init__(self, graph: Graph, recording: Snapshot | None = None) -> None:
        self.graph = graph
        self.recording = recording

    def workload_field(self, workload: Workload, path: str) -> tuple[KnownGood, ...]:
        """Earlier values of one field, best first; value None means the field was not there.

        Order: recording; revisions that still have ready pods (seen to work); the last-applied
        annotation where history agrees or there is none; older revisions, newest first; the
        annotation all the same.
        """
        return _distinct(self._workload_values(workload, path), read(workload, path))

    def revision(self, workload: Workload, path: str) -> int | None:
        """The rollout revision whose template has another value here, the best one; or None."""
        present = read(workload, path)
        for replica_set in self._history(workload):
            if read(replica_set, path) != present and revision_of(replica_set) > 0:
                return revision_of(replica_set)
        return None

    def replicas(self, workload: Workload) -> tuple[KnownGood, ...]:
        """Earlier replica numbers above zero, best first."""
        return tuple(
            value
            for value in _distinct(self._replica_values(workload), workload.spec.replicas)
            if isinstance(value.value, int) and value.value > 0
        )

    def service_field(self, service: Service, path: str) -> tuple[KnownGood, ...]:
        """Earlier values of one field of a Service, best first."""
        values = (*self._recorded(service, path), *self._applied(service, path))
        return _distinct(iter(values), read(service, path))

    def object_field(self, item: KubeObject, path: str) -> tuple[KnownGood, ...]:
        """Earlier values of one field of any object, best first; None: the field was not there."""
        values = (*self._recorded(item, path), *self._applied(item, path))
        return _distinct(iter(values), read(item, path))

    def quota_hard(self, quota: KubeObject) -> tuple[KnownGood, ...]:
        """Earlier limits of a ResourceQuota."""
        values = (*self._recorded(quota, "spec.hard"), *self._applied(quota, "spec.hard"))
        return _distinct(iter(values), read(quota, "spec.hard"))

    def object(self, ref: Ref) -> KnownGood | None:
        """The manifest of an absent object, from the recording; None when it is not whole.

        ConfigMaps are recorded whole. Of other kinds only some fields are, so there only what a
        person applied counts.
        """
        item = self.recording.find(ref) if self.recording else None
        if item is None:
            return None
        manifest = _config_map_manifest(item) if isinstance(item, ConfigMap) else _applied(item)
        if manifest is None or _is_masked(manifest):
            return None
        return KnownGood(manifest, self._recording_name(), self._recording_age())

    def config_key(self, ref: Ref, key: str) -> KnownGood | None:
        """The value of one key of a ConfigMap, from the recording."""
        item = self.recording.find(ref) if self.recording else None
        value = item.data.get(key) if isinstance(item, ConfigMap) else None
        if value is None or _is_masked(value):
            return None
        return KnownGood(value, self._recording_name(), self._recording_age())

    def _workload_values(self, workload: Workload, path: str) -> Iterator[KnownGood]:
        yield from self._recorded(workload, path)
        history = [(item, self._from(item, path)) for item in self._history(workload)]
        yield from (value for item, value in history if item.status.ready_replicas > 0)
        applied = self._applied(workload, path)
        if not history or any(value.value == old.value for value in applied for _, old in history):
            yield from applied
        yield from (value for _, value in history)
        yield from applied

    def _replica_values(self, workload: Workload) -> Iterator[KnownGood]:
        yield from self._recorded(workload, "spec.replicas")
        scaled = scaled_down_event(self.graph, workload)
        if scaled is not None:
            event, number = scaled
            age = age_s(self.graph, event.last_seen)
            yield KnownGood(number, f"event ScalingReplicaSet: {event.message}", age)
        yield from self._applied(workload, "spec.replicas")
        scaler = self.graph.autoscaler_of(workload)
        if scaler is not None:
            name = scaler.metadata.name
            yield KnownGood(scaler.spec.min_replicas, f"HorizontalPodAutoscaler {name} minReplicas")

    def _history(self, workload: Workload) -> list[ReplicaSet]:
        """Older revisions: those with ready pods first, then the newest; failing ones left out."""
        older = [item for item in older_replica_sets(self.graph, workload) if self._sound(item)]
        return sorted(
            older,
            key=lambda item: (item.status.ready_replicas > 0, revision_of(item)),
            reverse=True,
        )

    def _sound(self, replica_set: ReplicaSet) -> bool:
        """No pod of this revision says that it fails."""
        pods = [item for item in self.graph.owned_by(replica_set) if isinstance(item, Pod)]
        return not any(is_failing(self.graph, pod) for pod in pods)

    def _from(self, replica_set: ReplicaSet, path: str) -> KnownGood:
        name, revision = replica_set.metadata.name, revision_of(replica_set)
        ready = " which still has ready pods" if replica_set.status.ready_replicas else ""
        return KnownGood(
            _or_none(read(replica_set, path)),
            f"ReplicaSet {name} revision {revision}{ready}",
            age_s(self.graph, replica_set.metadata.creation_timestamp),
        )

    def _recorded(self, item: KubeObject, path: str) -> tuple[KnownGood, ...]:
        old = self.recording.find(ref_of(item)) if self.recording else None
        if old is None:
            return ()
        value = _or_none(read(old, path))
        return (KnownGood(value, self._recording_name(), self._recording_age()),)

    def _applied(self, item: KubeObject, path: str) -> tuple[KnownGood, ...]:
        manifest = _applied(item)
        if manifest is None:
            return ()
        return (KnownGood(_or_none(read(manifest, path)), "last-applied annotation"),)

    def _recording_name(self) -> str:
        assert self.recording is not None  # asked only when there is one
        return f"recording of {self.recording.taken_at:%Y-%m-%d %H:%M}Z"

    def _recording_age(self) -> float:
        assert self.recording is not None  # asked only when there is one
        return (self.graph.snap.taken_at - self.recording.taken_at).total_seconds()


def current_revision(graph: Graph, workload: Workload) -> int:
    """The revision number of the present template, 0 where there is none."""
    current = graph.current_replica_set(workload) if isinstance(workload, Deployment) else None
    return revision_of(current) if current else 0


def _distinct(values: Iterator[KnownGood], present: Json) -> tuple[KnownGood, ...]:
    """Each value once, the present one and masked ones left out."""
    kept: list[KnownGood] = []
    seen = [_or_none(present)]
    for item in values:
        if item.value not in seen and not _is_masked(item.value):
            seen.append(item.value)
            kept.append(item)
    return tuple(kept)


def _or_none(value: Json) -> Json:
    return None if value is ABSENT else value


def _applied(item: KubeObject) -> dict[str, Any] | None:
    """The last-applied annotation as JSON, or None when it is missing or unreadable."""
    text = item.metadata.annotations.get(LAST_APPLIED)
    if not text:
        return None
    try:
        manifest = json.loads(text)
    except ValueError:
        return None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("metadata"), dict):
        return None
    return manifest


def _config_map_manifest(item: ConfigMap) -> dict[str, Any]:
    meta = {"name": item.metadata.name, "namespace": item.metadata.namespace}
    manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    for key, value in (
        ("labels", item.metadata.labels),
        ("annotations", item.metadata.annotations),
    ):
        if value:
            manifest["metadata"][key] = dict(value)
    if item.data:
        manifest["data"] = dict(item.data)
    if item.binary_data:
        manifest["binaryData"] = dict(item.binary_data)
    return manifest


def _is_masked(value: Json) -> bool:
    return MASK in msgspec.json.encode(value).decode()
