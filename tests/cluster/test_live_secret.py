"""The live adapter and Secrets, over HTTP: values come in only where asked for, and stay inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cluster.live import LiveCluster
from stratus_cli.kube.seals import is_seal
from stratus_cli.model.errors import Invalid
from stratus_cli.model.ref import Ref
from tests.cluster.apiserver import ApiServer, kubeconfig, serving
from tests.cluster.world import REDACTOR

DB = Ref("Secret", "shop", "db", "v1")
CODED = "aHVudGVyMg=="


def stored() -> dict[str, Any]:
    meta = {"name": "db", "namespace": "shop", "uid": "u-db", "resourceVersion": "7"}
    data = {"p": CODED}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": data}


def reading(api: ApiServer, folder: Path) -> LiveCluster:
    config = kubeconfig(folder, api.url)
    return LiveCluster(config, None, timeout_s=5, redactor=REDACTOR, read_secrets=True)


def test_a_secret_goes_round_sealed(tmp_path: Path) -> None:
    """Read, renamed and written back: the server gets bytes, we see seals."""
    with serving(ApiServer([stored()])) as api:
        cluster = reading(api, tmp_path)
        item = cluster.get(DB)
        assert item is not None
        assert is_seal(item["data"]["p"])
        item["data"] = {"q": item["data"]["p"], "new": cluster.seal(b"other")}
        answer = cluster.replace(item)
        assert all(map(is_seal, answer["data"].values()))
        [now] = api.items
        assert now["data"] == {"q": CODED, "new": "b3RoZXI="}


def test_lists_have_no_values_all_the_same(tmp_path: Path) -> None:
    """A list is metadata only, whatever may be read by name."""
    with serving(ApiServer([stored()])) as api:
        cluster = reading(api, tmp_path)
        [page] = cluster.list_pages("Secret", "shop")
        assert "data" not in json.loads(page)["items"][0]
        wanted = [accept for path, accept in api.accepts if "secrets" in path]
        assert all("as=PartialObjectMetadata" in accept for accept in wanted)


def test_a_seal_of_another_process_is_not_sent(tmp_path: Path) -> None:
    """A mask never becomes a value."""
    with serving(ApiServer([stored()])) as api:
        item = reading(api, tmp_path).get(DB)
        assert item is not None
        with pytest.raises(Invalid, match="is not known here"):
            reading(api, tmp_path).replace(item)
        assert api.items == [stored()]
