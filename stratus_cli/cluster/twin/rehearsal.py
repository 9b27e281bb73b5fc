"""Rehearsal of a plan on the twin, loaded from a Snapshot. The port Rehearsal.

It refuses only what is certain and was not so before. What it had to assume comes back as
sentences for the person who decides.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from stratus_cli.cluster.twin.checks import WORKLOADS, Readable, full_outage, problems
from stratus_cli.cluster.twin.loading import comparable, items_of
from stratus_cli.cluster.twin.store import Item, fresh
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import World
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.pre_image import is_pre_image
from stratus_cli.model.change import EVICTION, ORPHAN, Change
from stratus_cli.model.errors import ClusterAnswer, Forbidden
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.plan import Plan, Refusal
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot

WALL_S = 2.0  # DESIGN: blast radius and nodes, at most 2 s
BEFORE_S, AFTER_S, STRIDE_S = 2.0, 60.0, 5.0
MOST_PODS = 3000  # more in the touched namespaces do not fit into the wall time

Result = tuple[tuple[Refusal, ...], tuple[str, ...]]


class TwinRehearsal:
    """Loads a twin, makes the plan's changes, lets a minute pass."""

    def rehearse(self, plan: Plan, snap: Snapshot) -> Result:
        """(what will certainly go wrong, what the model cannot know)."""
        started = time.monotonic()
        spaces = {ref.namespace for ref in _refs(plan) if ref.namespace}
        if sum(pod.metadata.namespace in spaces for pod in snap.of(Pod)) > MOST_PODS:
            return (), (
                f"not rehearsed: more than {MOST_PODS} pods in {', '.join(sorted(spaces))}",
            )
        run = _Run(snap, spaces, started + WALL_S)
        return run.play(plan)


@dataclass
class _Run:
    """One rehearsal."""

    snap: Snapshot
    spaces: set[str]
    deadline: float
    started: list[tuple[Ref, str, tuple[str, ...]]] = field(default_factory=list)

    def play(self, plan: Plan) -> Result:
        twin = Twin(_world(self.snap))
        try:
            twin.load(items_of(self.snap, self.spaces))
        except (msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
            return (), (f"not rehearsed: the snapshot does not fit the model ({error})",)
        readable = Readable(frozenset(kind for kind in BY_KIND if self.snap.was_read(kind)))
        twin.advance(BEFORE_S)
        before = problems(twin, self.spaces, readable)
        refusals: list[Refusal] = []
        unknown: list[str] = []
        for step in plan.steps:
            self._make(twin, step.change, refusals, unknown)
        if not self._run_on(twin):
            unknown.append("the rehearsal was cut off after 2 s: its end is not known")
        after = problems(twin, self.spaces, readable)
        refusals += [refusal for key, refusal in after.items() if key not in before]
        unknown += self._assumed(readable)
        return tuple(dict.fromkeys(refusals)), tuple(dict.fromkeys(unknown))

    def _run_on(self, twin: Twin) -> bool:
        """A virtual minute in strides; False when the wall time ran out."""
        passed = 0.0
        while passed < AFTER_S:
            if time.monotonic() > self.deadline:
                return False
            twin.advance(STRIDE_S)
            passed += STRIDE_S
        return True

    def _make(
        self, twin: Twin, change: Change, refusals: list[Refusal], unknown: list[str]
    ) -> None:
        ref = change.ref
        if ref.kind not in BY_KIND:
            unknown.append(f"{ref}: its kind is not simulated")
            return
        if ref.kind == "Secret":
            if not is_pre_image(change.after):
                unknown.append(f"{ref}: what its values do is not simulated")
            return
        found = twin.get(ref)
        try:
            if change.after is None:
                orphan = change.via == ORPHAN
                twin.delete(ref, uid="", orphan=orphan, evict=change.via == EVICTION)
                return
            after = comparable(change.after)
            if found is None:
                twin.create(after)
            else:
                twin.replace(_over(found, after))
            outage = full_outage(found, after) if found and ref.kind == "Deployment" else None
            if outage is not None:
                refusals.append(outage)
            if ref.kind in WORKLOADS:
                self.started += [(ref, *start) for start in _started(found or {}, after)]
        except Forbidden as error:
            refusals.append(Refusal("quota", error.what, "raise the quota, or ask for less"))
        except (ClusterAnswer, msgspec.ValidationError, KeyError, TypeError, ValueError) as error:
            unknown.append(f"{ref}: this change could not be rehearsed ({error})")

    def _assumed(self, readable: Readable) -> Iterator[str]:
        for kind, what in (("Node", "room on nodes"), ("ResourceQuota", "quota")):
            if not readable.all(kind):
                yield f"{kind}s could not be read, so {what} is not known"
        proven = _proven(self.snap)
        for ref, image, command in self.started:
            if ref.kind != "Deployment":
                yield f"{ref}: its rollout is not simulated"
            where = f" as {' '.join(command)}" if command else ""
            if (image, command) in proven:
                yield f"assumed: new pods with {image}{where} start as those that run now"
            else:
                yield f"not known: whether {image} can be pulled and starts well{where}"


def _refs(plan: Plan) -> Iterable[Ref]:
    yield from (step.change.ref for step in plan.steps)
    yield from plan.blast_radius


def _world(snap: Snapshot) -> World:
    return World(
        clock=snap.taken_at.isoformat(),
        seed="rehearsal",
        nodes=(),
        unknown_images="run",
        unknown_programs="run",
    )


def _over(found: Item, after: Item) -> Item:
    """The plan's object as a PUT over what the twin has."""
    made: Item = fresh(after)
    meta = made["metadata"]
    meta["uid"] = found["metadata"]["uid"]
    meta.pop("resourceVersion", None)
    owners = found["metadata"].get("ownerReferences")
    if owners:
        meta.setdefault("ownerReferences", owners)
    return made


def _proven(snap: Snapshot) -> set[tuple[str, tuple[str, ...]]]:
    """(image, command) pairs that serve somewhere now."""
    found = set()
    for pod in snap.of(Pod):
        ready = {status.name for status in pod.status.container_statuses if status.ready}
        for container in pod.spec.containers:
            if container.name in ready:
                found.add((container.image, (*container.command, *container.args)))
    return found


def _started(before: Item, after: Item) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(image, command) of the containers that a changed template starts."""
    template = after["spec"]["template"]
    if template == (before.get("spec") or {}).get("template"):
        return
    for container in template["spec"].get("containers") or ():
        words = (*container.get("command", ()), *container.get("args", ()))
        yield str(container.get("image", "")), words
