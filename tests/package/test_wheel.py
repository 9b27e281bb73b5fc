"""A built wheel works in an empty environment, far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from stratus_cli import __version__

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, what it needs, and nothing else."""

    wheel: Path
    folder: Path
    home: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs from an empty folder, with nothing of this checkout around."""
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=self.home,
            env={"PATH": os.defpath, "HOME": str(self.home), "NO_COLOR": "1", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("package")
    _pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv/bin/python")
    pins = str(ROOT / "constraints.txt")
    _pip(python, "install", "--require-hashes", "--only-binary", ":all:", "-r", pins)
    _pip(python, "install", "--no-deps", str(wheel))
    home = folder / "home"
    home.mkdir()
    return Installed(wheel, folder / "venv", home)


def test_what_a_wheel_holds(installed: Installed) -> None:
    """Every runbook and prompt, the marker of a typed package, the schema; no tests, no tools."""
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    for kind in ("runbooks", "prompts"):
        shipped = {Path(name).name for name in names if f"stratus_cli/_data/{kind}/" in name}
        assert shipped == {path.name for path in (ROOT / kind).iterdir()}
    assert {
        "stratus_cli/py.typed",
        "stratus_cli/render/report.schema.json",
        "stratus_cli/render/plan.schema.json",
        "stratus_cli/cluster/twin/demo.yaml",
    } <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"stratus_cli"}


def test_what_is_declared_is_installed(installed: Installed) -> None:
    """The pins cover what the package says it needs."""
    _pip(str(installed.folder / "bin/python"), "check")


def test_the_demo_runs(installed: Installed) -> None:
    done = installed.run("stratus", "demo")
    assert done.returncode == 0, done.stderr
    assert "COMMITTED" in done.stdout


def test_the_shipped_runbooks_are_found(installed: Installed) -> None:
    done = installed.run("stratus", "runbook", "list")
    assert done.returncode == 0, done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} == {
        path.stem for path in (ROOT / "runbooks").glob("*.md") if path.name != "README.md"
    }


def test_the_shipped_prompts_are_found(installed: Installed) -> None:
    """Without the extra, too: the prompts are text."""
    code = "from stratus_cli.agents.prompt import default_directory as d; print(*d().glob('*.md'))"
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    found = {Path(name).name for name in done.stdout.split()}
    assert found == {path.name for path in (ROOT / "prompts").glob("*.md")}
    assert "_data" in done.stdout


@pytest.mark.parametrize("program", ["stratus", "kubectl-stratus"])
def test_both_names_answer(installed: Installed, program: str) -> None:
    """kubectl finds the plugin by the second name."""
    assert installed.run(program, "--version").stdout == f"stratus {__version__}\n"
    assert "Commands" in installed.run(program, "--help").stdout


def test_start_up_imports_nothing_heavy(installed: Installed) -> None:
    """`--help` loads no renderer, client or model library."""
    code = (
        "import sys\nfrom stratus_cli.cli.app import main\nmain(['--help'])\n"
        "print([m for m in ('kubernetes', 'rich', 'yaml', 'litellm', 'pydantic', 'urllib3',"
        " 'jsonschema') if m in sys.modules], file=sys.stderr)"
    )
    done = installed.run("python", "-c", code)
    assert done.stderr.strip() == "[]"


def _pip(python: str, *arguments: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
