"""Keeps the transcript in README.md true: `make transcript` writes it, `--check` compares.

It is the output of `stratus demo`, both streams in the order a person sees them. Only some of
its scenes are taken, each whole; the folder of the demo's journal, another in every run, is
given one name.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
SCENES = ("stratus detect", "stratus run", "stratus undo")
BEGIN, END = "<!-- transcript -->", "<!-- /transcript -->"
BLOCK = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}\n", re.DOTALL)
JOURNAL_FOLDER = re.compile(r"\S*/stratus-demo-\w+/")


def main(arguments: Sequence[str]) -> int:
    """0; with --check 1 when README.md shows something else than the demo prints now."""
    before = README.read_text()
    if not BLOCK.search(before):
        print(f"README.md has no block from {BEGIN} to {END}", file=sys.stderr)
        return 1
    shown = f"{BEGIN}\n```console\n{excerpt(demo())}```\n{END}\n"
    after = BLOCK.sub(lambda _: shown, before)
    if "--check" not in arguments:
        README.write_text(after)
        return 0
    changed = difflib.unified_diff(before.splitlines(), after.splitlines(), "README.md", "demo")
    lines = list(changed)
    if lines:
        print("\n".join(lines), "\nREADME.md's transcript is out of date: make transcript")
    return 1 if lines else 0


def demo() -> str:
    """What `stratus demo` prints. CalledProcessError when it does not end well."""
    env = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
    command = [str(Path(sys.executable).with_name("stratus")), "demo"]
    done = subprocess.run(
        command,
        env={**env, "NO_COLOR": "1", "COLUMNS": "100", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return JOURNAL_FOLDER.sub("/tmp/stratus-demo/", done.stdout)


def excerpt(text: str) -> str:
    """The first scene of each command in SCENES, with the sentence before it."""
    scenes = re.split(r"\n(?=# .*\n\$ stratus )", text)
    chosen = [next(scene for scene in scenes if f"\n$ {word} " in scene) for word in SCENES]
    return "\n".join(scene.strip() + "\n" for scene in chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
