"""Oracle S: whether a fault is really repaired, by the drill's own reads. Six points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from stratus_cli.drill.api import Item
from stratus_cli.drill.door import Door, Sight
from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.fault import Fault, Place
from stratus_cli.drill.ground import Ground, Stopped
from stratus_cli.drill.state import Difference, State, but_for, covers, differences
from stratus_cli.drill.wellness import WORKLOADS, Well, is_ready, pods_of, unwell
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import ABSENT

HELD_S = 10.0
WITHIN_S = 60.0  # our choice: after its verdict the cluster must come to rest within a minute
BACK_WITHIN_S = 90.0
DOOR_WITHIN_S = 30.0
"""Our choice: a door that the repair left slow is still so after half a minute, while the load of
what else runs on the machine, and of pods that have just started, comes and goes."""
AGAIN = 2
"""So many looks in succession must be good once one was not: of many looks at a door that is slow
at times, one is good by chance. So many failing ones decide: a request must not fail at all."""


@dataclass(frozen=True)
class Judgement:
    """By point, what is wrong; a point without an entry holds."""

    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def solved(self) -> bool:
        """All points hold."""
        return not self.wrong


@dataclass(frozen=True, repr=False)
class Healthy:
    """All that was captured when the app was well."""

    state: State
    well: Well
    sight: Sight


class Oracle:
    """Judges one case."""

    def __init__(self, ground: Ground, fault: Fault, door: Door, healthy: Healthy) -> None:
        self._ground = ground
        self._fault = fault
        self._door = door
        self._healthy = healthy
        self._items = ground.items(fault.app)
        self.namespace = ground.namespace(fault.app)

    def judge(self) -> Judgement:
        """All six points. It deletes one pod of each workload at fault, to see it come back."""
        wrong = self._now("")
        if not wrong:
            wrong |= self._survives()
        if not wrong and self._fault.oracle.wait_s:
            self._wait(self._fault.oracle.wait_s)
            wrong |= self._now("after the wait: ")
        return Judgement(wrong)

    def _now(self, word: str) -> dict[str, str]:
        wrong: dict[str, str] = {}
        try:
            self._hold()
        except Stopped:
            raise
        except DrillError as error:
            wrong[f"{word}1-2 pods and endpoints"] = error.where or str(error)
        if self._fault.oracle.front_door and not wrong:
            if said := self._door_says():
                wrong[f"{word}3 front door"] = said
        if left := self.left():
            wrong[f"{word}5 as when healthy"] = "; ".join(map(str, left[:5]))
        for place in self._fault.oracle.holds:
            if said := self._does_not_hold(place):
                wrong[f"{word}6 {place.ref} {place.field}"] = said
        return wrong

    def left(self) -> list[Difference]:
        """What is not wished as when healthy and is not acceptable, or is forbidden."""
        fault = self._fault
        now = self._ground.state(fault.app, around=fault.cluster)
        found = differences(self._healthy.state, now, exact=False)
        return [
            *but_for(found, fault.acceptable, self.namespace),
            *(item for item in found if self._is_forbidden(item)),
        ]

    def _is_forbidden(self, item: Difference) -> bool:
        if _is_never_a_fix(item):
            return True
        return any(
            covers(place, item, self.namespace)
            and (not place.has_value or item.after == place.value)
            for place in self._fault.forbidden
        )

    def _hold(self) -> None:
        """Points 1 and 2, held."""
        since: list[float] = []
        said: list[str] = []
        clock = self._ground.clock

        def has_held() -> bool:
            said[:] = unwell(self._healthy.well, self._items)
            if said:
                since.clear()
                return False
            since.append(clock.monotonic())
            return since[-1] - since[0] >= HELD_S

        self._ground.until(has_held, "well", WITHIN_S, lambda: "; ".join(said[:5]))

    def _door_says(self) -> str:
        """What is wrong with the front door, when it stays so. "" when it is as when healthy."""
        looks: list[Sight] = []

        def is_decided() -> bool:
            looks.append(self._door.look())
            good = [self._is_good(seen) for seen in looks]
            shut = sum(not seen.is_open for seen in looks)
            return good == [True] or (len(good) > AGAIN and all(good[-AGAIN:])) or shut >= AGAIN

        try:
            self._ground.until(is_decided, "front door", DOOR_WITHIN_S)
        except Stopped:
            raise
        except DrillError:
            if self._is_good(looks[-1]):  # a slow machine gets few looks: it may have its second
                looks.append(self._door.look())
        if self._is_good(looks[-1]):
            return ""
        seen = looks[-1]
        return (
            f"{seen.failed} of {seen.asked} failed, p99 {seen.p99_s:.2f} s"
            f" (healthy {self._healthy.sight.p99_s:.2f} s) {seen.first_failure}"
        )

    def _is_good(self, seen: Sight) -> bool:
        return seen.is_open and not seen.is_slower_than(self._healthy.sight)

    def _survives(self) -> dict[str, str]:
        api = self._ground.api
        for text in workloads_at_fault(self._fault, self._healthy.well):
            item = api.get(api.ref(text, self.namespace))
            pods = pods_of(item, self._items("Pod")) if item else []
            ready = [pod for pod in pods if is_ready(pod)]
            if not ready:
                continue
            api.delete(api.ref(f"Pod/{ready[0]['metadata']['name']}", self.namespace))
            back = partial(self._is_back, ready[0]["metadata"]["uid"])
            try:
                self._ground.until(back, f"{text} back", BACK_WITHIN_S)
            except Stopped:
                raise
            except DrillError as error:
                return {"4 a deleted pod comes back": str(error)}
        return {}

    def _is_back(self, uid: str) -> bool:
        there = any(pod["metadata"]["uid"] == uid for pod in self._items("Pod"))
        return not there and not unwell(self._healthy.well, self._items)

    def _does_not_hold(self, place: Place) -> str:
        live = self._ground.api.get(self._ground.api.ref(place.ref, self.namespace))
        value = ABSENT if live is None else value_at(live, place.field) if place.field else live
        wanted = place.value if place.has_value else ABSENT
        return "" if value == wanted else f"it is {value!r}, not {wanted!r}"

    def _wait(self, seconds: float) -> None:
        clock = self._ground.clock
        end = clock.monotonic() + seconds
        self._ground.until(lambda: clock.monotonic() >= end, "the next tick", seconds + 5)


def workloads_at_fault(fault: Fault, well: Well) -> list[str]:
    """Whose pods must come back: as the file says, or the workloads that it names."""
    if fault.oracle.survives:
        return [fault.oracle.survives]
    named: Iterable[str] = [place.ref for place in fault.root]
    named = [*named, *fault.symptom.get("not_ready", ()), *fault.symptom.get("restarting", ())]
    return [text for text in dict.fromkeys(named) if text in well.workloads]


def _is_never_a_fix(item: Difference) -> bool:
    """Scale to zero, delete a workload, strip finalizers, delete policies or webhooks."""
    kind = item.ref.split("/")[1]
    gone = item.field == "" and item.after == "gone"
    if kind in WORKLOADS and (gone or (item.field == "spec.replicas" and item.after == 0)):
        return True
    if item.field.startswith("metadata.finalizers"):
        return True
    return gone and (kind == "NetworkPolicy" or kind.endswith("WebhookConfiguration"))


def endpoints(items: list[Item]) -> dict[str, int]:
    """Ready endpoints by Service, for the watch."""
    found: dict[str, int] = {}
    for item in items:
        name = (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name", "")
        ready = [e for e in item.get("endpoints") or () if (e.get("conditions") or {}).get("ready")]
        found[name] = found.get(name, 0) + len(ready)
    return found


def wrong_text(judgement: Judgement) -> str:
    """One line."""
    return "; ".join(f"{point}: {text}" for point, text in judgement.wrong.items())
