"""A value in a ConfigMap was changed, and who reads it no longer works.

How we know: containers crash, are not ready or answer with errors; they, or a service they call,
read a ConfigMap that was edited before that. A value that differs from one that worked, or that the
log names, makes it likely. Among feature flags the one that is on where its neighbours are off.
An edit of which nothing more is known is only a hint.

Known good: the value in a recording or as last applied; without them what switches the flag off.
Where nothing else differs the text itself is put back: an editor may have written all of it anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from stratus_cli.causes.case import Case, Explained
from stratus_cli.kube.changes import last_change
from stratus_cli.kube.config_edits import DAY, Edit, changed_at, edits, former, names
from stratus_cli.kube.document import with_value_in
from stratus_cli.kube.evidence import log_evidence
from stratus_cli.kube.fields import as_text, quoted, read
from stratus_cli.kube.lately import edited_at
from stratus_cli.kube.pods import crash_evidence, is_live, parts
from stratus_cli.kube.references import config_map_readers
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence, Finding, Severity
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("config-value-changed", "a value in a ConfigMap was changed")

CRASHES = ("POD101", "POD106", "POD107")
TRAFFIC = "SLO"
LONGEST = 200  # characters of a value shown
FARTHEST = 4  # calls from a victim to the reader: front door, gateway, service, flag service


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per changed place of a ConfigMap that something unwell depends on."""
    accused = _accused(case)
    namespaces = {ref.namespace for ref in accused}
    readers = config_map_readers(case.graph) if accused else {}
    for item in sorted(case.graph.snap.of(ConfigMap), key=ref_of):
        if item.metadata.namespace not in namespaces or not _touched(case, item):
            continue
        reach = _reach(case, readers.get((item.metadata.namespace, item.metadata.name), []))
        victims = {ref: reach[ref] for ref in accused if ref in reach}
        if victims:
            explains = tuple(dict.fromkeys(key for ref in victims for key in accused[ref]))
            said = " ".join(line for _, _, line in _lines(case, victims))
            names_of = [ref.name for ref in victims]
            known = case.known_good.versions(item)
            for edit in edits(item, known, case.graph.snap.taken_at, names_of, said):
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
    at = edited_at(item)
    lately = at is not None and case.graph.snap.taken_at - at <= DAY
    return lately or bool(former(item, case.known_good.versions(item))[0])


def _reach(case: Case, readers: Iterable[Workload]) -> Mapping[Ref, int]:
    """Who reads it (0), who calls those (1), and so on."""
    found: dict[Ref, int] = {ref_of(workload): 0 for workload in readers}
    for reader in list(found):
        for ref, distance in case.graph.calls.upstream(reader).items():
            if distance <= FARTHEST:
                found[ref] = min(distance, found.get(ref, distance))
    return found


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
    at = changed_at(item, edit.key)
    if _was_ill_before(case, victims, at):
        return
    ref = ref_of(item)
    facts: dict[str, object] = {"namespace": ref.namespace, "config_map": ref.name}
    facts |= {"key": edit.key, "changed": str(last_change(item, f"data{quoted(edit.key)}") or "")}
    if edit.source and edit.good is not None:
        facts |= {"source": edit.source}
    if edit.good is not None and _is_one_field(item, edit):
        path = edit.key.replace("~", "~0").replace("/", "~1")
        facts |= {"path": f"/data/{path}#{edit.pointer}", "good_value": edit.good}
    if edit.good_text is not None:
        facts["good_text"] = edit.good_text
    elif edit.source and edit.good is None and not edit.pointer:
        facts["added_key"] = edit.key
    unwell = [f"{ref.kind.lower()}/{ref.name}" for ref in sorted(victims) if not victims[ref]]
    if unwell:  # they read it themselves, and a restart shows them the value at once
        facts["unwell"] = unwell
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


def _is_one_field(item: ConfigMap, edit: Edit) -> bool:
    """Whether the field alone put back is enough: then nothing but its few bytes is written.

    It is not where the whole text was written anew with the edit: that would stay as it is now.
    """
    if not edit.pointer or read(item, edit.field) is ABSENT:
        return False
    if edit.good_text is None:
        return True
    try:
        made = with_value_in(item.data[edit.key], edit.pointer, edit.good)
    except ValueError:
        return False
    return made == edit.good_text


def _expected(edit: Edit) -> str | None:
    if edit.good is None:
        return "(absent)" if edit.source else None
    return as_text(edit.good)[:LONGEST]


def _was_ill_before(case: Case, victims: Mapping[Ref, int], at: datetime | None) -> bool:
    """Whether containers of theirs crashed before the edit, and none has since."""
    ends = [
        part.last_end.finished_at
        for ref in victims
        if isinstance(workload := case.graph.snap.find(ref), Workload)
        for pod in case.graph.pods_of(workload)
        if is_live(pod)
        for part in parts(pod)
        if crash_evidence(case.graph, part) and part.last_end is not None
    ]
    known = [end for end in ends if end is not None]
    return at is not None and bool(known) and max(known) < at


def _log_evidence(case: Case, victims: Mapping[Ref, int], edit: Edit) -> Iterator[Evidence]:
    """Up to two lines that name what was changed, else the last line of the nearest victim."""
    lines = list(_lines(case, victims))
    named = [line for line in lines if names(line[2], edit.words)]
    for pod, container, text in named[:2] or lines[-1:]:
        if text.strip():
            yield log_evidence(pod, container, previous=False, line=text)
