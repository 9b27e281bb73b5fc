"""The demo: real commands against the embedded twin, told as a story.

Nothing here shows results of its own: each step is a command line given to cli.app.main, with
a Wiring whose cluster is the twin and whose folders are temporary.
"""

from __future__ import annotations

import importlib.resources
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from stratus_cli.cli.options import Options
from stratus_cli.cli.wiring import Wiring
from stratus_cli.cluster.twin.clock import TwinClock
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.model.ports import Clock, Cluster, Source

NAMESPACE = "shop"


@dataclass(frozen=True)
class Scene:
    """One command of the story. expected: its exit code when all goes as told."""

    tale: str
    command: str
    expected: int


SCENES = (
    Scene(
        "A simulated cluster: a small shop runs well. Somebody deploys an image tag that was"
        " never pushed. What is broken?",
        "stratus detect -n shop",
        1,
    ),
    Scene(
        "Why? With evidence, and the line that re-checks each piece.",
        "stratus diagnose -n shop",
        1,
    ),
    Scene(
        "What would repair it? The diff, its inverse, what it touches. Nothing is written.",
        "stratus plan -n shop",
        1,
    ),
    Scene(
        "Repair it, in a transaction: kept only if the shop is measurably better and nothing"
        " is worse. (--auto: the demo does not ask.)",
        "stratus run -n shop --auto",
        0,
    ),
    Scene("Is it well now?", "stratus health -n shop", 0),
    Scene("The report for the post-mortem.", "stratus report", 0),
    Scene("Days later, any commit can be taken back from the journal.", "stratus journal list", 0),
    Scene(
        "Taking it back restores the fault, so it wants --accept-loss.",
        "stratus undo --last --accept-loss -n shop",
        0,
    ),
    Scene("Exactly the fault from before.", "stratus detect -n shop", 1),
)


class DemoWiring(Wiring):
    """The twin instead of a cluster, its clock, and no telemetry."""

    def __init__(self, base: Wiring, folder: Path) -> None:
        env: Mapping[str, str] = {
            **{key: text for key, text in base.env.items() if key in ("NO_COLOR", "TERM", "LANG")},
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        super().__init__(env, base.stdin, base.stdout, base.stderr)
        self.twin = Twin(load_world(demo_world()))

    def clock(self) -> Clock:
        """Virtual time: waiting advances the simulation."""
        return TwinClock(self.twin)

    def who(self) -> str:
        """Nobody in particular."""
        return "demo"

    def cluster(self, options: Options) -> Cluster:
        """The one twin of the whole story."""
        return self.twin

    def sources(self, options: Options, cluster: Cluster) -> tuple[Source, ...]:
        """The twin has no telemetry."""
        return ()


def demo_world() -> str:
    """The world file of the demo, from the package."""
    return importlib.resources.files("stratus_cli.cluster.twin").joinpath("demo.yaml").read_text()


def demonstrate(base: Wiring, *, step: bool) -> int:
    """Tell the whole story. 0 when every command ended as told, else 70: a defect."""
    from stratus_cli.cli.app import main

    out = base.stdout
    with tempfile.TemporaryDirectory(prefix="stratus-demo-") as name:
        wiring = DemoWiring(base, Path(name))
        for scene in SCENES:
            _tell(out, scene, step, base)
            code = main(shlex.split(scene.command)[1:], wiring=wiring)
            out.write(f"(exit code {code})\n")
            out.flush()
            if code != scene.expected:
                base.stderr.write(f"the demo expected exit code {scene.expected}\n")
                return 70
    out.write("\nThat was the whole loop; no cluster was touched, the journal is gone.\n")
    return 0


def _tell(out: TextIO, scene: Scene, step: bool, base: Wiring) -> None:
    out.write(f"\n# {scene.tale}\n$ {scene.command}\n")
    out.flush()
    if step:
        base.stderr.write("[Enter] ")
        base.stderr.flush()
        base.stdin.readline()
