"""Helm's records and a folder of manifests as known-good states: read once, Secrets left out."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.cluster.helm import TYPE, releases_in
from stratus_cli.cluster.live import LiveCluster
from stratus_cli.cluster.manifests import ManifestFolder
from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.flow.known_states import declared_states
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.kube.manifest_text import documents
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.errors import UsageError
from stratus_cli.model.ports import Ports
from tests.cluster.apiserver import ApiServer, kubeconfig, serving
from tests.cluster.world import REDACTOR, Shop, ports

PASSWORD = "planted-90ab11"
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
MANIFEST = f"""---
# Source: shop/templates/web.yaml{SERVICE}---
apiVersion: v1
kind: Secret
metadata: {{name: db}}
stringData: {{password: {PASSWORD}}}
"""


def record(revision: int, manifest: str = MANIFEST, status: str = "deployed") -> dict[str, Any]:
    """A record as Helm 3 keeps it."""
    info = {"status": status, "last_deployed": "2026-11-24T09:00:00.123456789Z"}
    release = {
        "name": "shop",
        "namespace": "shop",
        "version": revision,
        "info": info,
        "manifest": manifest,
        "config": {"password": PASSWORD},
    }
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {
            "name": f"sh.helm.release.v1.shop.v{revision}",
            "namespace": "shop",
            "uid": f"u-helm-{revision}",
            "resourceVersion": "7",
            "labels": {"owner": "helm", "name": "shop", "version": str(revision)},
        },
        "data": {"release": base64.b64encode(packed).decode()},
    }


def test_a_record_gives_its_manifests_without_secrets() -> None:
    """Nothing of a Secret or of the chart's values is left."""
    older = [record(number, status="superseded") for number in range(1, 5)]
    found = releases_in([*older, record(5)], REDACTOR)
    assert [release.revision for release in found] == [5, 4, 3], "the newest do"
    assert [item["kind"] for item in found[0].documents] == ["Service"]
    assert found[0].deployed_at is not None
    assert PASSWORD not in repr([release.documents for release in found])


@pytest.mark.parametrize(
    "broken",
    ["", "x", base64.b64encode(b"x").decode(), base64.b64encode(base64.b64encode(b"x")).decode()],
)
def test_a_broken_record_is_left_out(broken: str) -> None:
    """Whatever it is."""
    item = record(1)
    item["data"]["release"] = broken
    assert releases_in([item], REDACTOR) == ()


def test_a_record_that_unpacks_to_a_flood_is_left_out() -> None:
    """A small Secret may stand for gigabytes."""
    item = record(1)
    flood = gzip.compress(b" " * (64 * 1024 * 1024))
    item["data"]["release"] = base64.b64encode(base64.b64encode(flood)).decode()
    assert releases_in([item], REDACTOR) == ()


def _broken_shop(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """The Service's target is one that nothing serves."""
    items = copy.deepcopy(Shop().items)
    service = next(item for item in items if item["kind"] == "Service")
    service["spec"]["ports"][0]["targetPort"] = 9999
    return [*items, *more]


def _diagnosed(made: Ports) -> Incident:
    detection = detect(observe(made, ScopeRequest(("shop",))))
    states, gaps = declared_states(made, detection)
    assert gaps == ()
    (incident,) = diagnose(detection, declared=states)
    return incident


def test_a_release_is_the_source_of_a_value(tmp_path: Path) -> None:
    """End to end over HTTP; and not where it is switched off."""
    with serving(ApiServer(_broken_shop(record(3)))) as api:
        for switched_on in (True, False):
            cluster = LiveCluster(
                kubeconfig(tmp_path, api.url),
                None,
                timeout_s=5,
                redactor=REDACTOR,
                read_secrets=True,
                helm_releases=switched_on,
            )
            incident = _diagnosed(ports(cluster))
            (root,) = incident.roots
            assert root.facts["good_target_port"] == 8080
            is_helm = root.facts["source"] == "Helm release shop revision 3"
            assert is_helm is switched_on
            assert PASSWORD not in repr(incident)


def test_a_folder_is_the_source_of_a_value(tmp_path: Path) -> None:
    """Manifests without a namespace belong where most of them are."""
    folder = tmp_path / "deploy"
    (folder / "chart").mkdir(parents=True)
    (folder / "web.yaml").write_text(MANIFEST)
    (folder / "chart" / "web.yaml").write_text("kind: {{ .Values.kind }}\n")
    (folder / "broken.yaml").write_text("a: [")
    (folder / "notes.txt").write_text("no manifest")
    declared = ManifestFolder(str(folder), REDACTOR)
    with serving(ApiServer(_broken_shop())) as api:
        cluster = LiveCluster(kubeconfig(tmp_path, api.url), None, timeout_s=5, redactor=REDACTOR)
        incident = _diagnosed(replace(ports(cluster), manifests=declared))
    assert incident.roots[0].facts["source"] == "manifest web.yaml"
    assert PASSWORD not in repr(incident)
    assert [line.partition(":")[0] for line in declared.unread] == ["broken.yaml"]


def test_there_must_be_such_a_folder(tmp_path: Path) -> None:
    """A typing error is not an empty folder."""
    with pytest.raises(UsageError):
        ManifestFolder(str(tmp_path / "nowhere"), REDACTOR)


def test_a_date_stays_text_and_aliases_are_refused() -> None:
    """What JSON has not is not made up."""
    assert documents("a: 2026-11-24") == ({"a": "2026-11-24"},)
    with pytest.raises(ValueError, match="alias"):
        documents("a: &x [1]\nb: *x")


@given(st.text(max_size=200))
def test_text_of_any_kind_gives_documents_or_a_value_error(text: str) -> None:
    """It is a file of anybody's."""
    try:
        found = documents(text)
    except ValueError:
        return
    assert all(isinstance(item, dict) for item in found)
