"""Whether a fault can be seen yet: by the drill's own reads, before any clock is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stratus_cli.drill.api import Api, Item
from stratus_cli.drill.door import Door, Sight
from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.fault import Fault
from stratus_cli.drill.ground import Ground
from stratus_cli.drill.wellness import Well, is_ready, meant, pods_of, served
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT

WITHIN_S = 90.0
LOG_LINES = 200
FAILING_OF_10 = 3
RESTARTS = 2  # one restart may be a blip
HELD_S = 3.0
"""A pod on its way up is not ready for a moment, too."""


def wait_visible(ground: Ground, fault: Fault, door: Door, well: Well, before: Sight) -> float:
    """Until all of the symptom shows; the seconds it took. DrillError: it did not."""
    symptom = fault.symptom
    missing: list[str] = []
    since: list[float] = []

    def is_visible() -> bool:
        missing[:] = unseen(ground, fault, door, well, before)
        if missing:
            since.clear()
            return False
        since.append(ground.clock.monotonic())
        return since[-1] - since[0] >= HELD_S

    within_s = float(symptom.get("within_s", WITHIN_S))
    return ground.until(
        is_visible, f"the symptom of {fault.id}", within_s, lambda: "; ".join(missing)
    )


def unseen(ground: Ground, fault: Fault, door: Door, well: Well, before: Sight) -> list[str]:
    """The parts of the symptom that do not show. [] when all do."""
    namespace = ground.namespace(fault.app)
    parts = dict(fault.symptom)
    parts.pop("within_s", None)
    found: list[str] = []
    asked = parts.pop("front_door", "")
    for name, wanted in parts.items():
        if name not in _PARTS:
            raise DrillError(f"unknown symptom {name!r}", fault.id)
        found.extend(_PARTS[name](ground.api, namespace, wanted, well))
    if asked and not found:  # the dearest question last
        found.extend(_front_door(door, asked, before))
    return found


def _front_door(door: Door, asked: str, before: Sight) -> Iterator[str]:
    seen = door.look(10)
    shown = {
        "failing": seen.failed >= FAILING_OF_10,
        "slow": seen.is_slower_than(before),
        "open": seen.is_open,
    }
    if not shown[asked]:
        yield f"front door {asked}: {seen.failed} of {seen.asked} failed, p99 {seen.p99_s:.2f} s"


def _not_ready(api: Api, namespace: str, refs: list[str], well: Well) -> Iterator[str]:
    for text in refs:
        ref = api.ref(text, namespace)
        item = api.get(ref)
        if item is None:
            continue
        pods = pods_of(item, api.items("Pod", ref.namespace))
        wanted = item["spec"].get("replicas", 1)
        if ref.short in well.workloads:
            wanted = max(wanted, well.wanted(ref.short) or 0)
        if len(pods) >= wanted and all(map(is_ready, pods)) and not _is_behind(item):
            yield f"{text} not ready"


def _is_behind(item: Item) -> bool:
    """Its newest template has too few pods: a rollout that cannot go on."""
    status = item.get("status") or {}
    return int(status.get("updatedReplicas", 0)) < int(item["spec"].get("replicas", 1))


def _no_endpoints(api: Api, namespace: str, refs: list[str], well: Well) -> Iterator[str]:
    answers, pods = served(api.items("EndpointSlice", namespace)), api.items("Pod", namespace)
    for text in refs:
        name = text.rpartition("/")[2]
        service = well.services.get(name)
        wanted = meant(service, pods) if service is not None else set()
        if answers[name] and answers[name] == wanted:
            yield f"{text} without its endpoints"


def _fields(api: Api, namespace: str, places: list[Mapping[str, Any]], well: Well) -> Iterator[str]:
    for place in places:
        live = api.get(api.ref(place["ref"], namespace))
        path = place.get("field", "")
        value = ABSENT if live is None else value_at(live, path) if path else live
        wanted = place.get("value", ABSENT)
        if value != wanted:
            yield f"{place['ref']} {path} {wanted!r}: it is {value!r}"


def _events(api: Api, namespace: str, wanted: list[Mapping[str, Any]], well: Well) -> Iterator[str]:
    events = api.items("Event", namespace)
    for item in wanted:
        if not any(_is_about(event, item) for event in events):
            yield f"event {item}"


def _is_about(event: Item, wanted: Mapping[str, Any]) -> bool:
    about = event.get("involvedObject") or event.get("regarding") or {}
    name = f"{about.get('kind')}/{about.get('name')}"
    return (
        name.startswith(wanted.get("ref", ""))
        and event.get("reason") == wanted.get("reason", event.get("reason"))
        and wanted.get("message", "") in (event.get("message") or event.get("note") or "")
    )


def _logs(api: Api, namespace: str, wanted: list[Mapping[str, Any]], well: Well) -> Iterator[str]:
    for item in wanted:
        ref = api.ref(item["ref"], namespace)
        workload = api.get(ref)
        pods = pods_of(workload, api.items("Pod", ref.namespace)) if workload else []
        texts = (
            api.logs(ref.namespace, pod["metadata"]["name"], container["name"], LOG_LINES)
            for pod in pods
            for container in pod["spec"]["containers"]
        )
        if not any(item["text"] in text for text in texts):
            yield f"log of {item['ref']}: {item['text']!r}"


def _restarting(api: Api, namespace: str, refs: list[str], well: Well) -> Iterator[str]:
    for text in refs:
        ref = api.ref(text, namespace)
        item = api.get(ref)
        pods = pods_of(item, api.items("Pod", ref.namespace)) if item else []
        counts = [
            status.get("restartCount", 0)
            for pod in pods
            for status in (pod.get("status") or {}).get("containerStatuses") or ()
        ]
        if max(counts, default=0) < RESTARTS:
            yield f"{text} restarting"


_Part = Callable[[Api, str, Any, Well], Iterator[str]]
_PARTS: Mapping[str, _Part] = {
    "not_ready": _not_ready,
    "restarting": _restarting,
    "no_endpoints": _no_endpoints,
    "fields": _fields,
    "events": _events,
    "logs": _logs,
}
