"""The drill's own way to the API server: raw, unmasked, and apart from what it judges.

It writes as the field managers that people's tools use, so that a fault looks as it would in life.
It must only be used on namespaces of the drill, and outside them on what a fault file names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from stratus_cli.cluster.pages import pages
from stratus_cli.cluster.resources import Resources
from stratus_cli.cluster.transport import Transport
from stratus_cli.kube.kinds import KindInfo
from stratus_cli.model.errors import ClusterAnswer, NotFound, StratusError
from stratus_cli.model.ref import Ref

Item = dict[str, Any]
EDITOR = "kubectl-edit"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Answer:
    """One request through the front door. status 0: there was none."""

    status: int
    seconds: float
    body: str = ""

    @property
    def is_well(self) -> bool:
        """200, and a JSON body does not say otherwise."""
        if self.status != 200:
            return False
        try:
            said = json.loads(self.body)
        except ValueError:
            return True
        if not isinstance(said, dict):
            return True
        return not said.get("error") and not said.get("failed")


class Api:
    """Reads and writes of one cluster. Errors are those of model.errors."""

    def __init__(self, http: Transport) -> None:
        self._http = http
        self._resources = Resources(http.read)
        self._kinds: tuple[tuple[str, ...], tuple[KindInfo, ...]] = ((), ())

    def ref(self, text: str, namespace: str) -> Ref:
        """The ref of a fault file's text: Kind/name, namespace/Kind/name or /Kind/name."""
        parts = text.split("/")
        space, kind, name = (namespace, *parts) if len(parts) == 2 else parts
        info = self.info(kind)
        return Ref(info.kind, space if info.namespaced else "", name, info.api_version)

    def info(self, kind: str, api_version: str = "") -> KindInfo:
        """Where a kind is served. NotFound when it is not, by now."""
        try:
            return self._resources.of(kind, api_version)
        except NotFound:
            self._resources = Resources(self._http.read)  # a kind may have come with its app
            return self._resources.of(kind, api_version)

    def items(self, kind: str, namespace: str | None, api_version: str = "") -> list[Item]:
        """Every object of a kind, raw. [] where the kind is not served."""
        found: list[Item] = []
        try:
            info = self.info(kind, api_version)
            for _, page in pages(self._http, info.path(namespace), "application/json"):
                found.extend(json.loads(bytes(raw)) for raw in page.items or ())
        except NotFound:
            return []
        for item in found:
            item.setdefault("kind", info.kind)
            item.setdefault("apiVersion", info.api_version)
        return found

    def get(self, ref: Ref) -> Item | None:
        """The live object, or None."""
        try:
            return self._json(self._http.read(self._resources.path(ref)))
        except NotFound:
            return None

    def create(self, item: Mapping[str, Any], *, manager: str = EDITOR) -> Item:
        """POST."""
        path = self.info(item["kind"], item["apiVersion"]).path(item["metadata"].get("namespace"))
        return self._json(self._http.write("POST", path, _bytes(item), {"fieldManager": manager}))

    def replace(self, item: Mapping[str, Any], *, manager: str = EDITOR) -> Item:
        """PUT, with the resourceVersion that the item carries as precondition."""
        path = self._path(item)
        return self._json(self._http.write("PUT", path, _bytes(item), {"fieldManager": manager}))

    def apply(self, item: Mapping[str, Any], *, manager: str) -> Item:
        """Server-side apply."""
        query = {"fieldManager": manager, "force": "true"}
        body = self._http.write("PATCH", self._path(item), _bytes(item), query, content_type=APPLY)
        return self._json(body)

    def delete(self, ref: Ref) -> None:
        """DELETE in the background; nothing when it is gone already."""
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Background",
        }
        try:
            self._http.write("DELETE", self._resources.path(ref), _bytes(options))
        except NotFound:
            return

    def logs(self, pod: Item, container: str, lines: int, since: str = "") -> str:
        """The last lines of a container since a time; "" while there are none. pod: metadata."""
        path = f"/api/v1/namespaces/{pod['namespace']}/pods/{pod['name']}/log"
        query = {"container": container, "tailLines": str(lines)}
        query |= {"sinceTime": since} if since else {}
        try:
            return self._http.read(path, query, accept="*/*").decode("utf-8", "replace")
        except ClusterAnswer:
            return ""

    def ask(self, namespace: str, service: str, port: str | int, path: str) -> Answer:
        """GET of a Service through the API server's proxy. Never raises."""
        where, _, query = path.partition("?")
        url = f"/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy{where}"
        started = time.monotonic()
        try:
            body = self._http.read(url, dict(parse_qsl(query)), accept="*/*", timeout_s=10.0)
        except ClusterAnswer as error:
            return Answer(error.status, time.monotonic() - started, error.what)
        except (StratusError, OSError) as error:
            return Answer(0, time.monotonic() - started, str(error))
        return Answer(200, time.monotonic() - started, body.decode("utf-8", "replace"))

    @property
    def kinds(self) -> tuple[KindInfo, ...]:
        """Every kind that can be listed and changed, by discovery; anew when a group has come."""
        groups = self._json(self._http.read("/apis")).get("groups", ())
        versions = ("v1", *(group["preferredVersion"]["groupVersion"] for group in groups))
        if versions != self._kinds[0]:
            self._kinds = versions, tuple(self._served(versions))
        return self._kinds[1]

    def _served(self, versions: Iterable[str]) -> Iterable[KindInfo]:
        found: dict[str, KindInfo] = {}
        for version in versions:
            try:
                listed = self.resources(version)
            except ClusterAnswer:
                continue  # an aggregated API that does not answer is nobody's wish
            for item in listed:
                if {"list", "get", "update"} <= {*item.get("verbs", ())} and "/" not in item[
                    "name"
                ]:
                    info = KindInfo(item["kind"], version, item["name"], item["namespaced"])
                    found.setdefault(f"{info.group}/{info.kind}", info)
        return found.values()

    def resources(self, group_version: str) -> list[Item]:
        """What one group serves. ClusterAnswer when it does not answer."""
        root = "/api" if "/" not in group_version else "/apis"
        return list(self._json(self._http.read(f"{root}/{group_version}")).get("resources", ()))

    def _path(self, item: Mapping[str, Any]) -> str:
        meta = item["metadata"]
        info = self.info(item["kind"], item["apiVersion"])
        return info.path(meta.get("namespace"), meta["name"])

    def _json(self, data: bytes) -> Item:
        found: Item = json.loads(data)
        return found


def _bytes(item: Mapping[str, Any]) -> bytes:
    return json.dumps(item).encode()
