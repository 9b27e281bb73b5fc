"""A claim is deleted for good on the real cluster, where finalizers hold it for a moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed import Bed
from tests.e2e.keyboard import Keyboard

NAME = "old-data"
CLAIMS = "persistentvolumeclaims"


@pytest.fixture
def keyboard(bed: Bed, tmp_path: Path) -> Iterator[Keyboard]:
    with bed.namespace() as namespace:
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": NAME, "namespace": namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        bed.apply(namespace, claim)
        yield Keyboard(bed, namespace, tmp_path)


def test_a_claim_goes_for_good_only_by_its_name(keyboard: Keyboard) -> None:
    file = str(keyboard.folder / "plan.yaml")
    line = f"kubectl -n {keyboard.namespace} delete pvc/{NAME}"
    assert keyboard.run("plan", line, "--out", file).code == 4
    planned = keyboard.run("plan", line, "--irreversible", "--out", file)
    assert planned.code in (0, 1), planned.err
    flags = ("mitigate", "--plan", file, "--irreversible", "--watch-for", "0")
    assert keyboard.run(*flags, typed="y\nanother\n").code == 4
    assert keyboard.names(CLAIMS) == [NAME]
    done = keyboard.run(*flags, "-o", "json", typed=f"y\n{NAME}\n")
    assert done.code == 0, done.out + done.err
    (tx,) = json.loads(done.out)["transactions"]
    assert (tx["state"], tx["writes"]) == ("COMMITTED", 1)
    assert keyboard.names(CLAIMS) == []
    undone = keyboard.run("undo", tx["id"], "--force", "--accept-loss", "--auto")
    assert undone.code == 4
    assert "gone for good" in undone.err
    assert keyboard.names(CLAIMS) == []
