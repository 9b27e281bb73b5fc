"""Settings come from the file, then STRATUS_*, then flags; a bad one says where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.cli.options import duration, resolve
from stratus_cli.model.errors import UsageError


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def test_file_then_environment_then_flags(tmp_path: Path) -> None:
    path = config(tmp_path, 'context = "file"\ntimeout = "1m"\nfail-on = "outage"\n')
    made = resolve({"fail_on": "degraded"}, {"STRATUS_TIMEOUT": "2s"}, path)
    assert (made.context, made.timeout, made.fail_on) == ("file", 2.0, "degraded")
    assert made.flags == frozenset({"fail_on"})


def test_nothing_given_are_the_defaults(tmp_path: Path) -> None:
    made = resolve({"context": None, "namespace": ()}, {}, tmp_path / "none.toml")
    assert made.output == "text"
    assert made.asked == ()
    assert "kube-system" in made.protected_namespaces


def test_all_namespaces_overrides_a_configured_one(tmp_path: Path) -> None:
    path = config(tmp_path, 'namespace = ["shop"]')
    assert resolve({}, {}, path).asked == ("shop",)
    assert resolve({"all_namespaces": True}, {}, path).asked == ()
    assert resolve({"namespace": ("hotel",)}, {}, path).asked == ("hotel",)


def test_lists_from_the_environment(tmp_path: Path) -> None:
    made = resolve({}, {"STRATUS_PROTECTED": "prod-*, live"}, tmp_path / "none.toml")
    assert made.protected == ("prod-*", "live")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("contxt = 'a'", "Did you mean 'context'?"),
        ("context = 3", "wrong type"),
        ("output = 'xml'", "'xml' is not a value"),
        ("timeout = 'soon'", "not a length of time"),
        ("context = ", "cannot be read"),
    ],
)
def test_a_bad_file_says_what_and_where(tmp_path: Path, text: str, says: str) -> None:
    path = config(tmp_path, text)
    with pytest.raises(UsageError) as error:
        resolve({}, {}, path)
    assert says in str(error.value)
    assert str(path) in error.value.where


def test_contradicting_flags(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        resolve({"namespace": ("a",), "all_namespaces": True}, {}, tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "seconds"), [("15", 15), ("500ms", 0.5), ("30s", 30), ("2m", 120), ("1h", 3600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text, "--timeout") == seconds
