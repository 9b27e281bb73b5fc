"""A value in a ConfigMap was changed, and who reads it no longer works.

How we know: containers crash, are not ready or answer with errors; they, or a service they call,
read a ConfigMap that was edited before that. A value that differs from one that worked, or that the
log names, makes it likely. Among feature flags the one that is on where its neighbours are off.
An edit of which nothing more is known is only a hint.

Known good: the value in a recording or as last applied; without them what switches the flag off.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratus_cli.causes.case import Case, Explained
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.config_diff import ConfigDiff, applied_data, differences, repair
from stratus_cli.kube.demand import callers
from stratus_cli.kube.evidence import log_evidence
from stratus_cli.kube.fields import as_text, quoted, read
from stratus_cli.kube.flags import Flag, flags_on
from stratus_cli.kube.graph import config_maps_used
from stratus_cli.kube.pods import crash_evidence, is_live, parts
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence, Finding, Severity
from stratus_cli.model.objects import ConfigMap, Pod, Service, Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("config-value-changed", "a value in a ConfigMap was changed")

CRASHES = ("POD101", "POD106", "POD107")
TRAFFIC = "SLO"
DAY = timedelta(hours=24)
"""An older difference from a known-good value has been lived with. DESIGN.md, Health: 24 h."""
LATELY = timedelta(minutes=30)
"""Without one, only an edit this young is a hint: Stratus' traffic look-back (DESIGN.md, Noise)."""
LONGEST = 200  # characters of a value shown
FARTHEST = 4  # calls from a victim to the reader: front door, gateway, service, flag service
_WORD = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Edit:
    """One changed place. good_text: the whole key as it was; None where nothing knows it."""

    key: str
    pointer: str
    good: object
    good_text: object
    source: str
    words: tuple[str, ...]
    sure: float

    @property
    def field(self) -> str:
        """Its path below the ConfigMap."""
        return f"data{quoted(self.key)}" + (f"#{self.pointer}" if self.pointer else "")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per changed place of a ConfigMap that something unwell depends on."""
    accused = _accused(case)
    namespaces = {ref.namespace for ref in accused}
    for item in sorted(case.graph.snap.of(ConfigMap), key=ref_of):
        if item.metadata.namespace not in namespaces or not _touched(case, item):
            continue
        reach = _reach(case, item)
        victims = {ref: reach[ref] for ref in accused if ref in reach}
        if victims:
            explains = tuple(dict.fromkeys(key for ref in victims for key in accused[ref]))
            for edit in _edits(case, item, victims):
                yield from _diagnosis(case, item, edit, victims, explains)


def _accused(case: Case) -> Mapping[Ref, Explained]:
    """The workloads that crash or answer badly, with what was found on them."""
    found: dict[Ref, list[tuple[str, Ref]]] = defaultdict(list)
    for finding in case.findings:
        if finding.severity < Severity.DEGRADED:
            continue
        if finding.rule in CRASHES or finding.rule.startswith(TRAFFIC):
            for workload in _units(case, finding):
                found[ref_of(workload)].append(finding.key)
                found[ref_of(workload)].extend(case.consequences(workload))
    return {ref: tuple(dict.fromkeys(keys)) for ref, keys in found.items()}


def _units(case: Case, finding: Finding) -> tuple[Workload, ...]:
    item = case.graph.snap.find(finding.ref)
    if isinstance(item, Service):
        return case.graph.selected_workloads(item)
    if isinstance(item, Pod):
        top = case.graph.workload_of(item)
        return (top,) if top is not None else ()
    return (item,) if isinstance(item, Workload) else ()


def _touched(case: Case, item: ConfigMap) -> bool:
    """Whether it was edited after it was made, or differs from what is known to have worked."""
    at = _newest(item)
    lately = at is not None and case.graph.snap.taken_at - at <= DAY
    return lately or bool(_known(case, item)[0])


def _newest(item: ConfigMap) -> datetime | None:
    """When it was last written to after it was made."""
    made = item.metadata.creation_timestamp
    times = [entry.time for entry in item.metadata.managed_fields if entry.time is not None]
    newest = max(times, default=None)
    edited = newest is not None and (made is None or newest - made > timedelta(seconds=2))
    return newest if edited else None


def _reach(case: Case, item: ConfigMap) -> Mapping[Ref, int]:
    """Who reads it (0), who calls those (1), and so on."""
    graph = case.graph
    found: dict[Ref, int] = {}
    level = [
        workload
        for workload in graph.workloads_in(item.metadata.namespace)
        if item.metadata.name
        in {name for name, _, _ in config_maps_used(workload.spec.template.spec)}
    ]
    for distance in range(FARTHEST + 1):
        level = [workload for workload in level if ref_of(workload) not in found]
        found.update((ref_of(workload), distance) for workload in level)
        services = {ref_of(it): it for workload in level for it in graph.services_of(workload)}
        level = [caller for service in services.values() for caller, _ in callers(graph, service)]
    return found


def _known(case: Case, item: ConfigMap) -> tuple[tuple[ConfigDiff, ...], str]:
    """What differs from the best known-good state, and where that is from."""
    ref = ref_of(item)
    keys = {*item.data, *(applied_data(item) or {})}
    whole = case.known_good.object(ref)
    if whole is not None and isinstance(whole.value.get("data"), dict):
        return differences(item.data, whole.value["data"]), whole.source
    recorded = {key: good for key in keys if (good := case.known_good.config_key(ref, key))}
    if recorded:
        texts = {key: str(good.value) for key, good in recorded.items()}
        present = {key: value for key, value in item.data.items() if key in texts}
        return differences(present, texts), next(iter(recorded.values())).source
    applied = applied_data(item)
    if applied is None:
        return (), ""
    return differences(item.data, applied), "last-applied annotation"


def _edits(case: Case, item: ConfigMap, victims: Mapping[Ref, int]) -> Iterator[Edit]:
    diffs, source = _known(case, item)
    said = " ".join(line for _, _, line in _lines(case, victims))
    for key in dict.fromkeys(diff.key for diff in diffs):
        yield from _known_edits(case, item, [it for it in diffs if it.key == key], source, said)
    if not diffs:
        for key in sorted(item.data):
            at = _changed(item, key)
            if at is not None and case.graph.snap.taken_at - at <= LATELY:
                yield _guess(item, key, victims, said)


def _known_edits(
    case: Case, item: ConfigMap, diffs: list[ConfigDiff], source: str, said: str
) -> Iterator[Edit]:
    """The one field that the log names, else all that differ: as one value where they are many."""
    key = diffs[0].key
    named = [diff for diff in diffs if _names(said, diff.words[:1])]
    chosen = named if len(named) == 1 else diffs
    at = _changed(item, key)
    if at is None or case.graph.snap.taken_at - at > DAY:
        if not named:
            return
    sure = 0.93 if any(_names(said, diff.words) for diff in chosen) else 0.82
    if len(chosen) == 1:
        diff = chosen[0]
        good = None if diff.good is ABSENT else diff.good
        yield Edit(key, diff.pointer, good, repair(item.data, diff), source, diff.words, sure)
        return
    good = _whole_text(case, item, key)
    words = tuple(word for diff in chosen for word in diff.words)
    yield Edit(key, "", good, good, source, words, sure)


def _whole_text(case: Case, item: ConfigMap, key: str) -> str | None:
    recorded = case.known_good.config_key(ref_of(item), key)
    return str(recorded.value) if recorded else (applied_data(item) or {}).get(key)


def _guess(item: ConfigMap, key: str, victims: Mapping[Ref, int], said: str) -> Edit:
    """Without a known-good value: the flag that stands out, or only which key was edited."""
    flags = flags_on(item.data[key])
    near = [flag for flag in flags if _is_about(flag, victims) or _names(said, (flag.name,))]
    chosen = near if len(near) == 1 else flags
    if len(chosen) == 1:
        flag = chosen[0]
        sure = 0.82 if near else 0.74
        words = (flag.name, key)
        return Edit(key, flag.pointer, flag.off, None, "what its neighbours have", words, sure)
    return Edit(key, "", None, None, "", (key,), 0.6 if _names(said, (key,)) else 0.45)


def _is_about(flag: Flag, victims: Mapping[Ref, int]) -> bool:
    """The flag's name has a victim's name in it, word by word (adFailure, ad)."""
    words = [word.lower() for word in _WORD.split(flag.name) if word]
    return any(
        name and words[start : start + len(name)] == name
        for ref in victims
        for name in [[word.lower() for word in _WORD.split(ref.name) if word]]
        for start in range(len(words))
    )


def _changed(item: ConfigMap, key: str) -> datetime | None:
    """When the key was last edited; for a key that is gone, when the ConfigMap was."""
    change = last_change(item, f"data{quoted(key)}")
    if change is None:
        return _newest(item)
    return None if change.at_creation else change.at


def _names(said: str, words: tuple[str, ...]) -> bool:
    return any(
        len(word) > 2 and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said)
        for word in words
    )


def _lines(case: Case, victims: Mapping[Ref, int]) -> Iterator[tuple[Ref, str, str]]:
    """(pod, container, line) of the victims' logs, the nearest to the ConfigMap first."""
    for ref in sorted(victims, key=lambda found: (victims[found], found)):
        workload = case.graph.snap.find(ref)
        pods = case.graph.pods_of(workload) if isinstance(workload, Workload) else ()
        refs = {ref_of(pod) for pod in pods}
        for tail in case.graph.snap.signals.logs:
            if tail.pod in refs:
                yield from ((tail.pod, tail.container, line) for line in tail.lines)


