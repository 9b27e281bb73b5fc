"""A plain client of the API: raw requests by the standard library, by token or certificate."""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from tests.cluster.errors import BedError

PATCH_TYPE = "application/strategic-merge-patch+json"


class ApiError(BedError):
    """The API answered with an error: `status` is the HTTP status, `body` the Status object."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:600]}")
        self.status = status
        self.body = text


class Client:
    """Requests to one API server."""

    def __init__(self, server: str, context: ssl.SSLContext, token: str = "") -> None:
        self.server = server.rstrip("/")
        self.token = token
        # Made once: looking for proxies reads the environment, which pytest changes meanwhile.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Client:
        """The client of a kubeconfig with one cluster and one user (`kubectl config view
        --minify --flatten --raw -o json`). BedError for credentials by a helper program."""
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context()
        if "certificate-authority-data" in cluster:
            context = ssl.create_default_context(cadata=_text(cluster, "certificate-authority"))
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if "client-certificate-data" in user:
            _load(context, _text(user, "client-certificate"), _text(user, "client-key"))
        elif "token" not in user:
            raise BedError("the context's user has neither a token nor a client certificate")
        return cls(cluster["server"], context, user.get("token", ""))

    def request(self, method: str, path: str, body: object = None, kind: str = "") -> bytes:
        """The answer's bytes. ApiError on a status of 400 and above, OSError without an answer."""
        data = None if body is None else json.dumps(body).encode()
        kind = kind or (PATCH_TYPE if method == "PATCH" else "application/json")
        headers = {"Content-Type": kind, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.server + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=30) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")) from error

    def json(self, method: str, path: str, body: object = None, kind: str = "") -> dict[str, Any]:
        """The answer as an object; `{"text": ...}` when it is no JSON object."""
        text = self.request(method, path, body, kind).decode(errors="replace")
        try:
            parsed = json.loads(text)
        except ValueError:
            return {"text": text}
        return parsed if isinstance(parsed, dict) else {"text": text}


def _text(of: Mapping[str, Any], name: str) -> str:
    return base64.b64decode(of[f"{name}-data"]).decode()


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """ssl takes a client certificate from a file only."""
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "w") as file:
            file.write(certificate + "\n" + key)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)
