"""The first look of a process decodes in many threads; it must not crash the interpreter."""

from __future__ import annotations

import subprocess
import sys

FIRST_LOOKS = """
import json, os, sys
from stratus_cli.flow.gather import gather
from stratus_cli.kube.kinds import OBSERVED

env = [{"name": "E", "valueFrom": {"configMapKeyRef": {"name": "n", "key": "k"}}}]
container = {"name": "c", "env": env, "readinessProbe": {"httpGet": {"port": 1}}}
item = {
    "metadata": {
        "name": "a",
        "namespace": "b",
        "ownerReferences": [{"kind": "K", "name": "n", "uid": "u"}],
        "managedFields": [{"manager": "m", "fieldsV1": {}}],
    },
    "spec": {"template": {"spec": {"containers": [container]}}, "containers": [container]},
    "status": {"conditions": [{"type": "t", "status": "s"}]},
}
page = json.dumps({"metadata": {}, "items": [item] * 30}).encode()

class Shelf:
    def list_pages(self, kind, namespace):
        yield page

for number in range(20):
    child = os.fork()
    if child == 0:
        sys.setswitchinterval(1e-5)
        found = gather(Shelf(), (), keep_raw=True)
        os._exit(0 if len(found.objects) == len(OBSERVED) else 1)
    status = os.waitpid(child, 0)[1]
    if status:
        sys.exit(f"first look {number} ended with {status}")
"""


def test_many_first_looks_do_not_crash() -> None:
    """msgspec fills in a Struct's description at its first use, and is not safe in that.

    Without `gather.prepare` three of four first looks end with a segmentation fault.
    """
    done = subprocess.run(
        [sys.executable, "-c", FIRST_LOOKS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
