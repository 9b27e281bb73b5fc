"""A ConfigMap, or a key of one, that pods need is not there.

How we know: pods wait for a volume or cannot create a container, they refer to a ConfigMap without
calling it optional, and it is absent. If an earlier revision referred to another ConfigMap that is
there, the reference is what is wrong, not the ConfigMap.

Known good: the ConfigMap in a recording (its values are not kept anywhere in the cluster once it is
deleted); or the reference of the earlier revision.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import absent_evidence, event_evidence, field_evidence
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.graph import config_maps_used
from stratus_cli.kube.pods import CONFIG_REASONS, mount_failure, parts
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.references import has_rolled_out, near, references
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("configmap-missing", "a ConfigMap that pods need is missing")

# kubelet: 'configmap "a" not found', "couldn't find key K in ConfigMap ns/a",
# "configmap references non-existent config key: K"
NOT_FOUND = re.compile(r'configmap "([^"]+)" not found')
NO_KEY = re.compile(r"couldn't find key (\S+) in ConfigMap (\S+)/(\S+)")
NO_ITEM = re.compile(r'volume "([^"]+)" : configmap references non-existent config key: (\S+)')


@dataclass(frozen=True, slots=True)
class Reference:
    """One owner that refers to a missing ConfigMap, and where."""

    faulty: Faulty
    field: str


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per missing ConfigMap, one per missing key, or one per wrong reference."""
    missing: dict[Ref, list[Reference]] = defaultdict(list)
    for faulty in case.faulty("POD103", "POD104"):
        said = " ".join(_words(case, pod) for pod in faulty.pods)
        for name, path, optional in config_maps_used(faulty.template):
            ref = Ref("ConfigMap", faulty.ref.namespace, name, "v1")
            if not optional and _is_absent(case, ref, said):
                missing[ref].append(Reference(faulty, faulty.prefix + path))
        yield from _missing_keys(case, faulty, said)
    for ref in sorted(missing):
        yield from _missing(case, ref, missing[ref])


def _missing(case: Case, ref: Ref, references: list[Reference]) -> Iterator[Diagnosis]:
    manifest = case.known_good.object(ref)
    renamed = [(item, good) for item in references if (good := _earlier(case, item)) is not None]
    if not renamed and len(references) == 1:
        meant = _misspelt(case, ref, references[0])
        renamed = [(references[0], meant)] if meant is not None else []
    if renamed and manifest is None:
        for item, good in renamed:
            yield _wrong_reference(case, ref, item, good)
        return
    facts: dict[str, object] = {"namespace": ref.namespace, "config_map": ref.name}
    if manifest is not None:
        facts |= {"manifest": manifest.value, "source": manifest.source}
    yield Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field="",
        observed="(absent)",
        expected=f"as in the {manifest.source}" if manifest else None,
        confidence=0.95 if case.graph.snap.was_read("ConfigMap") else 0.85,
        facts=facts,
        evidence=(absent_evidence(ref), *_evidence(case, references)),
        explains=_explains(case, references),
        check="was it deleted, or renamed in a deploy that the workload did not get?",
    )


def _wrong_reference(
    case: Case, ref: Ref, item: Reference, good: KnownGood, key: str = ""
) -> Diagnosis:
    """key: what the ConfigMap lacks; "" where it is not there at all."""
    facts = case.facts(item.faulty, item.field, config_map=ref.name, source=good.source)
    if item.faulty.workload is not None:
        raw = as_json(case.graph.snap, item.faulty.owner)
        facts["put_back"] = put_back(raw, {item.field: good.value})
    return Diagnosis(
        cause=META.id,
        title=f"a workload refers to a {'key of a ' if key else ''}ConfigMap that does not exist",
        root=item.faulty.ref,
        field=item.field,
        observed=key or ref.name,
        expected=str(good.value),
        confidence=0.85,
        facts=facts,
        evidence=(
            *case.field_evidence(item.faulty.owner, item.field),
            *([] if key else [absent_evidence(ref)]),
            *_evidence(case, [Reference(item.faulty, "")]),
        ),
        explains=_explains(case, [item]),
        check=f"was ConfigMap {ref.name} meant to be deployed with this revision?",
    )


