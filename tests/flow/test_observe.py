"""Observing over real HTTP: what is read, what becomes a gap, what is a mistake of the asker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.kube.kinds import OBSERVED
from stratus_cli.model.errors import ClusterUnreachable, UsageError
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import Alert, Gap, GapReason, Scope, Snapshot
from stratus_cli.telemetry.logs import CONTAINERS, READY
from tests.cluster.apiserver import ApiServer, Fault, serving
from tests.cluster.world import NOW, Shop, config_map, live, namespace, ports

ALL = ScopeRequest()
SHOP = ScopeRequest(("shop",))
PODS = "/api/v1/pods"


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with serving(ApiServer(Shop().items)) as server:
        yield server


def names(snap: Snapshot, kind: type[Any]) -> list[str]:
    return [item.metadata.name for item in snap.of(kind)]


def test_everything_that_may_be_read(api: ApiServer, tmp_path: Path) -> None:
    """Every observed kind once, no gap, the scope in numbers."""
    snap = observe(ports(live(api, tmp_path)), ALL)
    assert snap.gaps == ()
    assert set(snap.objects) == {info.kind for info in OBSERVED if info.kind != "Event"}
    assert snap.of(Pod)
    assert snap.scope == Scope((), ("kube-system", "other", "shop"), 3)
    assert (snap.taken_at, snap.cluster.uid) == (NOW, "u-ns-kube-system")


def test_requests_grow_with_kinds_not_with_objects(api: ApiServer, tmp_path: Path) -> None:
    """One request a kind, three for who and where, and so many logs at most."""
    api.items += [config_map(f"c{index}", {}, f"n{index}") for index in range(100)]
    observe(ports(live(api, tmp_path)), ALL)
    logs = [path for _, path, _ in api.requests if path.endswith("/log")]
    assert len(api.requests) - len(logs) == len(OBSERVED) + 3
    assert len(logs) <= CONTAINERS * 2 + READY


def test_the_asked_namespaces_only(api: ApiServer, tmp_path: Path) -> None:
    """-n narrows what is namespaced; nodes and namespaces are read all the same."""
    api.items.append(config_map("elsewhere", {}, "other"))
    snap = observe(ports(live(api, tmp_path)), SHOP)
    assert "elsewhere" not in names(snap, ConfigMap)
    assert snap.scope == Scope(("shop",), ("shop",), 3)
    both = observe(ports(live(api, tmp_path)), ScopeRequest(("shop", "other")))
    assert "elsewhere" in names(both, ConfigMap)


def test_a_namespace_that_is_not_there(api: ApiServer, tmp_path: Path) -> None:
    """Did you mean; also where names may not be listed but one may be read."""
    with pytest.raises(UsageError, match="'shop'"):
        observe(ports(live(api, tmp_path)), ScopeRequest(("shpo",)))
    api.faults["/api/v1/namespaces"] = Fault("status", 403)
    with pytest.raises(UsageError, match="shpo"):
        observe(ports(live(api, tmp_path)), ScopeRequest(("shpo",)))
    assert observe(ports(live(api, tmp_path)), SHOP).of(Pod)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("status", 404), GapReason.NOT_SERVED),
        (Fault("silence"), GapReason.TIMED_OUT),
        (Fault("cut"), GapReason.TRUNCATED),
        (Fault("half"), GapReason.TRUNCATED),
        (Fault("html"), GapReason.UNREADABLE),
        (Fault("status", 500), GapReason.UNREADABLE),
    ],
)
def test_a_kind_that_fails_is_a_gap_and_the_rest_is_read(
    api: ApiServer, tmp_path: Path, fault: Fault, reason: GapReason
) -> None:
    """Never an empty list; in about the time of one deadline."""
    api.faults[PODS] = fault
    started = time.monotonic()
    snap = observe(ports(live(api, tmp_path, timeout_s=0.5)), ALL)
    assert time.monotonic() - started < 3
    assert [(gap.subject, gap.reason, gap.namespace) for gap in snap.gaps] == [("Pod", reason, "")]
    assert "Pod" not in snap.objects
    assert not snap.was_read("Pod")
    assert snap.of(ConfigMap)


def test_a_page_that_fails_in_the_middle_makes_the_kind_a_gap(tmp_path: Path) -> None:
    """Half a list is not shown as a list."""

    class Failing(ApiServer):
        def fault(self, path: str) -> Fault | None:
            paged = any("continue" in query for where, _, query in self.requests if where)
            return Fault("status", 500) if path == "/api/v1/configmaps" and paged else None

    items = [namespace("kube-system"), *(config_map(f"c{n}", {}) for n in range(5))]
    with serving(Failing(items, page_size=2)) as api:
        snap = observe(ports(live(api, tmp_path)), ALL)
        assert [gap.subject for gap in snap.gaps] == ["ConfigMap"]
        assert "ConfigMap" not in snap.objects


def test_forbidden_over_all_namespaces_is_asked_one_by_one(api: ApiServer, tmp_path: Path) -> None:
    """A person who may read some namespaces sees these, and the header says how many."""
    api.faults[PODS] = Fault("status", 403)
    api.faults["/api/v1/namespaces/other/pods"] = Fault("status", 403)
    snap = observe(ports(live(api, tmp_path)), ALL)
    assert snap.of(Pod)
    assert [(gap.subject, gap.reason, gap.namespace) for gap in snap.gaps] == [
        ("Pod", GapReason.FORBIDDEN, "other")
    ]
    assert snap.scope == Scope((), ("kube-system", "shop"), 3)


def test_forbidden_everywhere_is_one_gap(api: ApiServer, tmp_path: Path) -> None:
    """Not one for each namespace."""
    for path in (PODS, *(f"/api/v1/namespaces/{n}/pods" for n in ("shop", "other", "kube-system"))):
        api.faults[path] = Fault("status", 403)
    snap = observe(ports(live(api, tmp_path)), ALL)
    assert [(gap.subject, gap.namespace) for gap in snap.gaps] == [("Pod", "")]


def test_no_permission_at_all(api: ApiServer, tmp_path: Path) -> None:
    """Everything is a gap; nothing is wrong with the command."""
    api.faults["*"] = Fault("status", 403)
    snap = observe(ports(live(api, tmp_path)), ALL)
    assert {gap.subject for gap in snap.gaps} == {info.kind for info in OBSERVED}
    assert snap.objects == {}


def test_a_server_that_goes_away(api: ApiServer, tmp_path: Path) -> None:
    """Rejected credentials are no gap but an error."""
    cluster = live(api, tmp_path)
    api.faults[PODS] = Fault("status", 401)
    with pytest.raises(ClusterUnreachable):
        observe(ports(cluster), ALL)


def test_one_strange_object_does_not_hide_the_others(api: ApiServer, tmp_path: Path) -> None:
    """What does not decode is a gap of its namespace, named."""
    strange: Any = config_map("strange", {}, "other")
    strange["data"] = {"a": 1}
    api.items.append(strange)
    snap = observe(ports(live(api, tmp_path)), ALL)
    assert "web-config" in names(snap, ConfigMap)
    [gap] = snap.gaps
    assert (gap.subject, gap.reason, gap.namespace) == ("ConfigMap", GapReason.UNREADABLE, "other")
    assert "strange" in gap.detail


class Broken:
    """A source that fails in its own way."""

    name = "broken"

    def read(self, snap: Snapshot) -> Snapshot:
        raise OSError("no route")


def test_telemetry_that_fails_is_a_gap(api: ApiServer, tmp_path: Path) -> None:
    """It never fails the look."""
    snap = observe(ports(live(api, tmp_path), Broken()), ALL)
    assert snap.gaps == (Gap("broken", GapReason.ABSENT, "no route"),)


class Telling:
    """A source that tells one alert, and how often it looks; it waits for another to begin."""

    def __init__(self, name: str, together: threading.Barrier, scrape_s: float | None) -> None:
        self.name = name
        self._together = together
        self._scrape_s = scrape_s

    def read(self, snap: Snapshot) -> Snapshot:
        self._together.wait(timeout=10)
        signals = replace(
            snap.signals,
            alerts=(*snap.signals.alerts, Alert(self.name, {})),
            sources=(*snap.signals.sources, self.name),
            scrape_s=self._scrape_s,
        )
        gap = Gap(self.name, GapReason.TRUNCATED, "the rest")
        return replace(snap, signals=signals, gaps=(*snap.gaps, gap))


def test_sources_are_asked_at_once_and_told_in_order(api: ApiServer, tmp_path: Path) -> None:
    """What each adds is kept, one that fails beside them included."""
    together = threading.Barrier(2)
    sources = (Telling("a", together, 15.0), Broken(), Telling("b", together, None))
    snap = observe(ports(live(api, tmp_path), *sources), ALL)
    assert [alert.name for alert in snap.signals.alerts] == ["a", "b"]
    assert snap.signals.sources == ("a", "b")
    assert snap.signals.scrape_s == 15.0
    assert [gap.subject for gap in snap.gaps] == ["a", "broken", "b"]


def test_values_that_look_like_credentials_are_masked(api: ApiServer, tmp_path: Path) -> None:
    """What the rules and the report see has no secret in it."""
    api.items.append(config_map("c", {"password": "hunter2"}))
    snap = observe(ports(live(api, tmp_path)), SHOP)
    found = snap.get(ConfigMap, "shop", "c")
    assert found is not None
    assert found.data["password"].startswith("«secret:")
