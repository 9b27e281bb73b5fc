"""kubelet's worker for one pod: what it does with volumes, images, containers, and when it ends.

A sync is a generator: it yields the seconds that its next step takes, so that virtual time passes
in the middle of it. Reasons and messages of a failed step are shown by the next sync, as kubelet's
reason cache does it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from stratus_cli.cluster.twin.containers import NEVER_S, Container
from stratus_cli.cluster.twin.environment import (
    ConfigProblem,
    env_of,
    expanded,
    files_of,
    mount_problems,
)
from stratus_cli.cluster.twin.images import Images
from stratus_cli.cluster.twin.network import Network
from stratus_cli.cluster.twin.parts import Parts
from stratus_cli.cluster.twin.pod_status import status_of
from stratus_cli.cluster.twin.probes import KINDS, Prober
from stratus_cli.cluster.twin.programs import Run, Start, run
from stratus_cli.cluster.twin.pulling import Puller
from stratus_cli.cluster.twin.store import Item, fresh, key_of
from stratus_cli.cluster.twin.usage import amount, is_finished
from stratus_cli.cluster.twin.world import Image, World

Steps = Generator[float, None, bool]
"""Yields seconds; returns whether all went well."""

MOUNT_S, SANDBOX_S, START_S = 0.2, 0.4, 0.15
RELIST_S = 0.7  # kubelet's PLEG looks at the runtime once a second
RETRY_S = 12.5  # backOffPeriod of 10 s with up to half of it as jitter
FIRST_MOUNT_RETRY_S, LONGEST_MOUNT_RETRY_S = 0.5, 122.0
STOP_S = 0.1
REMOVE_S = 0.5


@dataclass(frozen=True)
class NodeParts:
    """What the workers of one node share."""

    parts: Parts
    world: World
    images: Images
    network: Network
    node: str
    address: str
    next_ip: Callable[[], str]


class PodWorker:
    """One pod on one node."""

    def __init__(self, shared: NodeParts, pod: Item) -> None:
        self._shared = shared
        self._parts = shared.parts
        self._key = key_of(pod)
        self.uid = pod["metadata"]["uid"]
        self.namespace = self._key[0]
        self.generation = pod["metadata"].get("generation", 1)
        self.containers = [
            *(Container(item, self.uid, True) for item in pod["spec"].get("initContainers") or ()),
            *(Container(item, self.uid) for item in pod["spec"]["containers"]),
        ]
        self._steps: Steps | None = None
        self._again = False
        self._is_mounted = False
        self._has_sandbox = False
        self.is_closed = False
        self._retry = 0
        self._puller = Puller(shared.node, shared.images, self._parts.timeline, self._say)
        self._prober = Prober(self, shared.network, self._ip)

    @property
    def pod(self) -> Item | None:
        """The live object, while it is this one."""
        pod = self._parts.store.get("Pod", *self._key)
        return pod if pod is not None and pod["metadata"]["uid"] == self.uid else None

    def wake(self) -> None:
        """Look at the pod now, or once the present sync is through."""
        if self._steps is not None:
            self._again = True
        elif not self.is_closed:
            self._steps = self._sync()
            self._go_on(self._steps)

    def _go_on(self, steps: Steps) -> None:
        if steps is not self._steps:
            return  # ended meanwhile
        try:
            delay = next(steps)
        except StopIteration as stop:
            self._steps = None
            self._finished(well=bool(stop.value))
        else:
            self._parts.timeline.after(delay, lambda: self._go_on(steps))

    def _finished(self, *, well: bool) -> None:
        self._retry += 1
        mine = self._retry
        if self._again:
            self._again = False
            self._later(0.01)
        if not well:
            self._parts.timeline.after(RETRY_S, lambda: self._retry_unless(mine))

    def _retry_unless(self, mine: int) -> None:
        """Another sync since then has asked for its own retry, if it needs one."""
        if mine == self._retry:
            self.wake()

    def _later(self, seconds: float) -> None:
        self._parts.timeline.after(seconds, self.wake)

    # One sync

    def _sync(self) -> Steps:
        pod = self.pod
        if pod is None or is_finished(pod):
            self.close()
            return True
        self._take_images(pod)
        self.write_status()
        if not self._is_mounted:
            yield from self._mount()
            self._is_mounted = True
            self._start_probes()
        first = not self._has_sandbox
        if first:
            yield SANDBOX_S
            self._set_ip()
            self._has_sandbox = True
        started, well = yield from self._containers()
        if started or first:
            self._later(RELIST_S)
        return well

    def _mount(self) -> Generator[float, None, None]:
        retry_s = FIRST_MOUNT_RETRY_S
        yield MOUNT_S
        while True:
            pod = self.pod
            problems = list(mount_problems(self._parts.store, pod)) if pod else []
            if not problems:
                return
            for problem in problems:
                self._say("Warning", "FailedMount", problem)
            yield retry_s
            retry_s = min(retry_s * 2, LONGEST_MOUNT_RETRY_S)

    def _containers(self) -> Generator[float, None, tuple[bool, bool]]:
        """Start what should run. (whether something was started, whether all went well)."""
        started, well = False, True
        for container in self.containers:
            if container.is_init and _is_past(container):
                continue
            if container.state == "running" and not container.doomed:
                if container.is_init:
                    return started, well
                continue
            if not self._should_run(container):
                continue
            since_s = container.ended_s
            if container.doomed:
                yield from self._kill_doomed(container)
            good = yield from self._start(container, since_s)
            started = started or container.state == "running"
            well = well and good
            if container.is_init and not (good and container.is_sidecar):
                return started, well
        return started, well

    def _should_run(self, container: Container) -> bool:
        pod = self.pod
        if pod is None or container.state != "ended":
            return True
        policy = pod["spec"].get("restartPolicy", "Always")
        code = container.end["exitCode"] if container.end else 0
        if container.is_init and not container.is_sidecar:
            return bool(policy != "Never")
        return bool(policy == "Always" or (policy == "OnFailure" and code != 0))

    def _kill_doomed(self, container: Container) -> Generator[float, None, None]:
        text = f"Container {container.name} failed {container.doomed} probe, will be restarted"
        self._say("Normal", "Killing", text, container)
        yield self._stop_s(container)
        self._stop(container)

    def _start(self, container: Container, since_s: float) -> Steps:
        """Start it. since_s: when it ended last; a kill for a probe does not count yet."""
        if self._backs_off(container, since_s):
            return False
        if not (yield from self._puller.ensure(container)):
            return False
        pod = self.pod
        if pod is None:
            return True
        try:
            start = self._command(pod, container)
        except ConfigProblem as problem:
            container.waiting = ("CreateContainerConfigError", str(problem))
            self._say("Warning", "Failed", f"Error: {problem}", container)
            return False
        yield START_S
        self._say("Normal", "Created", f"Created container: {container.name}", container)
        outcome = run(start, self._shared.world)
        timeline = self._parts.timeline
        if outcome.refused:
            container.failed_to_begin(outcome.refused, timeline.now_s, timeline.stamp())
            container.waiting = ("RunContainerError", outcome.refused)
            self._say("Warning", "Failed", f"Error: {outcome.refused}", container)
            self._later(RELIST_S)
            return False
        container.began(outcome, timeline.now_s, timeline.stamp())
        self._say("Normal", "Started", f"Started container {container.name}", container)
        self._schedule_end(container, outcome)
        return True

    def _schedule_end(self, container: Container, outcome: Run) -> None:
        instance = container.instance

        def speak() -> None:
            if container.instance == instance:
                container.logs.extend(outcome.lines)

        def end() -> None:
            if container.instance == instance and container.state == "running":
                self._end(container, outcome.code, outcome.reason)
                self._later(RELIST_S)

        spoken = outcome.listening_after_s if outcome.ends_after_s is None else outcome.ends_after_s
        self._parts.timeline.after(spoken, speak)
        if outcome.ends_after_s is not None:
            self._parts.timeline.after(outcome.ends_after_s, end)

    def _command(self, pod: Item, container: Container) -> Start:
        spec = container.spec
        name = str(spec.get("image", ""))
        image = self._shared.images.find(name) or Image(name=name)
        env = env_of(self._parts.store, pod, spec)
        limit = (spec.get("resources", {}).get("limits") or {}).get("memory")
        return Start(
            image,
            expanded(list(spec.get("command") or ()), env),
            expanded(list(spec.get("args") or ()), env),
            env,
            files_of(self._parts.store, pod, spec),
            float(amount(str(limit))) if limit else 0.0,
            self._parts.timeline.stamp(),
        )

    def _backs_off(self, container: Container, since_s: float) -> bool:
        if container.state != "ended" or since_s < 0:
            return False
        now = self._parts.timeline.now_s
        if not container.restart.holds(since_s, now):
            container.restart.next(since_s, now)
            return False
        pod = f"{self._key[1]}_{self.namespace}({self.uid})"
        self._say(
            "Warning",
            "BackOff",
            f"Back-off restarting failed container {container.name} in pod {pod}",
            container,
        )
        length = _duration(container.restart.length_s)
        text = f"back-off {length} restarting failed container={container.name} pod={pod}"
        container.waiting = ("CrashLoopBackOff", text)
        return True

    def _take_images(self, pod: Item) -> None:
        """An image may be changed in a living pod: the container is started anew."""
        specs = {
            item["name"]: item
            for name in ("initContainers", "containers")
            for item in pod["spec"].get(name) or ()
        }
        for container in self.containers:
            spec = specs.get(container.name)
            if spec is None or spec.get("image") == container.spec.get("image"):
                container.spec = spec or container.spec
                continue
            container.spec = spec
            container.pull.length_s = 0.0
            if container.state == "running":
                text = f"Container {container.name} definition changed, will be restarted"
                self._say("Normal", "Killing", text, container)
                self._stop(container)
                container.ended_s = NEVER_S

    # Probes

    def _start_probes(self) -> None:
        for container in self.containers:
            for kind, name in KINDS:
                probe = container.spec.get(name)
                if probe:
                    self._tick_later(container, kind, float(probe["periodSeconds"]))

    def _tick_later(self, container: Container, kind: str, period_s: float) -> None:
        def tick() -> None:
            if self.is_closed:
                return
            self._tick_later(container, kind, period_s)
            self._probe(container, kind)

        self._parts.timeline.after(period_s, tick)

    def _probe(self, container: Container, kind: str) -> None:
        now = self._parts.timeline.now_s
        if not self._prober.run(container, kind, now, self._unhealthy):
            return
        self.write_status()
        if container.doomed:
            self.wake()
        elif kind == "Startup" and container.spec.get("readinessProbe"):
            self._probe(container, "Readiness")

    def _unhealthy(self, container: Container, text: str) -> None:
        self._say("Warning", "Unhealthy", text, container)

    # The end

    def end_pod(self, grace_s: float) -> None:
        """Stop everything and take the pod away, as a graceful deletion does."""
        self.close()
        longest = 0.0
        for container in self.containers:
            if container.state == "running":
                text = f"Stopping container {container.name}"
                self._say("Normal", "Killing", text, container)
                longest = max(longest, min(self._stop_s(container), grace_s))
        self._parts.timeline.after(longest, self._stop_all)

    def _stop_all(self) -> None:
        for container in self.containers:
            if container.state == "running":
                self._stop(container)
        self.write_status()
        self._parts.timeline.after(REMOVE_S, self._remove)

    def _remove(self) -> None:
        pod = self.pod
        if pod is not None:
            self._parts.store.remove(pod)

    def _stop_s(self, container: Container) -> float:
        pod = self.pod
        ignores = container.run is not None and container.run.program.stop.ignores
        if ignores and pod is not None:
            return float(pod["spec"].get("terminationGracePeriodSeconds", 30))
        return STOP_S

    def _stop(self, container: Container) -> None:
        stop = container.run.program.stop if container.run else None
        if stop is not None and not stop.ignores:
            self._end(container, stop.code, "Completed" if stop.code == 0 else "Error")
        else:
            self._end(container, 137, "Error")

    def _end(self, container: Container, code: int, reason: str) -> None:
        timeline = self._parts.timeline
        container.ends(code, reason, timeline.now_s, timeline.stamp())

    def close(self) -> None:
        """Do nothing more."""
        self.is_closed, self._steps = True, None

    # Telling

    def write_status(self) -> None:
        """Write the pod's status when it has changed."""
        pod = self.pod
        if pod is None:
            return
        status = status_of(
            pod,
            self.containers,
            stamp=self._parts.timeline.stamp(),
            host_ip=self._shared.address,
            has_sandbox=self._has_sandbox,
        )
        self._parts.api.set_status(pod, status, "kubelet")

    def _set_ip(self) -> None:
        pod = self.pod
        if pod is not None and not pod["status"].get("podIP"):
            status = fresh(pod["status"])
            host = pod["spec"].get("hostNetwork")
            status["podIP"] = self._shared.address if host else self._shared.next_ip()
            pod["status"] = status
            self.write_status()

    def _ip(self) -> str:
        pod = self.pod
        return str(pod["status"].get("podIP", "")) if pod else ""

    def _say(self, kind: str, reason: str, text: str, container: Container | None = None) -> None:
        pod = self.pod
        if pod is None:
            return
        path = ""
        if container is not None:
            group = "initContainers" if container.is_init else "containers"
            path = f"spec.{group}{{{container.name}}}"
        self._parts.recorder.record(
            "kubelet", pod, kind, reason, text, host=self._shared.node, field_path=path
        )


def _is_past(container: Container) -> bool:
    """An init container that is done with."""
    if container.is_sidecar:
        return container.state == "running" and container.startup_done
    return container.state == "ended" and container.ready


def _duration(seconds: float) -> str:
    """As Go writes durations: "10s", "1m20s", "5m0s"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