def _missing_keys(case: Case, faulty: Faulty, said: str) -> Iterator[Diagnosis]:
    for key, namespace, name in sorted({*NO_KEY.findall(said), *_missing_items(faulty, said)}):
        ref = Ref("ConfigMap", namespace, name, "v1")
        item = case.graph.snap.find(ref)
        if not isinstance(item, ConfigMap) or key in item.data:
            continue
        good = case.known_good.config_key(ref, key)
        meant = _key_meant(case, faulty, item, key) if good is None else None
        if meant is not None:
            yield _wrong_reference(case, ref, *meant, key=key)
            continue
        facts: dict[str, object] = {"namespace": namespace, "config_map": name, "key": key}
        if good is not None:
            facts |= {"good_value": good.value, "source": good.source}
        reference = Reference(faulty, "")
        yield Diagnosis(
            cause=META.id,
            title="a key that pods need is missing in a ConfigMap",
            root=ref_of(item),
            field=f"data{quoted(key)}",
            observed="(absent)",
            expected=str(good.value) if good else None,
            confidence=0.93,
            facts=facts,
            evidence=(
                *case.field_evidence(item, f"data{quoted(key)}"),
                *_evidence(case, [reference]),
            ),
            explains=_explains(case, [reference]),
            check="was the key renamed, or lost in an edit?",
        )


def _key_meant(
    case: Case, faulty: Faulty, config: ConfigMap, key: str
) -> tuple[Reference, KnownGood] | None:
    """The place that names the key, and a key that is there and that it named before or means."""
    for item in references(faulty.template) if faulty.workload is not None else ():
        if (item.kind, item.name, item.key) != ("ConfigMap", config.metadata.name, key):
            continue
        assert faulty.workload is not None  # asked above
        field = faulty.prefix + item.key_path
        for good in case.known_good.workload_field(faulty.workload, field):
            if good.value in config.data:
                return Reference(faulty, field), good
        meant = None if has_rolled_out(faulty.workload) else near(key, config.data)
        if meant is not None:
            return Reference(faulty, field), KnownGood(meant, "a key that has nearly this name")
    return None


def _missing_items(faulty: Faulty, said: str) -> Iterator[tuple[str, str, str]]:
    """(key, namespace, ConfigMap) of volumes that pick keys which are not there."""
    sources = {volume.name: volume.config_map for volume in faulty.template.volumes}
    for name, key in NO_ITEM.findall(said):
        source = sources.get(name)
        if source is not None:
            yield key, faulty.ref.namespace, source.name


def _earlier(case: Case, item: Reference) -> KnownGood | None:
    """An earlier revision's name at this place, if that ConfigMap is there."""
    if item.faulty.workload is None:
        return None
    for good in case.known_good.workload_field(item.faulty.workload, item.field):
        name = good.value
        if isinstance(name, str) and case.graph.snap.get(
            ConfigMap, item.faulty.ref.namespace, name
        ):
            return good
    return None


def _misspelt(case: Case, ref: Ref, item: Reference) -> KnownGood | None:
    """The only ConfigMap with nearly this name, where nobody else refers to this one."""
    mine = item.faulty.workload
    if mine is None or has_rolled_out(mine):
        return None
    others = (
        workload
        for workload in case.graph.workloads_in(ref.namespace)
        if ref_of(workload) != item.faulty.ref and case.graph.controller_of(workload) is None
    )
    for workload in others:
        if any(name == ref.name for name, _, _ in config_maps_used(workload.spec.template.spec)):
            return None  # two workloads do not make the same typing error
    here = (
        config.metadata.name
        for config in case.graph.snap.of(ConfigMap)
        if config.metadata.namespace == ref.namespace
    )
    meant = near(ref.name, here)
    return KnownGood(meant, "a ConfigMap that has nearly this name") if meant else None


def _is_absent(case: Case, ref: Ref, said: str) -> bool:
    if case.graph.snap.was_read("ConfigMap"):
        return case.graph.snap.find(ref) is None
    return ref.name in NOT_FOUND.findall(said)


def _explains(case: Case, references: list[Reference]) -> tuple[tuple[str, Ref], ...]:
    keys = (key for item in references for key in case.explains(item.faulty, item.faulty.pods))
    return tuple(dict.fromkeys(keys))


def _words(case: Case, pod: Pod) -> str:
    event = mount_failure(case.graph, pod)
    waiting = (part.waiting_message for part in parts(pod) if part.waiting in CONFIG_REASONS)
    return " ".join((*waiting, event.message if event else ""))


def _evidence(case: Case, references: list[Reference]) -> Iterator[Evidence]:
    for item in references[:SHOWN_PODS]:
        if item.field:
            yield field_evidence(item.faulty.owner, item.field)
        pod = item.faulty.pods[0]
        event = mount_failure(case.graph, pod)
        if event is not None:
            yield event_evidence(pod, event)
        for part in parts(pod):
            if part.waiting in CONFIG_REASONS:
                yield field_evidence(pod, f"{part.status_path}.state.waiting.message")
