"""Bad input: one clear message of at most three lines, the right exit code, nothing half-done."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from stratus_cli.cli.app import main
from stratus_cli.cli.wiring import Wiring
from tests.cli.stage import Outcome, Stage

JOURNAL = ("--journal", "journal.jsonl")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(tmp_path)


def real(folder: Path, *arguments: str) -> Outcome:
    """A command with the real adapters, and folders of the test's own."""
    env = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    out, err = io.StringIO(), io.StringIO()
    code = main(arguments, wiring=Wiring(env, io.StringIO(), out, err))
    print(err.getvalue(), file=sys.stderr, end="")
    return Outcome(code, out.getvalue(), err.getvalue())


def kubeconfig(folder: Path, server: str) -> str:
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "contexts": [{"name": "bench", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "not-a-real-token"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[str]:
    """An API server that answers every request with one status. Gives its URL."""
    status: int = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reason = {401: "Unauthorized", 403: "Forbidden"}[status]
            body = json.dumps(
                {
                    "kind": "Status",
                    "status": "Failure",
                    "reason": reason,
                    "code": status,
                    "message": f"{reason} by the test server",
                }
            ).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the top level said; at most three lines."""
    told = capsys.readouterr().err.splitlines()
    first = next(place for place, line in enumerate(told) if line.startswith("stratus: "))
    lines = told[first:]
    assert 1 <= len(lines) <= 3, lines
    assert all(len(line) < 240 for line in lines)
    return lines


def test_no_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    assert real(tmp_path, "detect", "--kubeconfig", config, "--timeout", "2s").code == 7
    assert any("127.0.0.1:1" in line for line in lines_of(capsys))


def test_no_kubeconfig(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "nowhere")
    assert real(tmp_path, "detect", "--kubeconfig", missing).code == 2
    assert any(missing in line for line in lines_of(capsys))


def test_wrong_context(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = kubeconfig(tmp_path, "http://127.0.0.1:1")
    assert real(tmp_path, "detect", "--kubeconfig", config, "--context", "bnch").code == 2
    lines = lines_of(capsys)
    assert any("bnch" in line for line in lines)
    assert any("bench" in line for line in lines)


@pytest.mark.parametrize("answering", [401], indirect=True)
def test_expired_token(tmp_path: Path, answering: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = kubeconfig(tmp_path, answering)
    assert real(tmp_path, "detect", "--kubeconfig", config).code == 7
    assert "not-a-real-token" not in "".join(lines_of(capsys))


@pytest.mark.parametrize("answering", [403], indirect=True)
def test_no_permission_is_not_nothing_wrong(tmp_path: Path, answering: str) -> None:
    config = kubeconfig(tmp_path, answering)
    outcome = real(tmp_path, "detect", "--kubeconfig", config, "-n", "shop")
    assert outcome.code == 3
    assert outcome.out.startswith("nothing found, but ")
    assert "not read: Pod" in outcome.out


def test_a_namespace_that_does_not_exist(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.run("detect", "-n", "shpo").code == 2
    lines = lines_of(capsys)
    assert any("shpo" in line for line in lines)
    assert any("shop" in line for line in lines[1:])


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\x1f\x8b not gzip", b'{"schema": "stratus/recording/v1"', b"\xff\xfe"]
)
def test_a_corrupt_recording(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    assert real(tmp_path, "detect", "--from", str(path)).code == 2
    assert any("broken.json" in line for line in lines_of(capsys))


def test_a_recording_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert real(tmp_path, "detect", "--from", str(tmp_path / "none.json")).code == 2
    assert any("none.json" in line for line in lines_of(capsys))


def test_an_edited_plan(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run("plan", "-n", "shop", "--out", "plan.yaml")
    path = tmp_path / "plan.yaml"
    text = path.read_text()
    edited = text.replace("stratus/app:1", "evil/app:1")
    assert edited != text
    path.write_text(edited)
    assert stage.run("mitigate", "--plan", "plan.yaml", "--auto", *JOURNAL).code == 4
    assert any("plan.yaml" in line for line in lines_of(capsys))
    assert stage.run("detect", "-n", "shop").code == 1


def test_another_digest_than_the_reviewed_one(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.run("plan", "-n", "shop", "--out", "plan.yaml")
    arguments = ("mitigate", "--plan", "plan.yaml", "--digest", "0" * 64, "--auto", *JOURNAL)
    assert stage.run(*arguments).code == 4
    assert "digest" in lines_of(capsys)[0]


def test_a_journal_from_another_cluster(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage.run("run", "-n", "shop", "--auto", *JOURNAL).code == 0
    path = tmp_path / "journal.jsonl"
    uid = stage.wiring.cluster(None).identity().uid  # type: ignore[arg-type]  # options are not used
    content = path.read_text()
    assert uid in content
    path.write_text(content.replace(uid, "00000000-0000-0000-0000-000000000000"))
    before = path.read_bytes()
    capsys.readouterr()
    assert stage.run("undo", "--last", *JOURNAL, "-n", "shop", "--accept-loss").code == 4
    assert any("journal.jsonl" in line for line in lines_of(capsys))
    assert path.read_bytes() == before


def test_a_full_disk_writes_nothing_to_the_cluster(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stage.run("detect", "-n", "shop", "-o", "json").out

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(os, "fsync", full)
    assert stage.run("run", "-n", "shop", "--auto", *JOURNAL).code == 4
    assert any("space" in line.lower() for line in lines_of(capsys))
    monkeypatch.undo()
    after = stage.run("detect", "-n", "shop", "-o", "json").out
    assert json.loads(after)["incidents"] == json.loads(before)["incidents"]


def test_a_file_that_cannot_be_written_keeps_the_former_one(
    stage: Stage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "report.txt"
    target.write_text("former")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert stage.run("detect", "-n", "shop", "--out", "report.txt").code == 2
    assert "No space left" in lines_of(capsys)[0]
    assert target.read_text() == "former"
    assert [path.name for path in tmp_path.glob(".report*")] == []


def test_no_terminal_to_ask_on(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.run("run", "-n", "shop", *JOURNAL).code == 4
    assert "no terminal" in lines_of(capsys)[0]
    assert stage.run("detect", "-n", "shop").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("undo",),
        ("undo", "a", "--last"),
        ("recover", "--finish", "--rollback"),
        ("mitigate", "--digest", "x"),
        ("record",),
        ("explain", "POD1O4"),
        ("diagnose", "--incident", "ffff"),
        ("report", "none.json"),
        ("runbook", "show", "none"),
        ("journal", "show", "none"),
        ("plan", "none.txt"),
        ("detect", "--timeout", "soon"),
    ],
)
def test_usage_errors(
    stage: Stage, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage.run(*arguments).code == 2
    lines_of(capsys)


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop exec deploy/cart -- rm -rf /",
        "kubectl -n shop delete pod x; rm -rf /",
        "kubectl -n shop scale deploy/cart --replicas=2 --as=admin",
        "rm -rf /",
    ],
)
def test_text_outside_the_grammar_is_refused(
    stage: Stage, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stage.run("plan", line, "-n", "shop").code == 4
    lines_of(capsys)
