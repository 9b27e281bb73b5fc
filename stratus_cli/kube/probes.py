"""What a probe asks and how patient it is, as field names and Kubernetes' defaults. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TARGETS = (
    "httpGet.port",
    "httpGet.path",
    "httpGet.scheme",
    "httpGet.host",
    "tcpSocket.port",
    "exec.command",
    "grpc.port",
    "grpc.service",
)
NUMBERS = {  # core/v1, SetDefaults_Probe; initialDelaySeconds has no default but 0
    "periodSeconds": 10,
    "failureThreshold": 3,
    "timeoutSeconds": 1,
    "initialDelaySeconds": 0,
}
KINDS = ("httpGet", "tcpSocket", "exec", "grpc")


def target_kind(probe: Mapping[str, Any]) -> str:
    """httpGet, tcpSocket, exec or grpc, or "" when it says none."""
    return next((kind for kind in KINDS if isinstance(probe.get(kind), Mapping)), "")
