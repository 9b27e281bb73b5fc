"""Keys, certificates and kubeconfigs of a bed, made by openssl anew for each bed."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

from tests.cluster.layout import API_SERVICE_IP, CONTEXT, DOMAIN, NODES, Layout
from tests.cluster.node import run

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
DAYS = "3650"


def create(layout: Layout, port: int) -> None:
    """Make the CA, the API server's certificate, the token key and the admin's kubeconfigs."""
    folder = layout.pki
    folder.mkdir(parents=True, exist_ok=True)
    key, crt = str(folder / "ca.key"), str(folder / "ca.crt")
    run(["openssl", "req", "-x509", *CURVE, "-keyout", key, "-out", crt, "-days", DAYS]
        + ["-subj", "/CN=stratus-testbed-ca"]
        + ["-addext", "keyUsage=critical,keyCertSign,cRLSign"])  # fmt: skip
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    names.append(f"kubernetes.default.svc.{DOMAIN}")
    addresses = ["127.0.0.1", NODES[0].address, API_SERVICE_IP]
    also = ",".join([*(f"DNS:{n}" for n in names), *(f"IP:{a}" for a in addresses)])
    _signed(layout, "api", "/CN=kube-apiserver", f"subjectAltName={also}\n")
    _signed(layout, "front-proxy", "/CN=front-proxy-client", "extendedKeyUsage=clientAuth\n")
    sa_key = str(folder / "sa.key")
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", sa_key])
    run(["openssl", "ec", "-in", sa_key, "-pubout", "-out", str(folder / "sa.pub")])
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f'{token},admin,1,"system:masters"\n')
    for path, server in (
        (layout.node_kubeconfig, f"https://{NODES[0].address}:6443"),
        (layout.kubeconfig, f"https://127.0.0.1:{port}"),
    ):
        _write(path, _kubeconfig(layout, server, "admin", {"token": token}))


def _signed(layout: Layout, name: str, subject: str, extensions: str) -> None:
    base, authority = layout.pki / name, layout.pki / "ca"
    key, csr, crt, ext = (str(base.with_suffix(s)) for s in (".key", ".csr", ".crt", ".ext"))
    Path(ext).write_text(extensions + "authorityKeyIdentifier=keyid\n")
    run(["openssl", "req", *CURVE, "-keyout", key, "-out", csr, "-subj", subject])
    run(["openssl", "x509", "-req", "-in", csr, "-out", crt, "-days", DAYS, "-extfile", ext]
        + ["-CA", f"{authority}.crt", "-CAkey", f"{authority}.key"]
        + ["-set_serial", str(secrets.randbits(64))])  # fmt: skip


def _kubeconfig(layout: Layout, server: str, user: str, credentials: dict[str, str]) -> object:
    authority = _encoded(layout.pki / "ca.crt")
    cluster = {"server": server, "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        "current-context": CONTEXT,
    }


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")  # JSON is YAML
    path.chmod(0o600)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
