"""Whether a fault can be seen yet: by the drill's own reads, before any clock is started."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stratus_cli.drill.api import Api, Item
from stratus_cli.drill.door import FAILING_OF_10, SHOWS, Door, Sight
from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.fault import Fault
from stratus_cli.drill.ground import Ground
from stratus_cli.drill.trouble import broken_pods, is_refused
from stratus_cli.drill.wellness import Well, meant, pods_of, served
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT

WITHIN_S = 90.0
LOG_LINES = 200
RESTARTS = 2  # one restart may be a blip
HELD_S = 3.0
"""What shows for a moment only nobody sees."""


@dataclass(frozen=True)
class Scene:
    """Where to look, and when. since: what is older is of an earlier fault."""

    api: Api
    namespace: str
    well: Well
    since: datetime | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def item(self, text: str) -> Item | None:
        """The live object that a fault file names."""
        return self.api.get(self.api.ref(text, self.namespace))

    def pods(self, text: str) -> list[Item]:
        """Of a workload."""
        item = self.item(text)
        return pods_of(item, self.api.items("Pod", item["metadata"]["namespace"])) if item else []

    def is_new(self, *times: str | None) -> bool:
        """Whether the newest of these moments, as the API writes them, is not before the fault."""
        if self.since is None:
            return True
        known = [datetime.fromisoformat(text) for text in times if text]
        # The API cuts times to seconds.
        return bool(known) and max(known) >= self.since.replace(microsecond=0)


def wait_visible(
    ground: Ground,
    fault: Fault,
    door: Door,
    well: Well,
    before: Sight,
    since: datetime | None = None,
) -> float:
    """Until all of the symptom shows; the seconds it took. DrillError: it did not.

    since: when the injection began.
    """
    symptom = fault.symptom
    missing: list[str] = []
    shown: list[float] = []
    scene = Scene(ground.api, ground.namespace(fault.app), well, since, ground.clock.now)

    def is_visible() -> bool:
        missing[:] = unseen(scene, fault, door, before)
        if missing:
            shown.clear()
            return False
        shown.append(ground.clock.monotonic())
        return shown[-1] - shown[0] >= HELD_S

    within_s = float(symptom.get("within_s", WITHIN_S))
    return ground.until(
        is_visible, f"the symptom of {fault.id}", within_s, lambda: "; ".join(missing)
    )


def unseen(scene: Scene, fault: Fault, door: Door, before: Sight) -> list[str]:
    """The parts of the symptom that do not show. [] when all do."""
    parts = dict(fault.symptom)
    parts.pop("within_s", None)
    found: list[str] = []
    asked = parts.pop("front_door", "")
    for name, wanted in parts.items():
        if name not in _PARTS:
            raise DrillError(f"unknown symptom {name!r}", fault.id)
        found.extend(_PARTS[name](scene, wanted))
    if asked and not found:  # the dearest question last
        found.extend(_front_door(door, asked, before))
    return found


def _front_door(door: Door, asked: str | list[str], before: Sight) -> Iterator[str]:
    # Each failure may take its whole time-out.
    seen = door.look(10, give_up=FAILING_OF_10)
    kinds = [asked] if isinstance(asked, str) else asked
    if not any(SHOWS[kind](seen, before) for kind in kinds):
        said = f"{seen.failed} of {seen.asked} failed, p99 {seen.p99_s:.2f} s"
        yield f"front door {' or '.join(kinds)}: {said}"


def _not_ready(scene: Scene, refs: list[str]) -> Iterator[str]:
    nodes = scene.api.items("Node", None)
    listed = functools.cache(scene.api.items)  # several workloads share a namespace
    for text in refs:
        item = scene.item(text)
        if item is None:
            continue  # gone: no pod of it will come
        space = item["metadata"]["namespace"]
        own, events = pods_of(item, listed("Pod", space)), listed("Event", space)
        broken = broken_pods(own, nodes, events, scene.now())
        new = [event for event in events if scene.is_new(*_times(event))]
        if not (broken or is_refused(item, new) or _is_reduced(scene, item, own)):
            yield f"{text} visibly broken ({len(own)} pods)"


def _is_reduced(scene: Scene, item: Item, pods: list[Item]) -> bool:
    """It has as few pods as it now wants, and wanted more when well: nobody makes the others."""
    name = f"{item['kind']}/{item['metadata']['name']}"
    well = scene.well.wanted(name) if name in scene.well.workloads else None
    wanted = int(item["spec"].get("replicas", 1))
    return well is not None and len(pods) <= wanted < well


def _no_endpoints(scene: Scene, refs: list[str]) -> Iterator[str]:
    answers = served(scene.api.items("EndpointSlice", scene.namespace))
    pods = scene.api.items("Pod", scene.namespace)
    for text in refs:
        name = text.rpartition("/")[2]
        service = scene.well.services.get(name)
        wanted = meant(service, pods) if service is not None else set()
        if answers[name] and answers[name] == wanted:
            yield f"{text} without its endpoints"


def _fields(scene: Scene, places: list[Mapping[str, Any]]) -> Iterator[str]:
    for place in places:
        live = scene.item(place["ref"])
        path = place.get("field", "")
        value = ABSENT if live is None else value_at(live, path) if path else live
        wanted = place.get("value", ABSENT)
        if value != wanted:
            yield f"{place['ref']} {path} {wanted!r}: it is {value!r}"


def _events(scene: Scene, wanted: list[Mapping[str, Any]]) -> Iterator[str]:
    events = scene.api.items("Event", scene.namespace)
    for item in wanted:
        if not any(_is_about(event, item) and scene.is_new(*_times(event)) for event in events):
            yield f"event {item}"


def _times(event: Item) -> tuple[str | None, ...]:
    series = event.get("series") or {}
    names = ("lastTimestamp", "eventTime", "firstTimestamp")
    return (series.get("lastObservedTime"), *(event.get(name) for name in names))


def _is_about(event: Item, wanted: Mapping[str, Any]) -> bool:
    about = event.get("involvedObject") or event.get("regarding") or {}
    name = f"{about.get('kind')}/{about.get('name')}"
    return (
        name.startswith(wanted.get("ref", ""))
        and event.get("reason") == wanted.get("reason", event.get("reason"))
        and wanted.get("message", "") in (event.get("message") or event.get("note") or "")
    )


def _logs(scene: Scene, wanted: list[Mapping[str, Any]]) -> Iterator[str]:
    since = scene.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if scene.since else ""
    for item in wanted:
        times = [
            sum(item["text"] in line for line in text.splitlines())
            for pod in scene.pods(item["ref"])
            for container in pod["spec"]["containers"]
            for text in [scene.api.logs(pod["metadata"], container["name"], LOG_LINES, since)]
        ]
        if max(times, default=0) < item.get("times", 1):
            yield f"log of {item['ref']}: {item['text']!r}, seen {max(times, default=0)} times"


def _restarting(scene: Scene, refs: list[str]) -> Iterator[str]:
    for text in refs:
        restarts = [
            status.get("restartCount", 0)
            for pod in scene.pods(text)
            for status in (pod.get("status") or {}).get("containerStatuses") or ()
            if scene.is_new(_ended(status))
        ]
        if max(restarts, default=0) < RESTARTS:
            yield f"{text} restarting"


def _ended(status: Item) -> str | None:
    """When the last instance of a container ended."""
    ended = (status.get("lastState") or {}).get("terminated") or {}
    finished: str | None = ended.get("finishedAt")
    return finished


_Part = Callable[[Scene, Any], Iterator[str]]
_PARTS: Mapping[str, _Part] = {
    "not_ready": _not_ready,
    "restarting": _restarting,
    "no_endpoints": _no_endpoints,
    "fields": _fields,
    "events": _events,
    "logs": _logs,
}
