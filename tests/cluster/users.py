"""Kubeconfigs of restricted users: client certificates that the cluster itself signs.

The same on the bed and on any cluster whose controller manager signs certificates.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.client import ApiError, Client
from tests.cluster.errors import BedError
from tests.cluster.node import run

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
USAGES = ["client auth", "digital signature"]
TIMEOUT_S = 20.0


def kubeconfig_for(
    admin: Mapping[str, Any], folder: Path, user: str, groups: Sequence[str] = ()
) -> Path:
    """A kubeconfig of `user` in `groups`, who may do what RBAC grants; made once per folder.

    `admin` is a kubeconfig with one context, of a user who may sign; the result has the same
    context name. BedError when the cluster does not sign.
    """
    name = hashlib.sha256("\0".join((user, *groups)).encode()).hexdigest()[:12]
    path = folder / f"user-{name}.kubeconfig"
    if path.exists():
        return path
    subject = "".join(f"/O={_escaped(g)}" for g in groups) + f"/CN={_escaped(user)}"
    key, request = folder / f"user-{name}.key", folder / f"user-{name}.csr"
    run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", str(key), "-out", str(request), "-subj", subject, "-utf8"])  # fmt: skip
    credentials = {
        "client-certificate-data": _sign(Client.of(admin), request.read_bytes()),
        "client-key-data": base64.b64encode(key.read_bytes()).decode(),
    }
    context = dict(admin["contexts"][0])
    context["context"] = {**context["context"], "user": user}
    content = {**admin, "users": [{"name": user, "user": credentials}], "contexts": [context]}
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(content, indent=1) + "\n")  # JSON is YAML
    part.chmod(0o600)
    part.replace(path)
    return path


def _sign(api: Client, request: bytes) -> str:
    """Ask for a certificate, approve it, and take it: base64 of its PEM."""
    spec = {
        "request": base64.b64encode(request).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": USAGES,
    }
    made = api.json(
        "POST",
        REQUESTS,
        {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": "stratus-test-"},
            "spec": spec,
        },
    )
    path = f"{REQUESTS}/{made['metadata']['name']}"
    approved = {"type": "Approved", "status": "True", "reason": "Test", "message": "by the test"}
    api.json("PUT", f"{path}/approval", {**made, "status": {"conditions": [approved]}})
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            certificate = api.json("GET", path).get("status", {}).get("certificate")
            if certificate:
                return str(certificate)
            time.sleep(0.05)
    except ApiError as error:
        raise BedError(f"no client certificate: {error}") from error
    finally:
        api.request("DELETE", path)
    raise BedError("the cluster signs no client certificates")


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace("/", "\\/").replace("+", "\\+")
