"""A cluster as tests see it: this machine's bed, or the one that STRATUS_TEST_CONTEXT names."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from tests.cluster import lifecycle, machine, parts, users
from tests.cluster.client import ApiError, Client
from tests.cluster.errors import BedError
from tests.cluster.layout import CONTEXT, Layout, default
from tests.cluster.steps import Steps

T = TypeVar("T")
OWNER = "owner"  # holds the id of the test run that started the bed
FOREIGN = "STRATUS_TEST_CONTEXT"


class Bed:
    """A running cluster: its kubeconfig (a file with this one context), kubectl, raw API."""

    def __init__(
        self, kubeconfig: Path, context: str, kubectl: Sequence[str], *, is_own: bool = False
    ) -> None:
        self.kubeconfig = str(kubeconfig)
        self.context = context
        self.is_own = is_own  # a bed of this machine, not a cluster by STRATUS_TEST_CONTEXT
        self._kubectl = list(kubectl)
        self._config: dict[str, Any] = json.loads(kubeconfig.read_text())
        self._client = Client.of(self._config)

    def kubectl(self, *args: str, input: str | None = None) -> str:
        """The output of a kubectl command. BedError with its errors when it fails."""
        words = [*self._kubectl, "--kubeconfig", self.kubeconfig, *args]
        done = subprocess.run(
            words, input=input, capture_output=True, text=True, timeout=180, check=False
        )
        if done.returncode:
            raise BedError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def api(self, method: str, path: str, body: object = None, kind: str = "") -> dict[str, Any]:
        """The API's answer, as the administrator. `kind` is the content type; a PATCH is a
        strategic merge patch without one. ApiError on an error's status."""
        return self._client.json(method, path, body, kind)

    def apply(self, namespace: str, *objects: Mapping[str, Any]) -> None:
        """kubectl apply of objects."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(listed))

    def pods(self, namespace: str, label: str = "") -> list[dict[str, Any]]:
        """The pods of a namespace, those with a label `key=value` only if given."""
        query = f"?labelSelector={quote(label)}" if label else ""
        items = self.api("GET", f"/api/v1/namespaces/{namespace}/pods{query}")["items"]
        return list(items)

    @contextlib.contextmanager
    def namespace(self) -> Iterator[str]:
        """A new namespace with its default ServiceAccount; deleted afterwards, without waiting."""
        name = f"t-{secrets.token_hex(4)}"
        path = f"/api/v1/namespaces/{name}"
        metadata = {"metadata": {"name": name}}
        self.api(
            "POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", **metadata}
        )
        try:
            account = f"{path}/serviceaccounts/default"
            self.until(lambda: self.api("GET", account), f"{name}'s ServiceAccount", timeout_s=30)
            yield name
        finally:
            with contextlib.suppress(ApiError):
                self.api("DELETE", path)

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> str:
        """The kubeconfig of a user who may do only what RBAC grants; same context name."""
        folder = Path(self.kubeconfig).parent
        return str(users.kubeconfig_for(self._config, folder, user, groups))

    def until(self, ask: Callable[[], T], what: str, timeout_s: float = 60.0) -> T:
        """Ask until the answer is true, and give it. AssertionError at the deadline."""
        deadline = time.monotonic() + timeout_s
        while True:
            last: object
            try:
                answer = ask()
                if answer:
                    return answer
                last = answer
            except (ApiError, OSError) as error:
                last = error
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {timeout_s:g} s; last: {last!r}")
            time.sleep(0.1)


def why_not() -> str:
    """One line why there is no cluster for tests here, or ""."""
    if os.environ.get(FOREIGN):
        if shutil.which("kubectl") is None and parts.kube_if_built() is None:
            return f"{FOREIGN} is set, but there is no kubectl in PATH"
        return ""
    reason = machine.why_not()
    return f"{reason}; or name a disposable cluster by {FOREIGN}" if reason else ""


def open_bed(run: str, folder: Path) -> Bed:
    """The bed, started when it is not up; `run` is then recorded as the one to take it down.

    `folder` holds the kubeconfigs of a cluster that STRATUS_TEST_CONTEXT names.
    """
    foreign = os.environ.get(FOREIGN)
    if foreign:
        return _foreign(foreign, folder)
    layout = default()
    if lifecycle.up(layout, Steps()):
        (layout.state / OWNER).write_text(run)
    return of(layout)


def of(layout: Layout) -> Bed:
    """The bed of this machine that is up."""
    kube = parts.kube_if_built()
    if kube is None:
        raise BedError("the bed's Kubernetes is not built: python -m tests.cluster up")
    return Bed(layout.kubeconfig, CONTEXT, [str(kube), "kubectl"], is_own=True)


def close_bed(run: str) -> list[str]:
    """Take the bed down if `run` started it, unless STRATUS_KEEP_BED=1; what is left of it."""
    layout = default()
    try:
        owner = (layout.state / OWNER).read_text()
    except OSError:
        return []
    if owner != run or os.environ.get("STRATUS_KEEP_BED") == "1":
        return []
    return lifecycle.down(layout)


def _foreign(context: str, folder: Path) -> Bed:
    path = shutil.which("kubectl")
    kubectl = [path] if path else [str(parts.kube_if_built()), "kubectl"]
    view = ["config", "view", "--minify", "--flatten", "--raw", "-o", "json"]
    done = subprocess.run(
        [*kubectl, "--context", context, *view], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BedError(f"{FOREIGN}={context}: {done.stderr.strip()}")
    (folder / "kubeconfig").write_text(done.stdout)
    return Bed(folder / "kubeconfig", context, kubectl)
