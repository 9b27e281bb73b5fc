"""The apps of the drill: data/apps/NAME/app.yaml. This docstring is the format.

title: what it is, for people
front_door: {service: frontend, port: 80, path: /}      # asked through the API server's proxy;
                            # well = HTTP 200 and, where the body is JSON, no true "error"
install: apply              # apply: as kubectl apply does, with the last-applied annotation
                            # server-side: PATCH as field manager "deploy"
                            # helm: `helm install` of the folder chart/ (values: image, namespace)
load: Deployment/load       # the load generator, left out when the app's own workloads are judged
extra: [tenant]             # other namespaces that it has from the start; may be empty

The other *.yaml files of the folder are its manifests, in the order of their names, with ${image},
${namespace}, ${app}, ${tenant} and certificates (drill/certificates.py) filled in. Before them the
drill makes the namespace, labelled `stratus.dev/drill: NAME`, and in it the ConfigMap `program`
with the key app.py: the one program (data/app/app.py) that every container mounts. No manifest
holds a namespace but ${tenant}.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from stratus_cli.drill.fault import Item, fill
from stratus_cli.model.errors import UsageError

INSTALLS = ("apply", "server-side", "helm")


@dataclass(frozen=True)
class App:
    """One app as its folder has it."""

    name: str
    title: str
    front_door: Mapping[str, Any]
    install: str
    load: str
    extra: tuple[str, ...]
    folder: Traversable

    def manifests(self, values: Mapping[str, Any]) -> list[Item]:
        """Its objects, filled in; those of a chart are Helm's."""
        paths = [path for path in self.folder.iterdir() if path.name.endswith(".yaml")]
        found: list[Item] = []
        for path in sorted(paths, key=lambda path: path.name):
            if path.name != "app.yaml":
                documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
                found.extend(fill(item, values) for item in documents if item)
        return found

    def digest(self, values: Mapping[str, Any]) -> str:
        """Of all that it is made of: an app of another version, or other keys, is made anew."""
        made = json.dumps([values["image"], self.manifests(values)])
        texts = [made, program()["data"]["app.py"], *_texts(self.folder)]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def data() -> Traversable:
    """The folder of the drill's package data."""
    return importlib.resources.files("stratus_cli.drill").joinpath("data")


def names() -> tuple[str, ...]:
    """Every app that ships."""
    folder = data().joinpath("apps")
    if not folder.is_dir():
        return ()
    return tuple(sorted(p.name for p in folder.iterdir() if p.joinpath("app.yaml").is_file()))


def load(name: str) -> App:
    """UsageError: no such app, or its file is wrong."""
    folder = data().joinpath("apps", name)
    if name not in names():
        raise UsageError("there is no such app", name, f"Known: {', '.join(names())}")
    try:
        body = yaml.safe_load(folder.joinpath("app.yaml").read_text(encoding="utf-8"))
        extra = tuple(body.pop("extra", None) or ())
        app = App(name=name, folder=folder, extra=extra, load=body.pop("load", ""), **body)
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise UsageError(f"the app's file is wrong ({error})", name, "") from error
    if app.install not in INSTALLS:
        raise UsageError(f"unknown way to install {app.install!r}", name, "")
    return app


def program() -> Item:
    """The ConfigMap that every container mounts, without a namespace."""
    text = data().joinpath("app", "app.py").read_text(encoding="utf-8")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "program"},
        "data": {"app.py": text},
    }


def _texts(folder: Traversable) -> Iterator[str]:
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.is_dir():
            yield from _texts(path)
        else:
            yield path.read_text(encoding="utf-8")
