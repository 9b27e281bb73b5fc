"""One container on its node: its states, restarts, back-off and logs, as kubelet sees them."""

from __future__ import annotations

from dataclasses import dataclass, field

from stratus_cli.cluster.twin.names import image_digest
from stratus_cli.cluster.twin.programs import Run
from stratus_cli.cluster.twin.store import Item

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 10.0, 300.0
NEVER_S = -1.0
LONG_AGO = "1970-01-01T00:00:00Z"  # a container that never started


@dataclass
class Backoff:
    """client-go's flowcontrol.Backoff for one key."""

    length_s: float = 0.0
    updated_s: float = 0.0

    def holds(self, since_s: float, now_s: float) -> bool:
        """Still to wait, counted from the given moment."""
        if self.length_s == 0.0 or self._expired(since_s):
            return False
        return now_s - since_s < self.length_s

    def next(self, since_s: float, now_s: float) -> None:
        """One more failure."""
        if self.length_s == 0.0 or self._expired(since_s):
            self.length_s = FIRST_BACKOFF_S
        else:
            self.length_s = min(self.length_s * 2, LONGEST_BACKOFF_S)
        self.updated_s = now_s

    def _expired(self, since_s: float) -> bool:
        return since_s - self.updated_s > 2 * LONGEST_BACKOFF_S


@dataclass
class ProbeState:
    """Consecutive results of one probe of one instance."""

    last: bool | None = None
    count: int = 0


@dataclass
class Container:
    """state: "new", "running" or "ended". waiting: (reason, message) that the last sync left."""

    spec: Item
    pod_uid: str
    is_init: bool = False
    state: str = "new"
    waiting: tuple[str, str] | None = None
    restarts: int = 0
    instance: int = 0
    run: Run | None = None
    started_s: float = 0.0
    started: str = ""
    end: Item | None = None
    ended_s: float = NEVER_S
    last_end: Item | None = None
    ready: bool = False
    startup_done: bool = False
    restart: Backoff = field(default_factory=Backoff)
    pull: Backoff = field(default_factory=Backoff)
    pull_error: str = ""
    logs: list[str] = field(default_factory=list)
    previous_logs: list[str] | None = None
    probes: dict[str, ProbeState] = field(default_factory=dict)
    doomed: str = ""

    @property
    def name(self) -> str:
        """Its name in the pod."""
        return str(self.spec["name"])

    @property
    def is_sidecar(self) -> bool:
        """An init container that runs beside the others."""
        return self.is_init and self.spec.get("restartPolicy") == "Always"

    @property
    def container_id(self) -> str:
        """Of the present instance."""
        return "containerd://" + image_digest(f"{self.pod_uid}:{self.name}:{self.instance}")

    def status(self, waiting_reason: str) -> Item:
        """Its ContainerStatus. waiting_reason: for a container that was never started."""
        state, last = self._states(waiting_reason)
        image = str(self.spec.get("image", ""))
        began = self.instance > 0
        status: Item = {
            "name": self.name,
            "state": state,
            "lastState": last,
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": image,
            "imageID": f"{repository(image)}@sha256:{image_digest(image)}" if began else "",
            "started": self.state == "running" and self.startup_done,
        }
        if began:
            status["containerID"] = self.container_id
            status["resources"] = self.spec.get("resources") or {}
            if status["resources"].get("requests"):
                status["allocatedResources"] = status["resources"]["requests"]
        if self.spec.get("volumeMounts"):
            status["volumeMounts"] = [_mounted(mount) for mount in self.spec["volumeMounts"]]
        if self.is_init and not self.is_sidecar and self.state == "ended":
            status["started"] = False
        return status

    def _states(self, waiting_reason: str) -> tuple[Item, Item]:
        last: Item = {"terminated": self.last_end} if self.last_end else {}
        if self.state == "running":
            return {"running": {"startedAt": self.started}}, last
        if self.waiting is not None:
            reason, message = self.waiting
            waiting = {"reason": reason, **({"message": message} if message else {})}
            ended: Item = {"terminated": self.end} if self.end else last
            return {"waiting": waiting}, ended
        if self.state == "ended" and self.end is not None:
            return {"terminated": self.end}, last
        return {"waiting": {"reason": waiting_reason}}, last

    def began(self, run: Run, now_s: float, stamp: str) -> None:
        """A new instance runs."""
        self._new_instance()
        self.state, self.run, self.waiting = "running", run, None
        self.started_s, self.started = now_s, stamp
        self.startup_done = not self.spec.get("startupProbe")
        self.ready = self.startup_done and not self.spec.get("readinessProbe")
        if self.is_init and not self.is_sidecar:
            self.ready = False

    def failed_to_begin(self, message: str, now_s: float, stamp: str) -> None:
        """containerd could not start it: exit code 128, reason StartError."""
        self._new_instance()
        self.state, self.run, self.ready = "ended", None, False
        self.ended_s = now_s
        self.end = {
            "exitCode": 128,
            "reason": "StartError",
            "message": message,
            "startedAt": LONG_AGO,
            "finishedAt": stamp,
            "containerID": self.container_id,
        }

    def ends(self, code: int, reason: str, now_s: float, stamp: str) -> None:
        """The running instance ended."""
        self.state, self.ready = "ended", self.is_init and not self.is_sidecar and code == 0
        self.ended_s = now_s
        self.end = {
            "exitCode": code,
            "reason": reason,
            "startedAt": self.started,
            "finishedAt": stamp,
            "containerID": self.container_id,
        }

    def _new_instance(self) -> None:
        if self.instance > 0:
            self.restarts += 1
            self.last_end, self.previous_logs = self.end, self.logs
        self.instance += 1
        self.end, self.logs, self.probes, self.doomed = None, [], {}, ""


def _mounted(mount: Item) -> Item:
    """A volume mount as a status shows it."""
    shown: Item = {key: mount[key] for key in ("name", "mountPath", "readOnly") if key in mount}
    return {**shown, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else shown


def repository(image: str) -> str:
    """An image name without tag or digest."""
    base = image.partition("@")[0]
    head, slash, tail = base.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


def tag(image: str) -> str:
    """The tag of an image name; "latest" when it has none, "" for a digest."""
    if "@" in image:
        return ""
    return image.rpartition("/")[2].partition(":")[2] or "latest"
