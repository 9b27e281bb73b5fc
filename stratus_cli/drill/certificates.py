"""Certificates of an app, made by openssl on this machine: no key ships with Stratus.

They are kept in a folder of their own for as long as the app may run. As variables of app and fault
files each is base64 of PEM, as a Secret's `data`, a ConfigMap's `binaryData` and a webhook's
`caBundle` want it: ${ca}; ${other_ca}, of an authority that signed nothing; ${tls_crt} and
${tls_key}, of a server for `edge` and for every Service of the namespace; ${expired_crt}, the same
with dates that have gone by.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stratus_cli.drill.errors import DrillError

FILES = {
    "ca": "ca.crt",
    "other_ca": "other.crt",
    "tls_crt": "server.crt",
    "tls_key": "server.key",
    "expired_crt": "expired.crt",
}
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
DATES = ("20200101000000Z", "21200101000000Z")  # whatever the clock says
GONE_BY = ("20200101000000Z", "20200201000000Z")
CONFIG = """
[ca]
default_ca = drill
[drill]
database = index
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = policy
unique_subject = no
x509_extensions = server
[policy]
commonName = supplied
[server]
subjectAltName = DNS:edge,DNS:*.{namespace}.svc
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
"""


class Variables(dict[str, Any]):
    """Variables, to which certificates are added when one is asked for.

    DrillError then: there is no openssl, or it failed.
    """

    def __init__(self, values: dict[str, Any], folder: Path, namespace: str) -> None:
        super().__init__(values)
        self._folder = folder
        self._namespace = namespace

    def __missing__(self, name: str) -> str:
        if name not in FILES:
            raise KeyError(name)
        if not all(self._folder.joinpath(file).exists() for file in FILES.values()):
            make(self._folder, self._namespace)
        content = self._folder.joinpath(FILES[name]).read_bytes()
        value = self[name] = base64.b64encode(content).decode()
        return value


def make(folder: Path, namespace: str) -> None:
    """All of them, anew. DrillError: there is no openssl, or it failed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    folder.joinpath("index").write_text("")
    folder.joinpath("config").write_text(CONFIG.format(namespace=namespace))
    for name in ("ca", "other"):
        own = ("-x509", *CURVE, "-days", "36500", "-subj", f"/CN=drill {name}")
        _openssl(folder, "req", *own, "-keyout", f"{name}.key", "-out", f"{name}.crt")
    asked = (*CURVE, "-subj", "/CN=edge", "-keyout", "server.key", "-out", "server.csr")
    _openssl(folder, "req", *asked)
    signed = ("-batch", "-notext", "-config", "config", "-cert", "ca.crt", "-keyfile", "ca.key")
    for name, (start, end) in (("server", DATES), ("expired", GONE_BY)):
        dates = ("-startdate", start, "-enddate", end)
        _openssl(folder, "ca", *signed, *dates, "-in", "server.csr", "-out", f"{name}.crt")


def _openssl(folder: Path, *words: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise DrillError(
            "certificates are made by openssl, and it is not here",
            "",
            "Put openssl into PATH, or take an --app and faults without TLS.",
        )
    _run([program, *words], folder)


def _run(words: Sequence[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603  # no shell; the words are ours
        words, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise DrillError("openssl failed", " ".join(words[1:3]), done.stderr[-500:])
