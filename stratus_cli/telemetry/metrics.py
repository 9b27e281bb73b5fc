"""The metric names that HTTP servers commonly use, and what their labels mean.

A series is counted for the first family of this order that a unit has, so that an application
that exports two of them is not counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """count: a counter of requests. bucket: a histogram of durations, "" for none.

    scale: what one unit of the histogram is in seconds. only: label matchers that always apply.
    """

    count: str
    bucket: str = ""
    scale: float = 1.0
    only: str = ""


FAMILIES = (
    # OpenTelemetry HTTP semantic conventions, as its Prometheus exporters name them.
    Family(
        "http_server_request_duration_seconds_count", "http_server_request_duration_seconds_bucket"
    ),
    # Micrometer (Spring Boot).
    Family("http_server_requests_seconds_count", "http_server_requests_seconds_bucket"),
    # Client libraries' usual names.
    Family("http_requests_total", "http_request_duration_seconds_bucket"),
    Family("http_request_duration_seconds_count", "http_request_duration_seconds_bucket"),
    Family("http_server_requests_total", "http_server_request_duration_seconds_bucket"),
    # Istio's proxies, as the called side reports.
    Family(
        "istio_requests_total",
        "istio_request_duration_milliseconds_bucket",
        0.001,
        'reporter="destination"',
    ),
    # ingress-nginx.
    Family(
        "nginx_ingress_controller_requests",
        "nginx_ingress_controller_request_duration_seconds_bucket",
    ),
)  # fmt: skip

CODES = (
    "code",
    "status",
    "status_code",
    "http_response_status_code",
    "response_code",
    "http_status",
)
"""Labels that hold the HTTP status."""

# Which labels name the unit; scraped values come as exported_* where a target has its own.
NAMESPACE = (
    "destination_service_namespace",
    "exported_namespace",
    "namespace",
    "kubernetes_namespace",
    "k8s_namespace_name",
)
POD = ("exported_pod", "pod", "kubernetes_pod_name", "pod_name", "k8s_pod_name")
WORKLOAD = (
    ("Deployment", ("deployment", "k8s_deployment_name")),
    ("StatefulSet", ("statefulset", "k8s_statefulset_name")),
    ("DaemonSet", ("daemonset", "k8s_daemonset_name")),
)
INSTANCE = ("exported_instance", "instance")
"""Where it was scraped, host:port: an address of a pod, or the name of a Service."""
SERVICE = ("destination_service_name", "exported_service", "service", "kubernetes_name")

LABELS = tuple(
    dict.fromkeys(
        (
            *NAMESPACE,
            *POD,
            *(label for _, labels in WORKLOAD for label in labels),
            *SERVICE,
            *INSTANCE,
        )
    )
)


def names() -> tuple[str, ...]:
    """Every metric that is asked for."""
    return tuple(
        dict.fromkeys(name for family in FAMILIES for name in (family.count, family.bucket) if name)
    )


def first(labels: dict[str, str], wanted: tuple[str, ...]) -> str:
    """The first of these labels that is there, or ""."""
    return next((labels[name] for name in wanted if labels.get(name)), "")
