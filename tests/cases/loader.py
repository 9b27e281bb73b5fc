"""Cases: YAML that says which manifests are given, what is changed in them, and what must come out.

One case is one test id. Manifests are as the API returns them; `set`, `drop` and `add` make small
variants of them, so that a case shows what matters in it and nothing else.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stratus_cli.flow.gather import UNKEPT
from stratus_cli.kube.fields import Segment, segments
from stratus_cli.kube.kinds import BY_KIND, OBSERVED
from stratus_cli.model.change import Json
from stratus_cli.model.objects import Event, KubeObject
from stratus_cli.model.objects_custom import custom_struct
from stratus_cli.model.ref import ClusterIdentity, Ref
from stratus_cli.model.snapshot import (
    Alert,
    Certificate,
    Gap,
    GapReason,
    LogTail,
    Signals,
    Snapshot,
    Traffic,
    Usage,
)

HERE = Path(__file__).parent
AT = "2026-11-24T12:00:00Z"
CLUSTER = ClusterIdentity("u-cluster", "test", "https://test", "tester", "v1.34.4")
DOES_NOT_ARISE = "(gone)"


@dataclass(frozen=True)
class CaseFile:
    """One case of one file. subject: rule code or cause id."""

    subject: str
    name: str
    body: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The test id."""
        return f"{self.subject}-{self.name}"

    def snapshot(self) -> Snapshot:
        """What the case gives."""
        return snapshot_of(self.body)


def cases(folder: str, key: str) -> Iterator[CaseFile]:
    """Every case of every file of a folder. key: what names the subject ("rule" or "cause")."""
    for path in sorted((HERE / folder).glob("*.yaml")):
        document = yaml.safe_load(path.read_text())
        for name, body in document["cases"].items():
            yield CaseFile(document[key], name, body)


def snapshot_of(body: Mapping[str, Any]) -> Snapshot:
    """The snapshot of a case body: given, set, drop, add, gaps, signals (logs, traffic ...), at."""
    items = raw_objects(body)
    gaps = tuple(
        Gap(gap, GapReason.FORBIDDEN)
        if isinstance(gap, str)
        else Gap(gap["subject"], GapReason(gap["reason"]), namespace=gap.get("namespace", ""))
        for gap in body.get("gaps", [])
    )
    at = body.get("at", AT)
    return snapshot(items, at=at, gaps=gaps, signals=_signals(body, datetime.fromisoformat(at)))


