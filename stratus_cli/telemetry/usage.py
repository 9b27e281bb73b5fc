"""What containers use of their limits, asked for only where something is slow or close to failing.

From metrics-server (one request), and where that does not say how much is throttled, from the
kubelets of at most three nodes. Prometheus' figures, which PrometheusSource brings, come first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import msgspec

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.quantities import amount
from stratus_cli.kube.slow import slow_units
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Gap, GapReason, Snapshot, Usage, ref_of
from stratus_cli.telemetry.endpoint import Fetch

NODES = 3
LEAST_PERIODS = 100  # our choice: ten seconds of running; fewer say nothing
PODS = "/apis/metrics.k8s.io/v1beta1/pods"

_SAMPLE = re.compile(
    rb"^container_cpu_cfs_(throttled_)?periods_total\{([^}\n]{1,2000})\} (\S{1,30})", re.MULTILINE
)
_LABEL = re.compile(rb'(\w{1,60})="([^"\n]{0,300})"')


class _Container(msgspec.Struct):
    name: str = ""
    usage: dict[str, str] = {}


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _PodMetrics(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    containers: list[_Container] = []


class _List(msgspec.Struct):
    items: list[_PodMetrics] = []


class UsageSource:
    """Implements model.ports.Source."""

    name = "usage"

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def read(self, snap: Snapshot) -> Snapshot:
        """With the usage of the containers of slow workloads; a gap where it may not be read."""
        if snap.signals.usage:
            return snap
        graph = Graph(snap)
        slow = slow_units(graph)
        pods = [
            pod for pod in snap.of(Pod) if _is_limited(pod) and ref_of(graph.top_owner(pod)) in slow
        ]
        if not pods:
            return snap
        found, gaps = self._of_metrics_server(pods)
        throttled, more = self._of_kubelets(pods)
        for key, share in throttled.items():
            known = found.get(key) or Usage(*key)
            found[key] = replace(known, throttled=share)
        signals = replace(snap.signals, usage=tuple(found[key] for key in sorted(found)))
        return replace(snap, signals=signals, gaps=(*snap.gaps, *gaps, *more))

    def _of_metrics_server(
        self, pods: Iterable[Pod]
    ) -> tuple[dict[tuple[Ref, str], Usage], list[Gap]]:
        wanted = {(pod.metadata.namespace, pod.metadata.name): ref_of(pod) for pod in pods}
        try:
            listed = msgspec.json.decode(self._fetch.fetch(PODS, {}), type=_List).items
        except ClusterAnswer as error:
            return {}, [Gap(self.name, GapReason.ABSENT, f"metrics-server: {error.what}"[:200])]
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return {}, [Gap(self.name, GapReason.UNREADABLE, "metrics-server's answer")]
        found: dict[tuple[Ref, str], Usage] = {}
        for item in listed:
            ref = wanted.get((item.metadata.namespace, item.metadata.name))
            if ref is None:
                continue
            for container in item.containers:
                found[(ref, container.name)] = Usage(
                    ref,
                    container.name,
                    cpu_cores=_number(container.usage, "cpu"),
                    memory_b=_number(container.usage, "memory"),
                )
        return found, []

    def _of_kubelets(self, pods: list[Pod]) -> tuple[dict[tuple[Ref, str], float], list[Gap]]:
        """Shares of throttled periods since the containers started; of the busiest nodes."""
        counted = Counter(pod.spec.node_name for pod in pods if pod.spec.node_name)
        found: dict[tuple[Ref, str], float] = {}
        wanted = {(pod.metadata.namespace, pod.metadata.name): ref_of(pod) for pod in pods}
        for node, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:NODES]:
            try:
                data = self._fetch.fetch(f"/api/v1/nodes/{node}/proxy/metrics/cadvisor", {})
            except ClusterAnswer as error:
                return found, [Gap(self.name, GapReason.FORBIDDEN, f"{node}: {error.what}"[:200])]
            for space, name, container, share in throttling(data):
                if (space, name) in wanted:
                    found[(wanted[(space, name)], container)] = share
        return found, []


def throttling(data: bytes) -> Iterator[tuple[str, str, str, float]]:
    """(namespace, pod, container, share of throttled periods) of a kubelet's cAdvisor metrics."""
    periods: dict[tuple[str, str, str], float] = {}
    throttled: dict[tuple[str, str, str], float] = {}
    for match in _SAMPLE.finditer(data):
        labels = {
            name: value.decode("utf-8", "replace") for name, value in _LABEL.findall(match[2])
        }
        key = (labels.get(b"namespace", ""), labels.get(b"pod", ""), labels.get(b"container", ""))
        try:
            value = float(match[3])
        except ValueError:
            continue
        if all(key):
            (throttled if match[1] else periods)[key] = value
    for key in sorted(throttled):
        if periods.get(key, 0.0) >= LEAST_PERIODS:
            yield *key, min(1.0, throttled[key] / periods[key])


def _is_limited(pod: Pod) -> bool:
    return any(item.resources.limits for item in pod.spec.containers)


def _number(usage: Mapping[str, str], name: str) -> float | None:
    return float(amount(usage[name])) if name in usage else None
