"""Firing alerts from Alertmanager: those that nobody silenced and nothing inhibits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import msgspec

from stratus_cli.model.errors import StratusError
from stratus_cli.model.snapshot import Alert, Gap, GapReason, Snapshot
from stratus_cli.telemetry.endpoint import Endpoint, Fetch, UrlEndpoint, endpoints, failed

PORT = 9093

# Fire all the time by design, to show that alerting works (kube-prometheus, alertmanager mixin).
ALWAYS = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})

_QUERY = {"active": "true", "silenced": "false", "inhibited": "false", "unprocessed": "false"}


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    updated_at: datetime | None = None


class AlertmanagerSource:
    """Implements model.ports.Source. url: "" looks for it behind the API server."""

    name = "alertmanager"

    def __init__(self, fetch: Fetch, url: str = "") -> None:
        if url:
            UrlEndpoint(url)  # a wrong one is said before anything is read
        self._fetch = fetch
        self._url = url

    def read(self, snap: Snapshot) -> Snapshot:
        """With the alerts of the asked scope, and those that name no namespace."""
        why = "no Service of that name is seen"
        for endpoint in endpoints(self._fetch, self._url, snap, self.name, PORT):
            try:
                alerts = _alerts(endpoint)
            except StratusError as error:
                why = f"{error.what} ({endpoint.where})"[:200]
                continue
            of_scope = tuple(
                alert for alert in alerts if snap.scope.covers(alert.labels.get("namespace", ""))
            )
            signals = replace(
                snap.signals,
                alerts=(*snap.signals.alerts, *of_scope),
                sources=(*snap.signals.sources, self.name),
            )
            return replace(snap, signals=signals)
        return replace(snap, gaps=(*snap.gaps, Gap(self.name, GapReason.ABSENT, why)))


def _alerts(endpoint: Endpoint) -> tuple[Alert, ...]:
    data = endpoint.get("/api/v2/alerts", _QUERY)
    try:
        listed = msgspec.json.decode(data, type=list[_Alert])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise failed("its answer is not a list of alerts", endpoint.where) from error
    found = {
        tuple(sorted(item.labels.items())): Alert(
            name=item.labels.get("alertname", ""),
            labels=item.labels,
            starts_at=item.starts_at,
            updated_at=item.updated_at,
            summary=(item.annotations.get("summary") or item.annotations.get("description", "")),
        )
        for item in listed
    }
    return tuple(found[key] for key in sorted(found) if found[key].name not in ALWAYS)
