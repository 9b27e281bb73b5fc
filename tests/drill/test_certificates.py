"""The drill's certificates: made when asked for, kept, and what they say they are."""

from __future__ import annotations

import base64
import ssl
import subprocess
from pathlib import Path

import pytest

from stratus_cli.drill.certificates import FILES, Variables
from stratus_cli.drill.errors import DrillError

SPACE = "game-day-social"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / SPACE
    values = Variables({}, folder, SPACE)
    for name, file in FILES.items():
        assert base64.b64decode(values[name]) == folder.joinpath(file).read_bytes()
    return folder


def verified(folder: Path, ca: str, crt: str) -> str:
    """What openssl says of a certificate."""
    words = ["openssl", "verify", "-CAfile", ca, crt]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_servers_is_of_its_authority_and_of_no_other(made: Path) -> None:
    assert verified(made, "ca.crt", "server.crt").strip() == "server.crt: OK"
    assert "unable to get local issuer" in verified(made, "other.crt", "server.crt")


def test_the_expired_one_is_the_same_but_for_its_dates(made: Path) -> None:
    assert "certificate has expired" in verified(made, "ca.crt", "expired.crt")
    for crt in ("server.crt", "expired.crt"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made / crt, made / "server.key")


@pytest.mark.parametrize("name", ["edge", f"policy.{SPACE}.svc"])
def test_it_is_for_the_front_door_and_every_service(made: Path, name: str) -> None:
    words = ["openssl", "x509", "-in", "server.crt", "-noout", "-checkhost", name]
    done = subprocess.run(words, cwd=made, capture_output=True, text=True, check=True)
    assert "does match" in done.stdout


def test_a_later_drill_has_the_same(made: Path) -> None:
    again = Variables({"app": "social"}, made, SPACE)
    assert base64.b64decode(again["tls_key"]) == made.joinpath("server.key").read_bytes()
    assert again["app"] == "social"


def test_nothing_is_made_that_nobody_asks_for(tmp_path: Path) -> None:
    values = Variables({"app": "shop"}, tmp_path / "keys", SPACE)
    assert values["app"] == "shop"
    with pytest.raises(KeyError):
        values["certificate"]
    assert not list(tmp_path.iterdir())


def test_without_openssl_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DrillError, match="openssl"):
        Variables({}, tmp_path / "keys", SPACE)["ca"]


def test_only_its_owner_may_read_the_folder(made: Path) -> None:
    assert made.stat().st_mode & 0o077 == 0
