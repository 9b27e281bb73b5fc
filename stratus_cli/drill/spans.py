"""Where the apps' spans go: a Service that takes OTLP over HTTP, if the cluster has one."""

from __future__ import annotations

from stratus_cli.drill.api import Api, Item

OTLP_HTTP = 4318  # the port that OTLP's specification gives to HTTP


def endpoint(api: Api) -> Item | None:
    """The ConfigMap `telemetry`, which the apps' containers read when it is there."""
    for service in api.items("Service", None):
        for port in service["spec"].get("ports") or ():
            if port["port"] == OTLP_HTTP:
                meta = service["metadata"]
                address = f"http://{meta['name']}.{meta['namespace']}:{OTLP_HTTP}"
                return {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "telemetry"},
                    "data": {"OTEL_EXPORTER_OTLP_ENDPOINT": address},
                }
    return None
