"""What happens to Stratus while it works, on the real cluster: crashes, signals, refusals.

Each tale has a shop of its own and leaves, by name, what became of it. Nothing is judged here.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.scenarios.command import Outcome, ended
from tests.scenarios.place import Place
from tests.scenarios.scenario import named
from tests.scenarios.state import State, differences
from tests.scenarios.watching import wait_for_symptoms

FRAIL = "tests.e2e.frail"
ROLE = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Chapter:
    """Commands in order, and how things are after them.

    changed: what is not as it was when the fault was there. written: what any write would have
    moved. entries: the journal's records of this chapter, as they are on disk.
    """

    outcomes: tuple[Outcome, ...]
    changed: list[str]
    entries: list[dict[str, Any]]
    written: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def last(self) -> Outcome:
        """How the last command ended."""
        return self.outcomes[-1]

    @property
    def states(self) -> list[str]:
        """How the transactions of this chapter ended, by the journal; open ones are missing."""
        return [entry["state"] for entry in self.entries if entry["type"] == "end"]


Chapters = dict[str, Chapter]


class Scribe:
    """Writes down one place's chapters. The fault is there at the beginning of each."""

    def __init__(self, place: Place, *faults: str) -> None:
        self.place = place
        self.chapters: Chapters = {}
        for name in faults:
            place.site.inject(named(name))
        for name in faults:
            wait_for_symptoms(place.site, named(name))
        self.faulty: State = place.state()
        self._read = 0

    def chapter(self, name: str, tell: Callable[[], tuple[Outcome, ...]]) -> None:
        """Run one, and see what it left."""
        before = self.place.generations()
        outcomes = tell()
        written = before != self.place.generations()
        entries = self.place.stratus.entries()
        changed = differences(self.faulty, self.place.state())
        self.chapters[name] = Chapter(outcomes, changed, entries[self._read :], written)
        self._read = len(entries)

    def command(self, *words: str, **how: Any) -> Outcome:  # see Stratus.run
        """One command on this namespace, without a person."""
        return self.place.stratus.run(*self.words(*words), **how)

    def words(self, *words: str) -> tuple[str, ...]:
        """A writing command's words."""
        return (*words, "-n", self.place.namespace, "--auto", "-o", "json")


def crashes(place: Place) -> Chapters:
    """Killed between intent and write, and between write and done; then recovered."""
    scribe = Scribe(place, "bad-image")

    def crash_and(at: str, *mode: str) -> tuple[Outcome, ...]:
        return (
            scribe.command("run", "--watch-for", "0", "--at", at, module=FRAIL),
            scribe.command("run", "--watch-for", "0"),
            scribe.command("recover", *mode),
        )

    scribe.chapter("before the write", lambda: crash_and("before-1"))
    scribe.chapter("after the write", lambda: crash_and("after-1"))
    scribe.chapter("after the write, finished", lambda: crash_and("after-1", "--finish"))
    scribe.chapter("undo", lambda: (scribe.command("undo", "--last", "--accept-loss"),))
    return scribe.chapters


def signals(place: Place) -> Chapters:
    """Ctrl-C while it settles; and twice, while it rolls back."""
    scribe = Scribe(place, "bad-image")
    run = ("run", "--watch-for", "0")
    scribe.chapter("once", lambda: (_interrupted(scribe, *run),))

    def twice() -> tuple[Outcome, ...]:
        slow = _interrupted(scribe, *run, "--at", "slow-2", module=FRAIL, again=True)
        return (slow, scribe.command("recover"))

    scribe.chapter("twice", twice)
    return scribe.chapters


def two_faults(place: Place) -> Chapters:
    """Two at once in one namespace: both are repaired, and taken back newest first."""
    scribe = Scribe(place, "bad-image", "target-port")
    scribe.chapter("repaired", lambda: (scribe.command("run", "--watch-for", "0"),))
    more = {"unwell": place.unwell(), "open": place.is_open}
    scribe.chapters["repaired"].more.update(more)
    made = scribe.chapters["repaired"].last.report["transactions"]

    def undone() -> tuple[Outcome, ...]:
        newest_first = [tx["id"] for tx in reversed(made)]
        return tuple(scribe.command("undo", tx, "--accept-loss") for tx in newest_first)

    scribe.chapter("undone", undone)
    return scribe.chapters


