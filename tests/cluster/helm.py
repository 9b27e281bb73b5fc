"""Helm, built once like the other parts; real releases give real known-good values."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.cluster.layout import cache_root
from tests.cluster.node import run

HELM = "3.18.6"
BUILD_TIMEOUT_S = 1800.0


def helm(say: Callable[[str], None]) -> Path:
    """The program, built when it is missing. BedError when the build fails."""
    path = cache_root() / f"helm-{HELM}" / "helm"
    if path.exists():
        return path
    say("building helm (about 2 minutes on 2 cores when Go's build cache is cold)")
    cache_root().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".helm-", dir=cache_root()) as work:
        words = ["nice", "go", "install", "-ldflags", "-s -w"]
        words.append(f"helm.sh/helm/v3/cmd/helm@v{HELM}")
        env = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "GOBIN": work}
        run(words, timeout_s=BUILD_TIMEOUT_S, folder=Path(work), env=env)
        path.parent.mkdir(exist_ok=True)
        (Path(work) / "helm").replace(path)
    return path