def _diagnosis(
    case: Case, item: ConfigMap, edit: Edit, victims: Mapping[Ref, int], explains: Explained
) -> Iterator[Diagnosis]:
    at = _changed(item, edit.key)
    crashing = _crashing(case, victims, at)
    if crashing is None:
        return  # it had failed before the edit
    ref = ref_of(item)
    facts: dict[str, object] = {"namespace": ref.namespace, "config_map": ref.name}
    facts |= {"key": edit.key, "changed": str(last_change(item, f"data{quoted(edit.key)}") or "")}
    if edit.source and edit.good is not None:
        facts |= {"source": edit.source}
    if edit.pointer and edit.good is not None and read(item, edit.field) is not ABSENT:
        path = edit.key.replace("~", "~0").replace("/", "~1")
        facts |= {"path": f"/data/{path}#{edit.pointer}", "good_value": edit.good}
    if edit.good_text is not None:
        facts["good_text"] = edit.good_text
    elif edit.source and edit.good is None and not edit.pointer:
        facts["added_key"] = edit.key
    if crashing:
        facts["crashing"] = crashing
    seen = as_text(read(item, edit.field))
    yield Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=edit.field,
        observed=seen[:LONGEST],
        expected=_expected(edit),
        confidence=edit.sure if at is not None or edit.sure > 0.9 else 0.6,
        facts=facts,
        evidence=(
            Evidence("object", ref, edit.field, seen, at),
            *_log_evidence(case, victims, edit),
        ),
        explains=explains,
        check=f"put {edit.field} of ConfigMap {ref.name} back: whatever else changed stays",
    )