def refusals(place: Place) -> Chapters:
    """A protected namespace, a reader, a plan whose object changed; then one who may."""
    scribe = Scribe(place, "wrong-command")
    bed, space = place.bed, place.namespace
    run = ("run", "--watch-for", "0")
    guard = {"STRATUS_PROTECTED_NAMESPACES": space}
    scribe.chapter("protected", lambda: (scribe.command(*run, env=guard),))

    reader = _as_user(place, "reader", "view")
    scribe.chapter("reader", lambda: (reader(*run),))

    plan_file = str(place.folder / "plan.yaml")
    execute = ("mitigate", "--plan", plan_file)
    scribe.chapter("planned", lambda: (place.stratus.run("plan", "-n", space, "--out", plan_file),))
    wrong = ("--digest", "sha256:" + "0" * 64)
    scribe.chapter("another digest", lambda: (scribe.command(*execute, *wrong),))
    path = f"/apis/apps/v1/namespaces/{space}/deployments/cart"
    _set_command(bed.api, path, ["python3", "/app/map.py"])
    scribe.chapter("changed since", lambda: (scribe.command(*execute),))
    _set_command(bed.api, path, ["python3", "/app/geo.py"])
    place.site.until(lambda: wait_for_symptoms(place.site, named("wrong-command")) is not None, str)
    scribe.faulty = place.state()
    scribe.chapter("executed", lambda: (scribe.command(*execute, "--watch-for", "0"),))
    undo = ("undo", "--last", "--accept-loss")
    scribe.chapter("taken back", lambda: (scribe.command(*undo),))

    wait_for_symptoms(place.site, named("wrong-command"))
    owner = _as_user(place, "owner", "admin")
    scribe.chapter("namespace-only", lambda: (owner(*run),))
    scribe.chapters["namespace-only"].more["unwell"] = place.unwell()
    return scribe.chapters


def _interrupted(
    scribe: Scribe, *words: str, module: str = "stratus_cli.cli", again: bool = False
) -> Outcome:
    """Ctrl-C once the first write is done; again: once more while the way back is under way."""
    stratus, before = scribe.place.stratus, len(scribe.place.stratus.entries())
    process = stratus.start(*scribe.words(*words), module=module)

    def reached(kind: str, *, rollback: bool) -> bool:
        entries = stratus.entries()[before:]
        return process.poll() is not None or any(
            entry["type"] == kind and entry["rollback"] is rollback for entry in entries
        )

    try:
        bed = scribe.place.bed
        bed.until(lambda: reached("done", rollback=False), "first write", timeout_s=90)
        process.send_signal(signal.SIGINT)
        if again:
            bed.until(lambda: reached("intent", rollback=True), "way back", timeout_s=90)
            process.send_signal(signal.SIGINT)
        return ended(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _as_user(place: Place, name: str, role: str) -> Callable[..., Outcome]:
    """Commands of a user who has one of the API server's own roles, in this namespace only."""
    user = f"{name}-{place.namespace}"
    binding = {
        "apiVersion": f"{ROLE}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": ROLE, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": ROLE, "kind": "User", "name": user}],
    }
    place.bed.api("POST", f"/apis/{ROLE}/v1/namespaces/{place.namespace}/rolebindings", binding)
    stratus = place.as_user(user)

    def command(*words: str) -> Outcome:
        return stratus.run(*words, "-n", place.namespace, "--auto", "-o", "json")

    return command


def _set_command(api: Callable[..., dict[str, Any]], path: str, command: list[str]) -> None:
    spec = {"template": {"spec": {"containers": [{"name": "cart", "command": command}]}}}
    api("PATCH", path, {"spec": spec})
