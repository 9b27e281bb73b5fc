"""A real cluster over HTTP. Reads and writes raw JSON; lists are masked on the way in.

Values of Secrets are asked for only of one that is read by name, and sealed at once (kube.seals).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from stratus_cli.cluster import answers, certificates, helm
from stratus_cli.cluster.pages import pages
from stratus_cli.cluster.parallel import in_parallel
from stratus_cli.cluster.resources import Resources
from stratus_cli.cluster.transport import Transport
from stratus_cli.kube.custom import kind_word
from stratus_cli.kube.log_lines import timed
from stratus_cli.kube.redact import LAST_APPLIED, Redactor
from stratus_cli.kube.seals import Vault
from stratus_cli.model.errors import ClusterAnswer, ClusterUnreachable, NotFound, RequestTimeout
from stratus_cli.model.ref import ClusterIdentity, Ref, ServedKind
from stratus_cli.model.release import Release
from stratus_cli.model.snapshot import Certificate

FIELD_MANAGER = "stratus"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
LOG_LIMIT_B = 256 * 1024
OLDEST_B = 24 * 1024
LONGEST_LINE = 2000


class LiveCluster:
    """Implements model.ports.Cluster. UsageError when the kubeconfig cannot be used."""

    def __init__(
        self,
        kubeconfig: str | None,
        context: str | None,
        *,
        timeout_s: float,
        redactor: Redactor,
        read_secrets: bool = False,
        helm_releases: bool = False,
        tls_dates: bool = False,
    ) -> None:
        self._http = Transport(kubeconfig, context, timeout_s=timeout_s, redactor=redactor)
        self._redactor = redactor
        self._vault = Vault(redactor)
        self._read_secrets = read_secrets
        self._helm_releases = helm_releases
        self._tls_dates = tls_dates
        self._resources = Resources(self._http.read)

    def identity(self) -> ClusterIdentity:
        """Asked once. ClusterUnreachable when nothing answers in time."""
        return self._identity

    @cached_property
    def _identity(self) -> ClusterIdentity:
        try:
            uid, user, version = in_parallel((self._uid, self._user, self._version))
        except RequestTimeout as error:
            raise ClusterUnreachable(error.what, self._http.access.server, error.hint) from error
        access = self._http.access
        return ClusterIdentity(uid, access.context, access.server, user, version)

    def list_pages(self, kind: str, namespace: str | None) -> Iterator[bytes]:
        """Page by page, each masked. Items carry no kind of their own."""
        path = self._resources.of(kind).path(namespace)
        secret = kind == "Secret"
        accept = METADATA_LIST if secret else "application/json"
        for data, page in pages(self._http, path, accept):
            if secret:
                page.items = [_metadata_only(raw) for raw in page.items or ()]
                yield msgspec.json.encode(page)
            else:
                yield self._redactor.page(data, page)

    def get(self, ref: Ref) -> dict[str, Any] | None:
        """The whole object; None also where its kind is not served. A Secret is sealed."""
        is_closed = ref.kind == "Secret" and not self._read_secrets
        accept = METADATA_ONLY if is_closed else "application/json"
        try:
            path = self._resources.path(ref)
            item = self._object(self._http.read(path, accept=accept), path)
        except NotFound:
            return None
        return self._given(item) if ref.kind == "Secret" else item

    def create(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """POST to the collection."""
        meta = item["metadata"]
        info = self._resources.of(item["kind"], item["apiVersion"])
        return self._written("POST", info.path(meta.get("namespace")), item, dry_run)

    def replace(self, item: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """PUT; the server compares the uid and resourceVersion that the object carries."""
        meta = item["metadata"]
        info = self._resources.of(item["kind"], item["apiVersion"])
        path = info.path(meta.get("namespace"), meta["name"])
        return self._written("PUT", path, item, dry_run)

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        resource_version: str = "",
        orphan: bool = False,
        evict: bool = False,
        dry_run: bool = False,
    ) -> None:
        """DELETE of exactly this object in exactly this version, where one is given.

        evict: POST to the pod's eviction, with the same preconditions.
        """
        conditions = {"uid": uid, "resourceVersion": resource_version}
        options: dict[str, Any] = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {key: value for key, value in conditions.items() if value},
            # Jobs would leave their pods behind by default (batch/v1 through the API).
            "propagationPolicy": "Orphan" if orphan else "Background",
        }
        if evict:
            self._evict(ref, options, dry_run=dry_run)
            return
        if dry_run:
            # NOTE: only here. With a body the API server reads no query, and really deletes.
            options["dryRun"] = ["All"]
        self._http.write("DELETE", self._resources.path(ref), json.dumps(options).encode())

    def kind_of(self, word: str) -> ServedKind | None:
        """By discovery of the group that the word names."""
        parts = kind_word(word)
        found = self._resources.named(parts) if parts is not None else None
        return found.served if found is not None else None

    def _evict(self, ref: Ref, options: dict[str, Any], *, dry_run: bool) -> None:
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "deleteOptions": {"preconditions": options["preconditions"]},
        }
        path = f"{self._resources.path(ref)}/eviction"
        query = {"dryRun": "All"} if dry_run else {}
        self._http.write("POST", path, json.dumps(eviction).encode(), query)

    def seal(self, value: bytes) -> str:
        """Kept in this process until a Secret with it is written."""
        return self._vault.seal(value)

    def allowed(self, verb: str, ref: Ref) -> bool | None:
        """Asks the server; None when it does not say."""
        try:
            info = self._resources.of(ref.kind, ref.api_version)
            attributes = {
                "verb": "create" if verb == "evict" else verb,
                "group": info.group,
                "resource": info.plural,
                "subresource": "eviction" if verb == "evict" else "",
                "namespace": ref.namespace,
                "name": ref.name,
            }
            answer = self._ask(
                "authorization.k8s.io/v1",
                "SelfSubjectAccessReview",
                {"resourceAttributes": {key: text for key, text in attributes.items() if text}},
            )
        except ClusterAnswer:
            return None
        allowed = answer.get("allowed")
        return allowed if isinstance(allowed, bool) else None

    def logs(self, pod: Ref, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """Last lines. NotFound also when the container has not started yet."""
        asked = {"tailLines": str(lines), **({"previous": "true"} if previous else {})}
        return self._log(pod, container, asked)[-lines:]

    def recent_logs(
        self, pod: Ref, container: str, *, lines: int, since_s: int, oldest: bool = False
    ) -> tuple[tuple[str, ...], tuple[datetime, ...]]:
        """Last lines of the last seconds and when each was written, by the node's clock.

        oldest: the first lines of that time instead, as many as OLDEST_B holds.
        """
        asked = {"sinceSeconds": str(since_s), "timestamps": "true"}
        if not oldest:
            return timed(self._log(pod, container, {**asked, "tailLines": str(lines)})[-lines:])
        found = self._log(pod, container, {**asked, "limitBytes": str(OLDEST_B)})
        return timed(found[:-1][:lines])  # the last one may be cut

    def _log(self, pod: Ref, container: str, asked: Mapping[str, str]) -> tuple[str, ...]:
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/log"
        query = {"container": container, "limitBytes": str(LOG_LIMIT_B), **asked}
        try:
            data = self._http.read(path, query, accept="*/*")
        except ClusterAnswer as error:
            if error.status == 400:  # "... is waiting to start", "previous ... not found"
                raise NotFound(404, "NotFound", error.what, str(pod), error.hint) from error
            raise
        text = self._redactor.text(data.decode("utf-8", "replace"))
        return tuple(line[:LONGEST_LINE] for line in text.splitlines())

    def certificates(self, namespace: str | None) -> tuple[Certificate, ...]:
        """Dates of the certificates in Secrets of type kubernetes.io/tls. Keys are dropped."""
        if not self._tls_dates:
            return ()
        path = self._resources.of("Secret").path(namespace)
        return certificates.read(self._http.read(path, certificates.QUERY))

    def releases(self, namespace: str) -> tuple[Release, ...]:
        """Helm's records of one namespace, in one request. Their Secrets leave nothing behind."""
        if not self._helm_releases:
            return ()
        path = self._resources.of("Secret").path(namespace)
        listed = self._object(self._http.read(path, helm.QUERY), path)
        items = listed.get("items")
        records = (
            [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        )
        return helm.releases_in(records, self._redactor)

    def fetch(self, path: str, query: Mapping[str, str]) -> bytes:
        """GET of any path below the API server."""
        return self._http.read(quote(path, safe="/:%"), query, accept="*/*")

    def _uid(self) -> str:
        try:
            found = self.get(Ref("Namespace", "", "kube-system"))
        except RequestTimeout:
            raise
        except ClusterAnswer:
            found = None
        uid = ((found or {}).get("metadata") or {}).get("uid")
        if isinstance(uid, str) and uid:
            return uid
        access = self._http.access
        authority = access.configuration.ssl_ca_cert
        content = Path(authority).read_bytes() if authority else b""
        return f"ca:{hashlib.sha256(content + access.server.encode()).hexdigest()[:32]}"

    def _user(self) -> str:
        try:
            status = self._ask("authentication.k8s.io/v1", "SelfSubjectReview", {})
            name = (status.get("userInfo") or {}).get("username")
        except (ClusterAnswer, AttributeError):
            name = None
        return name if isinstance(name, str) and name else self._http.access.user

    def _version(self) -> str:
        try:
            found = self._object(self._http.read("/version"), "/version").get("gitVersion")
        except RequestTimeout:
            raise
        except ClusterAnswer:
            found = None
        return found if isinstance(found, str) else ""

    def _ask(self, api_version: str, kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Create a review, which stores nothing, and give its status."""
        path = f"/apis/{api_version}/{kind.lower()}s"
        body = {"apiVersion": api_version, "kind": kind, **({"spec": spec} if spec else {})}
        answer = self._object(self._http.write("POST", path, json.dumps(body).encode()), path)
        status = answer.get("status")
        return status if isinstance(status, dict) else {}

    def _written(
        self, method: str, path: str, item: Mapping[str, Any], dry_run: bool
    ) -> dict[str, Any]:
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        if item["kind"] != "Secret":
            return self._object(
                self._http.write(method, path, msgspec.json.encode(item), query), path
            )
        body = msgspec.json.encode(self._vault.opened(item))
        try:
            answer = self._object(self._http.write(method, path, body, query), path)
        except ClusterAnswer as error:
            raise self._vault.quiet(error) from None
        return self._given(answer)

    def _given(self, secret: dict[str, Any]) -> dict[str, Any]:
        """A Secret as it leaves this adapter."""
        return self._vault.sealed(secret) if self._read_secrets else _secret(secret)

    def _object(self, data: bytes, path: str) -> dict[str, Any]:
        where = self._http.where(path)
        try:
            item = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise answers.decode_error(error, where) from error
        if not isinstance(item, dict):
            raise answers.unreadable(where, "the answer is not an object")
        return item


def _secret(item: dict[str, Any]) -> dict[str, Any]:
    """Metadata only, whatever the server sent."""
    meta = dict(item["metadata"]) if isinstance(item.get("metadata"), dict) else {}
    annotations = meta.get("annotations")
    if isinstance(annotations, dict):
        meta["annotations"] = {k: v for k, v in annotations.items() if k != LAST_APPLIED}
    kept = {"type": item["type"]} if isinstance(item.get("type"), str) else {}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, **kept}


def _metadata_only(raw: msgspec.Raw) -> msgspec.Raw:
    item = msgspec.json.decode(raw)
    return msgspec.Raw(msgspec.json.encode(_secret(item if isinstance(item, dict) else {})))
