"""The command table: help and version are cheap, mistakes get a hint, defects get code 70."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stratus_cli import __version__
from stratus_cli.cli import app
from tests.cli.stage import check_golden

HEAVY = ("rich", "kubernetes", "yaml", "msgspec", "litellm", "jsonschema", "stratus_cli.flow")


def test_help_and_version_load_nothing_heavy() -> None:
    script = (
        "import sys\nfrom stratus_cli.cli.app import main\n"
        "assert main(['--help']) == 0 and main(['--version']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
    assert f"stratus {__version__}" in ran.stdout


@pytest.mark.parametrize("command", ["", *app.COMMANDS])
def test_help_of_each_command(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert app.main([*filter(None, [command]), "--help"]) == 0
    check_golden(f"help-{command or 'stratus'}", capsys.readouterr().out)


def test_the_table_and_the_files_agree() -> None:
    folder = Path(app.__file__).parent
    for command in app.COMMANDS:
        assert (folder / f"{command}.py").exists()


def test_a_mistyped_command_gets_a_did_you_mean(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["detct"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "stratus: no such command",
        "  where: detct",
        "  next:  Did you mean `stratus detect`?",
    ]


def test_a_wrong_value_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["detect", "-o", "xml"]) == 2
    assert "stratus: " in capsys.readouterr().err


def test_a_defect_is_one_line_and_a_traceback_only_under_v(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("\x1b[31mboom")

    monkeypatch.setattr(app, "_root", broken)
    assert app.main([]) == 70
    err = capsys.readouterr().err
    assert "a defect of Stratus: ZeroDivisionError: \\x1b[31mboom" in err
    assert "Traceback" not in err
    assert app.main(["-v"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_completion_knows_the_commands() -> None:
    """As the script that `--show-completion` prints asks for it."""
    asked = {"_STRATUS_COMPLETE": "complete_bash", "COMP_WORDS": "stratus de", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "stratus_cli.cli"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["detect", "demo"]


def test_help_loads_neither_typer_nor_an_adapter() -> None:
    """`--help` under 150 ms rests on what it does not load."""
    code = (
        "import sys; from stratus_cli.cli.app import main; main(['--help']);"
        "print(sorted({'typer', 'rich', 'kubernetes', 'msgspec', 'yaml'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
