"""What the drill's commands share: the lab built from the session, Stratus as a process, files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stratus_cli.cli.folders import state_folder, write_whole
from stratus_cli.cli.operator import is_protected
from stratus_cli.cli.session import Session
from stratus_cli.cluster.transport import Transport
from stratus_cli.drill import fault as faults
from stratus_cli.drill import page
from stratus_cli.drill.api import Api
from stratus_cli.drill.app import load as load_app
from stratus_cli.drill.app import names as app_names
from stratus_cli.drill.case import Lab, heal
from stratus_cli.drill.errors import DrillRefused
from stratus_cli.drill.fault import Fault
from stratus_cli.drill.ground import DEFAULT_IMAGE, Ground
from stratus_cli.drill.install import Access
from stratus_cli.drill.needs import Needs
from stratus_cli.drill.result import Result
from stratus_cli.drill.tool import Outcome
from stratus_cli.journal.file import FileJournal
from stratus_cli.model.errors import UsageError
from stratus_cli.model.ports import Interrupt

LONGEST_S = 900.0
KEPT = ("PATH", "HOME", "LANG", "USER", "TMPDIR", "SSL_CERT_FILE", "KUBECONFIG")


def unnamed(app: str) -> dict[str, Any]:
    """The built-in variables where no cluster is asked: what they stand for."""
    words = {name: f"({name})" for name in faults.BUILT_IN}
    return {**words, "app": app, "namespace": f"drill-{app}", "tenant": f"drill-{app}-tenant"}


@dataclass(frozen=True)
class Drilling:
    """A drill on one cluster. ground, has: to ask it. lab: of an app, its journal held."""

    ground: Ground
    has: Needs
    lab: Callable[[str], Lab]


@contextmanager
def lab_for(
    run: Session, *, image: str, prefix: str, has: Iterable[str] = (), reports: Path | None = None
) -> Iterator[Drilling]:
    """Each app's lab has its own journal, so that apps can go side by side.

    DrillRefused: the context is protected.
    """
    if run.options.recording:
        raise UsageError("a drill needs a real cluster", run.options.recording, "Leave --from out.")
    identity = run.identity
    if is_protected(identity.context, run.options.protected):
        raise DrillRefused(
            "the context is protected; no fault is put into it", identity.context, ""
        )
    run.interrupt.at_once = False
    labs: dict[str, Lab] = {}
    folder = state_folder(run.wiring.env) / "drill" / _plain(identity.uid)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    http = Transport(
        run.options.kubeconfig or None,
        run.options.context or None,
        timeout_s=run.options.timeout,
        redactor=run.wiring.redactor(),
    )
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stratus-drill-")))

        access = Access(run.options.kubeconfig, identity.context)

        def ground() -> Ground:
            return Ground(
                Api(http),
                run.wiring.clock(),
                run.interrupt,
                access,
                image=image or DEFAULT_IMAGE,
                prefix=prefix,
                keys=folder / "keys",
            )

        def lab_of(name: str) -> Lab:
            if name not in labs:
                path = folder / f"{prefix}-{name}.jsonl"
                journal = FileJournal(path, identity, redactor=run.wiring.redactor())
                labs[name] = Lab(
                    ground=ground(),
                    journal=stack.enter_context(journal),
                    tool=Process(access, scratch / name, run.interrupt, run.wiring.env),
                    progress=run.progress,
                    who=run.wiring.who(),
                    keeps=folder / prefix,
                    recordings=scratch,
                    has=asked,
                    reports=reports,
                )
            return labs[name]

        asking = ground()
        asked = Needs(asking, has)
        yield Drilling(asking, asked, lab_of)


class Process:
    """Implements drill.tool.Tool: `python -m stratus_cli.cli`, with a state folder of its own."""

    def __init__(
        self, access: Access, folder: Path, interrupt: Interrupt, env: Mapping[str, str]
    ) -> None:
        self._access = access
        self._folder = folder
        self._interrupt = interrupt
        self._env = env

    def run(self, *words: str, cluster: bool = False) -> Outcome:
        """Run it to its end. A signal to the drill is passed on, once."""
        command = [sys.executable, "-m", "stratus_cli.cli"]
        if self._access.kubeconfig:
            command += ["--kubeconfig", self._access.kubeconfig]
        if self._access.context:
            command += ["--context", self._access.context]
        form = () if words[0] == "record" else ("-o", "json")
        started = time.monotonic()
        process = subprocess.Popen(  # noqa: S603  # no shell; the words are ours
            [*command, *words, *form],
            env=self._environment(cluster=cluster),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C reaches it through us only
        )
        out, err = self._ended(process, started)
        try:
            report = json.loads(out) if out.startswith("{") else {}
        except ValueError:
            report = {}
        return Outcome(process.returncode, time.monotonic() - started, report, err)

    def _ended(self, process: subprocess.Popen[str], started: float) -> tuple[str, str]:
        passed_on = False
        while True:
            try:
                return process.communicate(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self._interrupt.requested and not passed_on:
                    process.send_signal(signal.SIGINT)
                    passed_on = True
                if time.monotonic() - started > LONGEST_S:
                    process.kill()

    def _environment(self, *, cluster: bool) -> dict[str, str]:
        made = {key: self._env[key] for key in KEPT if key in self._env}
        made |= {
            "XDG_STATE_HOME": str(self._folder / "state"),
            "XDG_CONFIG_HOME": str(self._folder / "config"),
            "NO_COLOR": "1",
        }
        if cluster:  # the label on kube-system says that it may be written to
            made["STRATUS_PROTECTED_NAMESPACES"] = "kube-public,kube-node-lease"
        return made


def can_install(drilling: Drilling, app: str) -> bool:
    """Whether the app's way to be installed is there."""
    return load_app(app).install != "helm" or drilling.has("helm")


