"""Whose requests a series counts: its labels as Refs of workloads and Services of the snapshot."""

from __future__ import annotations

from functools import cached_property

from stratus_cli.kube.graph import Graph
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, ref_of
from stratus_cli.telemetry import metrics


class Units:
    """Maps labels to units. A series that names no object of the snapshot is nobody's."""

    def __init__(self, snap: Snapshot) -> None:
        self._snap = snap
        self._graph = Graph(snap)

    def of(self, labels: dict[str, str]) -> tuple[Ref, ...]:
        """The workload and the Services it stands for; ()."""
        namespace = metrics.first(labels, metrics.NAMESPACE)
        if not namespace:
            return self._scraped_at(metrics.first(labels, metrics.INSTANCE))
        if not self._snap.scope.covers(namespace):
            return ()
        return self._named(namespace, labels, self._workload(namespace, labels))

    def formerly(self, labels: dict[str, str]) -> tuple[Ref, ...]:
        """Of a pod that is gone: its workload, by the name that its controller gave it; ()."""
        namespace, name = (metrics.first(labels, it) for it in (metrics.NAMESPACE, metrics.POD))
        above, _, suffix = name.rpartition("-")
        if not (namespace and above and self._snap.scope.covers(namespace)):
            return ()
        if self._snap.get(Pod, namespace, name) is not None:
            return ()
        # A random suffix may be all digits, too; an ordinal always is.
        kinds = ("ReplicaSet", "DaemonSet", "StatefulSet")
        for kind in kinds if suffix.isdigit() else kinds[:2]:
            item = self._snap.find(Ref(kind, namespace, above))
            workload = self._graph.top_owner(item) if item is not None else None
            if isinstance(workload, Workload):
                return self._named(namespace, labels, workload)
        return ()

    def _named(
        self, namespace: str, labels: dict[str, str], workload: Workload | None
    ) -> tuple[Ref, ...]:
        named = self._snap.get(Service, namespace, metrics.first(labels, metrics.SERVICE))
        found: list[Ref] = [ref_of(workload)] if workload is not None else []
        if named is not None and (workload is None or workload in self._behind(named)):
            return (*found, ref_of(named))
        # A Service label that is not about the workload's own pods belongs to the scraper.
        if workload is not None:
            found += [ref_of(service) for service in self._services.get(ref_of(workload), ())]
        return tuple(found)

    def _scraped_at(self, instance: str) -> tuple[Ref, ...]:
        """Of a target without labels of Kubernetes: by a pod's address, or a Service's name."""
        host = instance.rpartition(":")[0] or instance
        pod = self._by_address.get(host)
        if pod is not None:
            return self._named(pod.metadata.namespace, {}, self._graph.workload_of(pod))
        name, _, rest = host.partition(".")
        space = rest.partition(".")[0]
        services = [
            item
            for item in self._snap.of(Service)
            if item.metadata.name == name and space in ("", item.metadata.namespace)
        ]
        if len(services) != 1:
            return ()  # none, or one of several: nobody's
        behind = self._behind(services[0])
        return (*(ref_of(item) for item in behind if len(behind) == 1), ref_of(services[0]))

    @cached_property
    def _by_address(self) -> dict[str, Pod]:
        """Pods by their own addresses; those that share their node's are left out."""
        return {
            pod.status.pod_ip: pod
            for pod in self._snap.of(Pod)
            if pod.status.pod_ip and not pod.spec.host_network
        }

    def _workload(self, namespace: str, labels: dict[str, str]) -> Workload | None:
        pod = self._snap.get(Pod, namespace, metrics.first(labels, metrics.POD))
        if pod is not None:
            return self._graph.workload_of(pod)
        for kind, wanted in metrics.WORKLOAD:
            name = metrics.first(labels, wanted)
            item = self._snap.find(Ref(kind, namespace, name)) if name else None
            if isinstance(item, Workload):
                return item
        return None

    def _behind(self, service: Service) -> tuple[Workload, ...]:
        return self._graph.selected_workloads(service)

    @cached_property
    def _services(self) -> dict[Ref, tuple[Service, ...]]:
        """The Services of each workload."""
        return {
            ref_of(workload): self._graph.services_of(workload)
            for workload in self._graph.workloads
        }