def _expected(edit: Edit) -> str | None:
    if edit.good is None:
        return "(absent)" if edit.source else None
    return as_text(edit.good)[:LONGEST]


def _crashing(case: Case, victims: Mapping[Ref, int], at: datetime | None) -> list[str] | None:
    """Readers whose containers crash, as kind/name; None when they crashed before the edit only."""
    found, ends = [], []
    for ref in sorted(victims):
        workload = case.graph.snap.find(ref)
        pods = case.graph.pods_of(workload) if isinstance(workload, Workload) else ()
        hit = [
            part
            for pod in pods
            if is_live(pod)
            for part in parts(pod)
            if crash_evidence(case.graph, part)
        ]
        ends += [part.last_end.finished_at for part in hit if part.last_end]
        if hit and victims[ref] == 0:
            found.append(f"{ref.kind.lower()}/{ref.name}")
    known = [end for end in ends if end is not None]
    if at is not None and known and max(known) < at:
        return None
    return found


def _log_evidence(case: Case, victims: Mapping[Ref, int], edit: Edit) -> Iterator[Evidence]:
    """Up to two lines that name what was changed, else the last line of the nearest victim."""
    lines = list(_lines(case, victims))
    named = [line for line in lines if _names(line[2], edit.words)]
    for pod, container, text in named[:2] or lines[-1:]:
        if text.strip():
            yield log_evidence(pod, container, previous=False, line=text)