def one(drilling: Drilling, name: str, app: str, variant: str, *, cluster: bool) -> Fault:
    """The fault that a person names. UsageError: it does not fit, or wants --cluster."""
    found = faults.load(name, drilling.ground.values)
    fitting = [
        item
        for item in found
        if (not app or item.app == app) and (not variant or item.variant == variant)
    ]
    fitting.sort(key=lambda item: not can_install(drilling, item.app))
    if not fitting:
        known = ", ".join(item.id for item in found)
        raise UsageError("the fault has no such app or variant", name, f"Known: {known}")
    if fitting[0].cluster and not cluster:
        raise UsageError("it touches what is outside the drill's namespaces", name, "Add --cluster")
    return fitting[0]


def left_in(drilling: Drilling, name: str, app: str) -> Fault:
    """The variant of this fault that was left in an app. UsageError: there is none."""
    found = faults.load(name, drilling.ground.values)
    for item in found:
        if (not app or item.app == app) and drilling.lab(item.app).keep(item.app).fault == item.id:
            return item
    left = [
        f"{one}: {fault}" for one in app_names() if (fault := drilling.lab(one).keep(one).fault)
    ]
    raise UsageError("this fault was not left in", name, f"Left in: {', '.join(left) or 'none'}")


@contextmanager
def taken_back(lab: Lab, fault: Fault) -> Iterator[None]:
    """What is injected inside is healed when it fails or is interrupted."""
    try:
        yield
    except BaseException:
        heal(lab, fault.app, fault)
        raise


def score_paths(run: Session) -> dict[str, Path]:
    """The files of a scoreboard by their suffix; beside --out, else in the state folder."""
    base = Path(run.options.out) if run.options.out else state_folder(run.wiring.env) / "drill.json"
    return {suffix: base.with_suffix(suffix) for suffix in (".json", ".md", ".svg", ".jsonl")}


def publish(run: Session, results: Sequence[Result]) -> str:
    """JSON, Markdown and the chart; the JSON."""
    paths = score_paths(run)
    about = {
        "date": run.wiring.clock().now().strftime("%Y-%m-%d"),
        "cluster": f"Kubernetes {run.identity.version}",
        "machine": f"{os.cpu_count()} cores",
    }
    document = json.dumps(page.document(results, about), indent=1, sort_keys=True) + "\n"
    write_whole(paths[".json"], document)
    write_whole(paths[".md"], page.markdown(results, about, paths[".svg"].name))
    write_whole(paths[".svg"], page.svg(results))
    run.say(f"the scoreboard: {paths['.json']}, {paths['.md']}, {paths['.svg']}")
    return document


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)[:80]
