"""What the bed's telemetry servers are told is what they understand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster import monitoring

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def test_prometheus_understands_its_configuration(tmp_path: Path) -> None:
    """By its own checker: Debian's program lacks some ways of discovery."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    [data] = [
        item["data"]
        for item in monitoring.manifests(full=False)
        if (item["kind"], item["metadata"]["name"]) == ("ConfigMap", "prometheus")
    ]
    for name in ("ca.crt", "token"):
        (tmp_path / name).touch()
    for name, text in data.items():
        here = text.replace("/config/", f"{tmp_path}/").replace(ACCOUNT, str(tmp_path))
        (tmp_path / name).write_text(here)
    words = [promtool, "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_takes_long_to_build_is_only_there_where_asked_for() -> None:
    """And metrics-server only where the API server may stand in front of it."""

    def names(*, full: bool, aggregates: bool = True) -> set[str]:
        made = monitoring.manifests(full=full, aggregates=aggregates)
        return {item["metadata"]["name"] for item in made if item["kind"] == "Deployment"}

    assert names(full=False) == {"prometheus", "alertmanager"}
    assert names(full=True) - names(full=True, aggregates=False) == {"metrics-server"}
