"""Dates and names of certificates are read as openssl reads them; anything else is None."""

from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.cluster.certificates import read
from stratus_cli.kube.certificate import dates_of
from stratus_cli.model.ref import Ref

OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A certificate that openssl made: 30 days, two names."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    folder: Path = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        + ["-nodes", "-days", "30", "-subj", "/CN=shop", "-keyout", str(folder / "key")]
        + ["-addext", "subjectAltName=DNS:Shop.test,DNS:*.shop.test", "-out", str(folder / "crt")],
        check=True,
        capture_output=True,
    )
    return (folder / "crt").read_bytes()


def test_dates_and_names(pem: bytes) -> None:
    """From now for 30 days, for both names."""
    found = dates_of(b"junk before\n" + pem)
    assert found is not None
    assert found.not_after - found.not_before == timedelta(days=30)
    assert abs(found.not_before - datetime.now(UTC)) < timedelta(hours=1)
    assert found.names == ("shop.test", "*.shop.test")


def test_a_listing_leaves_no_key_behind(pem: bytes) -> None:
    """Only Secrets of the type count, and nothing of the key is in what is kept."""
    crt = base64.b64encode(pem).decode()
    head = '{"metadata":{"name":"a","namespace":"shop"},"type":"kubernetes.io/tls"'
    secret = head + ',"data":{"tls.crt":"%s","tls.key":"c2VjcmV0"}}'
    other = '{"metadata":{"name":"b","namespace":"shop"},"type":"Opaque","data":{"tls.crt":"%s"}}'
    answer = f'{{"items":[{secret % crt},{other % crt}]}}'.encode()
    (found,) = read(answer)
    assert found.ref == Ref("Secret", "shop", "a", "v1")
    assert found.not_after is not None
    assert "c2VjcmV0" not in repr(found)


@pytest.mark.parametrize(
    "text", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_what_is_none(text: bytes) -> None:
    """Text without a certificate has no dates."""
    assert dates_of(text) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_read(der: bytes) -> None:
    """Nothing that stands where a certificate should be raises or hangs."""
    text = base64.b64encode(der)
    dates_of(b"-----BEGIN CERTIFICATE-----\n" + text + b"\n-----END CERTIFICATE-----")
    read(b'{"items":[{"type":"kubernetes.io/tls","data":{"tls.crt":"' + text + b'"}}]}')
