"""Values that once worked, from wherever the cluster or a recording still has them.

Only values that differ from the present one are offered: the source that holds the fault itself
(a ReplicaSet made by it, a last-applied annotation that was the fault) is no source. Nor is a
template that somebody tried and went back from, whoever still has it. A masked value is never
offered, since writing it back would destroy what it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from stratus_cli.kube.controller_revisions import pods_of_revision, template_of
from stratus_cli.kube.demand import scaled_down_event
from stratus_cli.kube.drift import agrees, template_drift
from stratus_cli.kube.fields import quoted, read
from stratus_cli.kube.graph import Graph, revision_of
from stratus_cli.kube.manifest_values import (
    MASK,
    applied_manifest,
    creatable,
    in_namespace,
    is_masked,
)
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.pods import age_s, is_failing
from stratus_cli.kube.revisions import believable_revisions, given_up_revisions
from stratus_cli.kube.states import Key, State, Version
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.diagnosis import KnownGood
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_history import ControllerRevision
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Deployment, ReplicaSet, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, ref_of

__all__ = ["MASK", "KnownGoodValues", "creatable", "current_revision"]


class KnownGoodValues:
    """One snapshot's sources, those of a recording taken when well (or None), and declared states.

    declared: Helm releases and manifests, best first. Order of belief, everywhere: recording,
    declared, then what the cluster itself remembers.
    """

    def __init__(
        self, graph: Graph, recording: Snapshot | None = None, declared: Sequence[State] = ()
    ) -> None:
        self.graph = graph
        self.recording = recording
        self.declared = tuple(declared)

    def versions(self, item: KubeObject) -> tuple[Version, ...]:
        """The object as it once was, whole, best source first; the same one may be there twice.

        Revisions of a rollout have the workload's other fields as they are now.
        """
        return tuple(self._versions(item))

    def _versions(self, item: KubeObject) -> Iterator[Version]:
        old = self.recording.find(ref_of(item)) if self.recording else None
        if old is not None and self.recording is not None:
            past = as_json(self.recording, old)
            yield Version(past, self._recording_name(), self._recording_age(), True, True)
        for state in self.declared:
            manifest = state.objects.get((item.KIND, item.metadata.namespace, item.metadata.name))
            if manifest is not None:
                age = state.age_s(self.graph.snap.taken_at)
                yield Version(self._credible(item, manifest), state.source, age, state.whole)
        manifest = applied_manifest(item)
        if manifest is not None:
            yield Version(self._credible(item, manifest), "last-applied annotation")
        if isinstance(item, Workload):
            yield from self._revisions(item)

    def _revisions(self, workload: Workload) -> Iterator[Version]:
        now = as_json(self.graph.snap, workload)
        for old in self._history(workload):
            template = self._template(old)
            made = {**now, "spec": {**now.get("spec", {}), "template": template}}
            value = self._from(old, "spec.template")
            worked = old.status.ready_replicas > 0
            number = revision_of(old) or None
            yield Version(made, value.source, value.age_s, True, worked, number)

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
        values = (
            *self._recorded(service, path),
            *self._stated(service, path),
            *self._applied(service, path),
        )
        return _distinct(iter(values), read(service, path))

    def object_field(self, item: KubeObject, path: str) -> tuple[KnownGood, ...]:
        """Earlier values of one field of any object, best first; None: the field was not there."""
        values = (
            *self._recorded(item, path),
            *self._stated(item, path),
            *self._applied(item, path),
        )
        return _distinct(iter(values), read(item, path))

    def quota_hard(self, quota: KubeObject) -> tuple[KnownGood, ...]:
        """Earlier limits of a ResourceQuota."""
        values = (
            *self._recorded(quota, "spec.hard"),
            *self._stated(quota, "spec.hard"),
            *self._applied(quota, "spec.hard"),
        )
        return _distinct(iter(values), read(quota, "spec.hard"))

    def object(self, ref: Ref) -> KnownGood | None:
        """The manifest of an absent object, from a recording or where it was declared."""
        item = self.recording.find(ref) if self.recording else None
        if item is not None and self.recording is not None and _is_whole(self.recording, item):
            manifest = creatable(as_json(self.recording, item))
            if not is_masked(manifest):
                return KnownGood(manifest, self._recording_name(), self._recording_age())
        for state in self.declared:
            found = state.objects.get((ref.kind, ref.namespace, ref.name))
            if found is not None and not is_masked(found):
                age = state.age_s(self.graph.snap.taken_at)
                return KnownGood(in_namespace(found, ref.namespace), state.source, age)
        return None

    def absent(self, namespace: str) -> Iterator[tuple[Ref, Mapping[str, Any]]]:
        """Objects of a namespace that are meant to be there and are not, each once.

        Only of kinds that were read, so that absence is absence.
        """
        past, snap = self.recording, self.graph.snap
        states = (state.objects for state in self.declared if state.current)
        keys = dict.fromkeys((*(past.originals if past else ()), *chain.from_iterable(states)))
        for key in keys:
            ref = Ref(*key)
            if ref.namespace != namespace or not snap.was_read(ref.kind):
                continue
            if snap.find(ref) is None and (manifest := self._meant(key)) is not None:
                yield ref, manifest

    def _meant(self, key: Key) -> Mapping[str, Any] | None:
        """The object as the best source has it."""
        item = self.recording.find(Ref(*key)) if self.recording else None
        if item is not None and self.recording is not None:
            return as_json(self.recording, item)
        states = (state.objects for state in self.declared if state.current)
        return next((objects[key] for objects in states if key in objects), None)

    def config_key(self, ref: Ref, key: str) -> KnownGood | None:
        """The value of one key of a ConfigMap, from a recording, or as declared or applied."""
        item = self.recording.find(ref) if self.recording else None
        value = item.data.get(key) if isinstance(item, ConfigMap) else None
        if value is not None and not is_masked(value):
            return KnownGood(value, self._recording_name(), self._recording_age())
        for state in self.declared:
            manifest = state.objects.get((ref.kind, ref.namespace, ref.name), {})
            data = manifest.get("data")
            declared = data.get(key) if isinstance(data, Mapping) else None
            if isinstance(declared, str) and not is_masked(declared):
                return KnownGood(declared, state.source, state.age_s(self.graph.snap.taken_at))
        live = self.graph.snap.find(ref)
        found = self.object_field(live, f"data{quoted(key)}") if live is not None else ()
        return next((good for good in found if isinstance(good.value, str)), None)

    def _workload_values(self, workload: Workload, path: str) -> Iterator[KnownGood]:
        yield from self._recorded(workload, path)
        yield from self._stated(workload, path)
        history = [(item, self._from(item, path)) for item in self._history(workload)]
        yield from (value for item, value in history if item.status.ready_replicas > 0)
        applied = self._applied(workload, path)
        if not history or any(value.value == old.value for value in applied for _, old in history):
            yield from applied
        yield from (value for _, value in history)
        yield from applied

    def _replica_values(self, workload: Workload) -> Iterator[KnownGood]:
        yield from self._recorded(workload, "spec.replicas")
        yield from self._stated(workload, "spec.replicas")
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
        known = believable_revisions(self.graph, workload)
        older = [item for item in known if self._sound(workload, item)]
        return sorted(
            older,
            key=lambda item: (item.status.ready_replicas > 0, revision_of(item)),
            reverse=True,
        )

    def _credible(self, item: KubeObject, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a person wrote; with the present template where somebody went back from its own.

        `kubectl rollout undo` changes neither the last-applied annotation nor a Helm release.
        """
        spec = manifest.get("spec")
        given_up = given_up_revisions(self.graph, item) if isinstance(item, Workload) else ()
        if not given_up or not isinstance(spec, Mapping):
            return manifest
        now = as_json(self.graph.snap, item)
        for old in given_up:
            tried = {**now, "spec": {"template": self._template(old)}}
            if not template_drift(manifest, tried, whole=False):
                return {**manifest, "spec": {**spec, "template": now["spec"]["template"]}}
        return manifest

    def _template(self, old: ReplicaSet) -> Mapping[str, Any] | None:
        """The whole template of a former revision."""
        meta = old.metadata
        kept = template_of(self.graph.snap, meta.namespace, meta.name)
        if kept is not None:
            return kept
        template = as_json(self.graph.snap, old).get("spec", {}).get("template")
        return template if isinstance(template, Mapping) else None

    def _sound(self, workload: Workload, replica_set: ReplicaSet) -> bool:
        """No pod of this revision says that it fails."""
        if isinstance(workload, Deployment):
            pods = [item for item in self.graph.owned_by(replica_set) if isinstance(item, Pod)]
        else:
            pods = list(pods_of_revision(self.graph, workload, replica_set.metadata.name))
        return not any(is_failing(self.graph, pod) for pod in pods)

    def _from(self, replica_set: ReplicaSet, path: str) -> KnownGood:
        name, revision = replica_set.metadata.name, revision_of(replica_set)
        ready = " which still has ready pods" if replica_set.status.ready_replicas else ""
        is_kept = self.graph.snap.get(ControllerRevision, replica_set.metadata.namespace, name)
        kind = "ReplicaSet" if is_kept is None else "ControllerRevision"
        return KnownGood(
            _or_none(read(replica_set, path)),
            f"{kind} {name} revision {revision}{ready}",
            age_s(self.graph, replica_set.metadata.creation_timestamp),
        )

    def _recorded(self, item: KubeObject, path: str) -> tuple[KnownGood, ...]:
        old = self.recording.find(ref_of(item)) if self.recording else None
        if old is None:
            return ()
        value = _or_none(read(old, path))
        return (KnownGood(value, self._recording_name(), self._recording_age()),)

    def _stated(self, item: KubeObject, path: str) -> Iterator[KnownGood]:
        key = (item.KIND, item.metadata.namespace, item.metadata.name)
        for state in self.declared:
            manifest = state.objects.get(key)
            if manifest is not None:
                age = state.age_s(self.graph.snap.taken_at)
                said = KnownGood(None, state.source, age)
                yield from self._written(item, self._credible(item, manifest), path, said)

    def _applied(self, item: KubeObject, path: str) -> tuple[KnownGood, ...]:
        manifest = applied_manifest(item)
        if manifest is None:
            return ()
        said = KnownGood(None, "last-applied annotation")
        return tuple(self._written(item, self._credible(item, manifest), path, said))

    def _written(
        self, item: KubeObject, manifest: Mapping[str, Any], path: str, said: KnownGood
    ) -> Iterator[KnownGood]:
        """What a person wrote; nothing where the present value is just that, filled in."""
        value = value_at(manifest, path)
        now = value_at(as_json(self.graph.snap, item), path)
        if not agrees(value, now, path.rpartition(".")[2]):
            yield replace(said, value=_or_none(read(manifest, path)))

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
        if item.value not in seen and not is_masked(item.value):
            seen.append(item.value)
            kept.append(item)
    return tuple(kept)


def _or_none(value: Json) -> Json:
    return None if value is ABSENT else value


def _is_whole(recording: Snapshot, item: KubeObject) -> bool:
    """Whether nothing of the object was left out when it was kept."""
    key = (item.KIND, item.metadata.namespace, item.metadata.name)
    return key in recording.originals or isinstance(item, ConfigMap)
