"""Writes the files that pin what is installed: `make constraints`.

Three files, each on top of the one before: constraints.txt (what Stratus needs, and its build
backend), constraints-dev.txt and constraints-agents.txt. All are resolved together, so that they
agree, for every Python that is supported, every system and every processor; each pin has the
hashes of all its files. No file says where packages come from: that is up to pip's own settings.

uv resolves, since pip does so only for the machine at hand. It is installed into a folder that
is thrown away.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^(\S+)==.*?(?<!\\)\n", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Write the three files; 0."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    base = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    with tempfile.TemporaryDirectory() as name:
        uv = Uv(Path(name))
        together = uv.resolved([*base, *extras["dev"], *extras["agents"]], "")
        lowest = packages(uv.resolved(base, together))
        write("constraints.txt", only(together, lowest))
        for extra in ("dev", "agents"):
            found = packages(uv.resolved([*base, *extras[extra]], together))
            write(f"constraints-{extra}.txt", only(together, found - lowest))
    return 0


class Uv:
    """The resolver, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        venv.create(folder / "uv", with_pip=True)
        pip = [str(folder / "uv/bin/python"), "-m", "pip", "install", "--quiet", "uv"]
        subprocess.run(pip, check=True)

    def resolved(self, requirements: Sequence[str], together: str) -> str:
        """Pins with hashes for these requirements; together: pins that they must agree with."""
        wanted, agreed = self._folder / "wanted.in", self._folder / "agreed.txt"
        wanted.write_text("\n".join(requirements))
        agreed.write_text(together)
        command = [str(self._folder / "uv/bin/uv"), "pip", "compile", "--quiet", "--universal"]
        command += ["--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"]
        command += ["--constraints", str(agreed), str(wanted)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def packages(pins: str) -> set[str]:
    """The names of what is pinned."""
    return {found[1] for found in PIN.finditer(pins)}


def only(together: str, wanted: set[str]) -> str:
    """The pins of these packages, with the condition under which any of them is needed."""
    return "".join(found[0] for found in PIN.finditer(together) if found[1] in wanted)


def write(file: str, pins: str) -> None:
    """The file, with the command that installs from it."""
    below = "" if file == "constraints.txt" else "-r constraints.txt "
    header = f"# Written by `make constraints`: pip install --require-hashes {below}-r {file}\n"
    (ROOT / file).write_text(header + pins)
    print(f"{file}: {len(PIN.findall(pins))} packages", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
