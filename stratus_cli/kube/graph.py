"""The graph of a Snapshot: owners, selectors, endpoints, references. Rules and causes read this.

Built once per snapshot; every index is keyed by namespace. Nothing here judges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from stratus_cli.kube.selectors import matches_map
from stratus_cli.model.objects import Event, KubeObject, OwnerReference
from stratus_cli.model.objects_custom import CustomObject
from stratus_cli.model.objects_network import Endpoint, EndpointSlice, Ingress, Service
from stratus_cli.model.objects_pod import Pod, PodSpec
from stratus_cli.model.objects_workload import (
    DaemonSet,
    Deployment,
    HorizontalPodAutoscaler,
    ReplicaSet,
    StatefulSet,
    Workload,
)
from stratus_cli.model.snapshot import Snapshot

if TYPE_CHECKING:
    from stratus_cli.kube.calls import Calls

REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class Graph:
    """Indexes over one Snapshot, each made at first use."""

    def __init__(self, snap: Snapshot) -> None:
        self.snap = snap
        # What selectors match, remembered: many rules and causes ask for the same. By identity,
        # with the object beside it so that its identity stays its own: a copy is another one.
        self._pods_of_service: dict[int, tuple[Service, tuple[Pod, ...]]] = {}
        self._workloads_of_service: dict[int, tuple[Service, tuple[Workload, ...]]] = {}
        self._services_of_workload: dict[int, tuple[Workload, tuple[Service, ...]]] = {}

    # Owners

    @cached_property
    def _by_uid(self) -> Mapping[str, KubeObject]:
        # Custom resources are left out: what they control is judged by itself (custom_owners).
        return {
            item.metadata.uid: item
            for item in self.snap.all_objects()
            if item.metadata.uid and not isinstance(item, CustomObject)
        }

    @cached_property
    def _owned(self) -> Mapping[str, tuple[KubeObject, ...]]:
        owned: dict[str, list[KubeObject]] = defaultdict(list)
        for item in self.snap.all_objects():
            for owner in item.metadata.owner_references:
                if owner.controller:
                    owned[owner.uid].append(item)
        return {uid: tuple(items) for uid, items in owned.items()}

    def controller_of(self, item: KubeObject) -> KubeObject | None:
        """The controlling owner if it was read, else None."""
        reference = controller_reference(item)
        return self._by_uid.get(reference.uid) if reference else None

    def top_owner(self, item: KubeObject) -> KubeObject:
        """The last controller up the chain that was read (the item itself when it has none)."""
        seen = {item.metadata.uid}
        while (owner := self.controller_of(item)) is not None and owner.metadata.uid not in seen:
            seen.add(owner.metadata.uid)
            item = owner
        return item

    def owned_by(self, item: KubeObject) -> tuple[KubeObject, ...]:
        """Objects whose controller is this one."""
        return self._owned.get(item.metadata.uid, ()) if item.metadata.uid else ()

    # Workloads and their pods

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """Deployments, StatefulSets and DaemonSets, and ReplicaSets that nothing controls."""
        bare = (rs for rs in self.snap.of(ReplicaSet) if controller_reference(rs) is None)
        return (
            *self.snap.of(Deployment),
            *self.snap.of(StatefulSet),
            *self.snap.of(DaemonSet),
            *bare,
        )

    def pods_of(self, workload: Workload) -> tuple[Pod, ...]:
        """Every pod below the workload, old and new generation, terminating ones included."""
        found: list[Pod] = []
        for child in self.owned_by(workload):
            if isinstance(child, Pod):
                found.append(child)
            elif isinstance(child, ReplicaSet):
                found.extend(pod for pod in self.owned_by(child) if isinstance(pod, Pod))
        return tuple(found)

    def replica_sets_of(self, deployment: Deployment) -> tuple[ReplicaSet, ...]:
        """The Deployment's history, newest revision first."""
        sets = [item for item in self.owned_by(deployment) if isinstance(item, ReplicaSet)]
        return tuple(sorted(sets, key=revision_of, reverse=True))

    def current_replica_set(self, deployment: Deployment) -> ReplicaSet | None:
        """The newest revision's ReplicaSet, once the controller has seen the present generation."""
        sets = self.replica_sets_of(deployment)
        return sets[0] if sets else None

    def new_pods_of(self, workload: Workload) -> tuple[Pod, ...]:
        """Pods of the generation that is wanted now (Deployments: the newest ReplicaSet's)."""
        pods = self.pods_of(workload)
        if isinstance(workload, Deployment):
            current = self.current_replica_set(workload)
            if current is None:
                return ()
            return tuple(pod for pod in pods if self.controller_of(pod) is current)
        wanted = workload.status.update_revision
        if wanted:
            key = "controller-revision-hash"
            return tuple(pod for pod in pods if pod.metadata.labels.get(key) == wanted)
        return pods

    def workload_of(self, pod: Pod) -> Workload | None:
        """The workload at the top of the pod's owners, or None (bare pods, Jobs)."""
        top = self.top_owner(pod)
        return top if isinstance(top, Workload) else None

    # Services

    @cached_property
    def _pods_by_namespace(self) -> Mapping[str, tuple[Pod, ...]]:
        return _by_namespace(self.snap.of(Pod))

    @cached_property
    def _workloads_by_namespace(self) -> Mapping[str, tuple[Workload, ...]]:
        return _by_namespace(self.workloads)

    @cached_property
    def _slices(self) -> Mapping[tuple[str, str], tuple[EndpointSlice, ...]]:
        slices: dict[tuple[str, str], list[EndpointSlice]] = defaultdict(list)
        for item in self.snap.of(EndpointSlice):
            name = item.metadata.labels.get(SERVICE_NAME_LABEL, "")
            slices[(item.metadata.namespace, name)].append(item)
        return {key: tuple(items) for key, items in slices.items()}

    def pods_in(self, namespace: str) -> tuple[Pod, ...]:
        return self._pods_by_namespace.get(namespace, ())

    def workloads_in(self, namespace: str) -> tuple[Workload, ...]:
        return self._workloads_by_namespace.get(namespace, ())

    def selected_pods(self, service: Service) -> tuple[Pod, ...]:
        """Pods the selector matches, whatever their state. () for a Service without selector."""
        known = self._pods_of_service.get(id(service))
        if known is None:
            selector = service.spec.selector
            pods = self.pods_in(service.metadata.namespace) if selector else ()
            found = tuple(pod for pod in pods if matches_map(selector, pod.metadata.labels))
            known = self._pods_of_service[id(service)] = (service, found)
        return known[1]

    def selected_workloads(self, service: Service) -> tuple[Workload, ...]:
        """Workloads whose template labels the selector matches (also at zero replicas)."""
        known = self._workloads_of_service.get(id(service))
        if known is None:
            selector = service.spec.selector
            here = self.workloads_in(service.metadata.namespace) if selector else ()
            found = tuple(
                item for item in here if matches_map(selector, item.spec.template.metadata.labels)
            )
            known = self._workloads_of_service[id(service)] = (service, found)
        return known[1]

    def services_of(self, workload: Workload) -> tuple[Service, ...]:
        """Services whose selector matches the workload's template."""
        known = self._services_of_workload.get(id(workload))
        if known is None:
            labels = workload.spec.template.metadata.labels
            found = tuple(
                service
                for service in self.services_in(workload.metadata.namespace)
                if service.spec.selector and matches_map(service.spec.selector, labels)
            )
            known = self._services_of_workload[id(workload)] = (workload, found)
        return known[1]

    @cached_property
    def _services_by_namespace(self) -> Mapping[str, tuple[Service, ...]]:
        return _by_namespace(self.snap.of(Service))

    def services_in(self, namespace: str) -> tuple[Service, ...]:
        return self._services_by_namespace.get(namespace, ())

    def slices_of(self, service: Service) -> tuple[EndpointSlice, ...]:
        return self._slices.get((service.metadata.namespace, service.metadata.name), ())

    def endpoints_of(self, service: Service) -> tuple[Endpoint, ...]:
        """All endpoints of the Service's slices, ready or not."""
        return tuple(
            endpoint for item in self.slices_of(service) for endpoint in item.endpoints or ()
        )

    def ready_endpoints_of(self, service: Service) -> tuple[Endpoint, ...]:
        """Endpoints that get traffic: ready is true or null (Kubernetes API: null means true)."""
        return tuple(
            endpoint
            for endpoint in self.endpoints_of(service)
            if endpoint.conditions.ready is not False
        )

    # References and events

    @cached_property
    def calls(self) -> Calls:
        """Who calls whom, and which names are called that have no Service."""
        from stratus_cli.kube.calls import calls_of  # it rests on this module

        return calls_of(self)

    def ingresses_to(self, service: Service) -> tuple[Ingress, ...]:
        """Ingresses in the Service's namespace that name it as a backend."""
        return tuple(
            ingress
            for ingress in self.snap.of(Ingress)
            if ingress.metadata.namespace == service.metadata.namespace
            and service.metadata.name in _backends(ingress)
        )

    def autoscaler_of(self, workload: Workload) -> HorizontalPodAutoscaler | None:
        for autoscaler in self.snap.of(HorizontalPodAutoscaler):
            target = autoscaler.spec.scale_target_ref
            if (
                autoscaler.metadata.namespace == workload.metadata.namespace
                and target.kind == workload.KIND
                and target.name == workload.metadata.name
            ):
                return autoscaler
        return None

    @cached_property
    def _events(self) -> Mapping[tuple[str, str], tuple[Event, ...]]:
        events: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in self.snap.events:
            about = event.involved_object
            events[("uid", about.uid) if about.uid else (about.kind, about.name)].append(event)
        return {
            key: tuple(sorted(items, key=lambda event: str(event.last_seen), reverse=True))
            for key, items in events.items()
        }

    def events_of(self, item: KubeObject) -> tuple[Event, ...]:
        """Events about exactly this object, by uid (names are re-used), newest first."""
        uid = item.metadata.uid
        return self._events.get(("uid", uid), ()) if uid else ()


