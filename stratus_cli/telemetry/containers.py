"""Throttling and memory of containers from Prometheus' cAdvisor metrics, two questions in all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, Usage, ref_of
from stratus_cli.telemetry import metrics
from stratus_cli.telemetry.endpoint import Endpoint
from stratus_cli.telemetry.prometheus_api import query

WINDOW = "120s"  # our choice: cAdvisor is scraped each 15 to 60 s, and a repair should show soon
WORTH_TELLING = 0.1  # shares below are nothing to speak of, and most containers

NAMES = ("container_cpu_cfs_periods_total", "container_spec_memory_limit_bytes")

_BY = "namespace, pod, container"
THROTTLED = (
    f"sum by ({_BY}) (increase(container_cpu_cfs_throttled_periods_total"
    f'{{container!=""}}[{WINDOW}])) / sum by ({_BY}) '
    f'(increase(container_cpu_cfs_periods_total{{container!=""}}[{WINDOW}])) >= {WORTH_TELLING}'
)
MEMORY = (
    f'max by ({_BY}) (container_memory_working_set_bytes{{container!=""}}) / max by ({_BY}) '
    f'(container_spec_memory_limit_bytes{{container!=""}} > 0) >= 0.8'
)


def usage(endpoint: Endpoint, snap: Snapshot) -> tuple[Usage, ...]:
    """Of the containers for which there is something to tell."""
    found: dict[tuple[Ref, str], Usage] = {}
    for key, share in _shares(endpoint, snap, THROTTLED):
        found[key] = Usage(*key, throttled=share)
    for key, share in _shares(endpoint, snap, MEMORY):
        found[key] = replace(found.get(key, Usage(*key)), memory=share)
    return tuple(found[key] for key in sorted(found))


def _shares(
    endpoint: Endpoint, snap: Snapshot, text: str
) -> Iterator[tuple[tuple[Ref, str], float]]:
    for series in query(endpoint, text):
        labels = dict(series.metric)
        pod = snap.get(Pod, metrics.first(labels, ("namespace",)), labels.get("pod", ""))
        for _, value in series.points:
            if pod is not None and labels.get("container") and math.isfinite(value):
                yield (ref_of(pod), labels["container"]), min(1.0, value)
