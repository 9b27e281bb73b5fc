"""Making an app's objects, each app in another of the ways that people deploy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import as_file

from stratus_cli.drill.api import Api, Item
from stratus_cli.drill.app import App
from stratus_cli.drill.errors import DrillError
from stratus_cli.kube.redact import LAST_APPLIED
from stratus_cli.model.errors import Conflict

DEPLOYER = "deploy"
CLIENT = "kubectl-client-side-apply"
KEPT = ("PersistentVolumeClaim", "PersistentVolume", "Job")
"""What is there stays: their specs cannot be changed."""


@dataclass(frozen=True)
class Access:
    """How other programs (helm, stratus) reach the same cluster."""

    kubeconfig: str
    context: str


def make(api: Api, item: Item, namespace: str, how: str) -> None:
    """One object, or its newest wishes over the one that is there."""
    info = api.info(item["kind"], item["apiVersion"])
    meta = dict(item["metadata"])
    if info.namespaced:
        meta.setdefault("namespace", namespace)
    made = {**item, "metadata": meta}
    if item["kind"] == "PersistentVolume":
        _set_free(api, item)
    if how == "server-side":
        api.apply(made, manager=DEPLOYER)
        return
    if how == "apply" and item["kind"] != "Secret":
        made = _with_last_applied(made)
    try:
        api.create(made, manager=CLIENT)
    except Conflict:
        if item["kind"] in KEPT:
            return
        ref = api.ref(f"{item['kind']}/{meta['name']}", meta.get("namespace", ""))
        live = api.get(ref) or {"metadata": {}}
        kept = {key: live["metadata"].get(key) for key in ("resourceVersion", "uid")}
        api.replace({**made, "metadata": {**made["metadata"], **kept}}, manager=CLIENT)


def run_helm(app: App, access: Access, namespace: str, image: str) -> None:
    """`helm upgrade --install` of the app's chart. DrillError: no helm, or it failed."""
    helm = helm_program()
    if not helm:
        raise DrillError(
            f"{app.name} is installed by Helm, and the program helm is not here",
            "",
            "Put helm into PATH, name it by STRATUS_HELM, or take another --app.",
        )
    where = ["--namespace", namespace]
    if access.kubeconfig:
        where += ["--kubeconfig", access.kubeconfig]
    if access.context:
        where += ["--kube-context", access.context]
    sets = ["--set-string", f"image={image},namespace={namespace}"]
    with as_file(app.folder.joinpath("chart")) as chart:
        words = [helm, "upgrade", "--install", app.name, str(chart), *where, *sets]
        done = subprocess.run(  # noqa: S603  # no shell; the words are ours
            words, capture_output=True, text=True, timeout=120, check=False
        )
    if done.returncode:
        raise DrillError("helm could not install the app", app.name, done.stderr[-500:])


def helm_program() -> str:
    """Its path, or ""."""
    return os.environ.get("STRATUS_HELM") or shutil.which("helm") or ""


def _set_free(api: Api, item: Item) -> None:
    """A volume that is still kept for a claim that is gone takes the new one."""
    live = api.get(api.ref(f"/PersistentVolume/{item['metadata']['name']}", ""))
    if live is not None and (live.get("status") or {}).get("phase") == "Released":
        live["spec"]["claimRef"] = item["spec"]["claimRef"]
        api.replace(live)


def _with_last_applied(item: Item) -> Item:
    """As kubectl apply leaves it."""
    meta = item["metadata"]
    annotations = dict(meta.get("annotations") or {})
    plain = {**item, "metadata": {**meta, "annotations": annotations}}
    text = json.dumps(plain, separators=(",", ":")) + "\n"
    return {**item, "metadata": {**meta, "annotations": {**annotations, LAST_APPLIED: text}}}