def controller_reference(item: KubeObject) -> OwnerReference | None:
    """The ownerReference with controller: true, or None."""
    for owner in item.metadata.owner_references:
        if owner.controller:
            return owner
    return None


def revision_of(replica_set: ReplicaSet) -> int:
    """Rollout revision from the annotation; 0 when it has none."""
    text = replica_set.metadata.annotations.get(REVISION_ANNOTATION, "0")
    return int(text) if text.isdigit() else 0


def config_maps_used(spec: PodSpec) -> Iterator[tuple[str, str, bool]]:
    """(ConfigMap name, field path inside the pod spec, optional) for each reference."""
    for volume in spec.volumes:
        if volume.config_map:
            path = f"volumes[name={volume.name}].configMap.name"
            yield volume.config_map.name, path, volume.config_map.optional
        for index, source in enumerate(volume.projected.sources if volume.projected else ()):
            if source.config_map:
                path = f"volumes[name={volume.name}].projected.sources[{index}].configMap.name"
                yield source.config_map.name, path, source.config_map.optional
    for list_name, containers in (
        ("initContainers", spec.init_containers),
        ("containers", spec.containers),
    ):
        for container in containers:
            prefix = f"{list_name}[name={container.name}]"
            for env in container.env:
                key_ref = env.value_from.config_map_key_ref if env.value_from else None
                if key_ref:
                    path = f"{prefix}.env[name={env.name}].valueFrom.configMapKeyRef.name"
                    yield key_ref.name, path, key_ref.optional
            for index, source_from in enumerate(container.env_from):
                if source_from.config_map_ref:
                    path = f"{prefix}.envFrom[{index}].configMapRef.name"
                    yield source_from.config_map_ref.name, path, source_from.config_map_ref.optional


def _by_namespace(items: tuple) -> Mapping[str, tuple]:  # type: ignore[type-arg]  # any kind
    grouped: dict[str, list[KubeObject]] = defaultdict(list)
    for item in items:
        grouped[item.metadata.namespace].append(item)
    return {namespace: tuple(found) for namespace, found in grouped.items()}


def _backends(ingress: Ingress) -> set[str]:
    backends = [ingress.spec.default_backend] if ingress.spec.default_backend else []
    for rule in ingress.spec.rules:
        backends.extend(path.backend for path in (rule.http.paths if rule.http else ()))
    return {backend.service.name for backend in backends if backend.service}