def _signals(body: Mapping[str, Any], at: datetime) -> Signals:
    """logs (with every_s also their times, the newest until_s ago), traffic, alerts, usage."""
    return Signals(
        logs=tuple(_tail(tail, at) for tail in body.get("logs", [])),
        traffic=tuple(
            Traffic(
                ref=Ref.parse(f"shop/{item['ref']}"),
                taken_at=at,
                **{"window_s": 300.0, "requests": 1000.0, "error_rate": 0.0, "p99_s": None}
                | {key: value for key, value in item.items() if key != "ref"},
            )
            for item in body.get("traffic", [])
        ),
        alerts=tuple(
            Alert(item["name"], {"namespace": "shop", **item["labels"]}, starts_at=at)
            for item in body.get("alerts", [])
        ),
        certificates=tuple(
            Certificate(
                Ref("Secret", "shop", item["secret"], "v1"),
                _moment(item.get("not_before")),
                _moment(item.get("not_after")),
                tuple(item.get("names", ())),
            )
            for item in body.get("certificates", [])
        ),
        usage=tuple(
            Usage(Ref("Pod", "shop", item["pod"]), **{k: v for k, v in item.items() if k != "pod"})
            for item in body.get("usage", [])
        ),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _tail(tail: Mapping[str, Any], at: datetime) -> LogTail:
    lines = tuple(tail["lines"]) * tail.get("times", 1)
    newest, step = at - timedelta(seconds=tail.get("until_s", 0)), tail.get("every_s")
    times = (
        tuple(newest - timedelta(seconds=step * back) for back in range(len(lines) - 1, -1, -1))
        if step
        else ()
    )
    pod = Ref("Pod", "shop", tail["pod"])
    return LogTail(pod, tail["container"], tail.get("previous", False), lines, times)


def raw_objects(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a case body, changed as it says."""
    items = [copy.deepcopy(item) for name in body.get("given", []) for item in manifests(name)]
    items = [item for item in items if _key(item) not in body.get("drop", [])]
    items += copy.deepcopy(body.get("add", []))
    for key, edits in body.get("set", {}).items():
        matching = [item for item in items if _matches(item, key)]
        assert matching, f"no object {key} is given"
        for item in matching:
            for path, value in edits.items():
                _set(item, path, value)
    return items


def snapshot(
    items: list[dict[str, Any]],
    *,
    at: str = AT,
    gaps: tuple[Gap, ...] = (),
    signals: Signals | None = None,
) -> Snapshot:
    """A snapshot of raw objects. Every observed kind counts as read unless it is in gaps."""
    unread = {gap.subject for gap in gaps if not gap.namespace}
    objects: dict[str, list[KubeObject]] = {
        info.kind: [] for info in OBSERVED if info.kind not in unread and info.kind != "Event"
    }
    events: list[Event] = []
    originals: dict[tuple[str, str, str], bytes] = {}
    for item in items:
        struct = _struct(item)
        decoded = msgspec.json.decode(json.dumps(item), type=struct)
        if isinstance(decoded, Event):
            events.append(decoded)
        elif item["kind"] in objects or item["kind"] not in BY_KIND:
            objects.setdefault(item["kind"], []).append(decoded)
            if item["kind"] not in UNKEPT:
                meta = decoded.metadata
                key = (item["kind"], meta.namespace, meta.name)
                originals[key] = json.dumps(item).encode()
    return Snapshot(
        datetime.fromisoformat(at).astimezone(UTC),
        CLUSTER,
        {kind: tuple(found) for kind, found in objects.items()},
        () if "Event" in unread else tuple(events),
        signals or Signals(),
        gaps,
        originals=originals,
    )


def _struct(item: Mapping[str, Any]) -> type[KubeObject]:
    """A kind that is not in the table is a custom one, and was read because it owns something."""
    known = BY_KIND.get(item["kind"])
    if known is None:
        return custom_struct(item["kind"], item["apiVersion"])
    assert known.struct is not None, item["kind"]
    return known.struct


def manifests(name: str) -> list[dict[str, Any]]:
    """The objects of one file of tests/cases/manifests."""
    return list(_manifests(name))


@cache
def _manifests(name: str) -> tuple[dict[str, Any], ...]:
    documents = yaml.load_all((HERE / "manifests" / name).read_text(), Loader=_Loader)
    return tuple(item for item in documents if item)


class _Loader(yaml.SafeLoader):
    """Times stay text, as in the API's JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _key(item: Mapping[str, Any]) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def _matches(item: Mapping[str, Any], key: str) -> bool:
    """ "Kind/name", or "Kind/*" for each of the kind."""
    return _key(item) == key or f"{item['kind']}/*" == key


def _set(item: dict[str, Any], path: str, value: Json) -> None:
    node: Any = item
    *parents, last = segments(path)
    for segment in parents:
        node = _child(node, segment)
    if isinstance(last, dict):
        index = next(i for i, element in enumerate(node) if _has(element, last))
        node[index] = value
    elif value == DOES_NOT_ARISE:
        node.pop(last, None)
    else:
        node[last] = value


def _child(node: Json, segment: Segment) -> Json:
    if isinstance(segment, dict):
        return next(element for element in node if _has(element, segment))
    if isinstance(node, dict):
        return node.setdefault(segment, {})
    return node[segment]


def _has(element: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
    return all(str(element.get(key)) == value for key, value in keys.items())
