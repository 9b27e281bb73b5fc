"""What needs the real cluster of tests/cluster: bringing it up, detect on it and on a recording."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.figure import Figure
from bench.process import STRATUS, CommandFailedError, measure
from tests.cluster import bed as beds
from tests.cluster import lifecycle, parts
from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.cluster.layout import default
from tests.cluster.steps import Steps

PODS = 25
PODS_A_DEPLOYMENT = 5
IMAGE = "172.30.0.2:5000/stratus/app:1"
RUNS = 9
READY = re.compile(r"^\s*([\d.]+) s .*both nodes are Ready$", re.MULTILINE)
BED = "nothing to two Ready nodes"
ANSWERS = (0, 1, 3)  # what is found there is not the question


def figures(env: Mapping[str, str]) -> Iterator[Figure]:
    """All of them; one line each, with the reason, where there can be no cluster."""
    reason = beds.why_not()
    if reason:
        for what in (BED, "stratus detect", "stratus detect --from"):
            yield Figure(what, None, "s", note=reason)
        return
    layout = default()
    was_up = lifecycle.is_up(layout)
    try:
        yield _bring_up(was_up=was_up)
        with beds.of(layout).namespace() as namespace:
            yield from _detect(beds.of(layout), namespace, env)
    finally:
        if not was_up:
            lifecycle.down(layout)


def _bring_up(*, was_up: bool) -> Figure:
    if was_up:
        return Figure(BED, None, "s", 15, "the bed is up and not ours to take down")
    parts.built(Steps())  # a warm build: compiling is not what is measured
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        lifecycle.up(default(), Steps())
    found = READY.search(said.getvalue())
    if found is None:
        raise BedError(f"the bed does not say when its nodes are Ready: {said.getvalue()}")
    return Figure(BED, float(found[1]), "s", 15, "one run, with a warm build")


def _detect(bed: Bed, namespace: str, env: Mapping[str, str]) -> Iterator[Figure]:
    pods = _fill(bed, namespace)
    access = {**env, "KUBECONFIG": bed.kubeconfig}
    live = [STRATUS, "--context", bed.context, "detect"]
    try:
        found = measure(live, access, count=RUNS, well=ANSWERS)
        note = f"{pods} pods, all namespaces, median of {RUNS} runs"
        yield Figure("stratus detect", found.wall_s, "s", 0.6, note)
        yield Figure("stratus detect, peak memory", found.peak_mb, "MB", 120, note)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "now.json.gz")
            words = [STRATUS, "--context", bed.context, "record", "--out", path]
            measure(words, access, count=1)
            replay = [STRATUS, "detect", "--from", path]
            again = measure(replay, env, count=RUNS, well=ANSWERS)
        yield Figure(
            "stratus detect --from", again.wall_s, "s", 0.3, f"a recording of the same, {note}"
        )
    except CommandFailedError as error:
        yield Figure("stratus detect", None, "s", 0.6, str(error))


def _fill(bed: Bed, namespace: str) -> int:
    """Deployments and Services until the cluster has PODS pods; how many it has."""
    missing = PODS - _pods(bed)
    names = iter(f"app-{number}" for number in range(PODS))
    while missing > 0:
        count = min(missing, PODS_A_DEPLOYMENT)
        bed.apply(namespace, *_app(next(names), count))
        missing -= count
    bed.until(lambda: _all_ready(bed, namespace), "ready pods", timeout_s=120)
    return _pods(bed)


def _pods(bed: Bed) -> int:
    return len(bed.api("GET", "/api/v1/pods")["items"])


def _all_ready(bed: Bed, namespace: str) -> bool:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    return all(
        item["status"].get("readyReplicas") == item["spec"]["replicas"]
        for item in bed.api("GET", path)["items"]
    )


def _app(name: str, replicas: int) -> tuple[dict[str, Any], dict[str, Any]]:
    labels = {"app": name}
    container = {
        "name": "app",
        "image": IMAGE,
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m"}},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    return deployment, service
