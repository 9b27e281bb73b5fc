"""`python -m tests.drill.lab [WORDS]`: `stratus drill run WORDS` on the bed; by default everything.

--write FILE puts the scoreboard there, with commit and date. Interrupted, it goes on where it was,
as long as the commit is the same. The bed stays up.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import host
from stratus_cli.drill.fault import names
from tests.cluster import bed as beds
from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.cluster.helm import helm
from tests.cluster.layout import cache_root
from tests.cluster.objects import APP
from tests.proof.results import commit

ROOT = Path(__file__).parents[2]
SANDBOX = "stratus.dev/sandbox"
EVERYTHING = ("--all", "--cluster", "--resume", "--remove", "--parallel", "3")


def main(arguments: Sequence[str]) -> int:
    """The exit code of `stratus drill run`."""
    words = list(arguments)
    page: Path | None = None
    if "--write" in words:
        at = words.index("--write")
        page = Path(words[at + 1])
        del words[at : at + 2]
    bed = beds.open_bed("lab", cache_root())
    mark_sandbox(bed)
    out = cache_root() / "lab" / commit() / "lab.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    code = subprocess.run(
        [*command(bed), "run", *(words or EVERYTHING), "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, **environment()},
        check=False,
    ).returncode
    if page is not None and out.with_suffix(".md").exists():
        write(page, out)
    return code


def command(bed: Bed) -> list[str]:
    """`stratus drill` on the bed."""
    program = [sys.executable, "-m", "stratus_cli.cli"]
    return [*program, "--kubeconfig", bed.kubeconfig, "--context", bed.context, "drill"]


def environment(*, with_helm: bool = True) -> Mapping[str, str]:
    """What the drill finds on the bed: its image, Helm, a way to the nodes' processes."""
    found = {
        "STRATUS_DRILL_IMAGE": f"{APP}:1",
        "STRATUS_DRILL_NODE_COMMAND": f"{sys.executable} -m tests.drill.on_node",
        "PYTHONPATH": str(ROOT),
    }
    if with_helm and shutil.which("go"):
        try:
            found["STRATUS_HELM"] = str(helm(lambda text: print(text, file=sys.stderr)))
        except (BedError, OSError) as error:
            print(f"helm could not be built: {error}", file=sys.stderr)
    return found


def mark_sandbox(bed: Bed) -> None:
    """The bed may be harmed."""
    body = {"metadata": {"labels": {SANDBOX: "true"}}}
    bed.api("PATCH", "/api/v1/namespaces/kube-system", body, "application/merge-patch+json")


def write(page: Path, out: Path) -> None:
    """The scoreboard as a page of the documentation, the chart beside it."""
    text = out.with_suffix(".md").read_text(encoding="utf-8")
    about = [
        f"- commit: {commit()}",
        f"- date: {datetime.now(UTC):%Y-%m-%d}",
        f"- machine: {host.size()}",
        f"- run: {_run(out)}",
    ]
    text = re.sub(r"^- (date|machine): .*\n", "", text, flags=re.M)
    text = text.replace("# The fault lab\n", "\n".join(["# The fault lab", "", *about, ""]), 1)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text.replace("](lab.svg)", f"]({page.with_suffix('.svg').name})"), "utf-8")
    shutil.copy(out.with_suffix(".svg"), page.with_suffix(".svg"))


def _run(out: Path) -> str:
    """How much of the lab it holds: a run may have been interrupted."""
    cases = json.loads(out.read_text(encoding="utf-8"))["cases"]
    held = {item["fault"] for item in cases if not item["control"]}
    return f"{len(held)} of {len(names())} faults, one variant each, three apps side by side"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
