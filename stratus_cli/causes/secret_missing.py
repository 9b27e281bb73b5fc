"""A Secret, or a key of one, that pods need is not there.

How we know: pods wait for a volume or cannot create a container, they refer to a Secret without
calling it optional, and it is absent or has no such key. Where an earlier revision referred to
another one that is there, or the template never ran, exactly one has nearly that name and nobody
else refers to this one, the reference is what is wrong, not the Secret.

Known good: the reference of an earlier revision, a recording, or what was last applied; else the
name that was meant. A Secret itself is not made again: its values are kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import absent_evidence, event_evidence, field_evidence
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.pods import CONFIG_REASONS, mount_failure, parts
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.references import Reference, has_rolled_out, keys_of, near, references
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import Secret
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("secret-missing", "a Secret that pods need is missing")

# kubelet: 'secret "a" not found', "couldn't find key K in Secret ns/a",
# "references non-existent secret key: K"
NOT_FOUND = re.compile(r'secret "([^"]+)" not found')
NO_KEY = re.compile(r"couldn't find key (\S+) in Secret (\S+)/(\S+)")
NO_ITEM = re.compile(r'volume "([^"]+)" : references non-existent secret key: (\S+)')


@dataclass(frozen=True)
class Wrong:
    """What a reference should say, who says so, and how sure that is."""

    path: str
    value: str
    source: str
    sure: float


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per owner and reference, else one per absent Secret or key."""
    absent: dict[tuple[Ref, str], list[tuple[Faulty, Reference]]] = {}
    for faulty in case.faulty("POD103", "POD104"):
        said = " ".join(_words(case, pod) for pod in faulty.pods)
        for item in references(faulty.template):
            if item.kind != "Secret" or item.optional:
                continue
            ref = Ref("Secret", faulty.ref.namespace, item.name, "v1")
            key = _missing_key(case, faulty, ref, item, said)
            if key is None and item.name not in NOT_FOUND.findall(said):
                continue
            wrong = _wrong(case, faulty, item, key)
            if wrong is not None:
                yield _of_reference(case, faulty, item, ref, wrong)
            else:
                absent.setdefault((ref, key or ""), []).append((faulty, item))
    for (ref, key), found in sorted(absent.items(), key=lambda pair: pair[0]):
        yield _of_secret(case, ref, key, found)


def _missing_key(case: Case, faulty: Faulty, ref: Ref, item: Reference, said: str) -> str | None:
    """The key that the Secret lacks, by kubelet's own words; None when it is not about a key."""
    for key, namespace, name in NO_KEY.findall(said):
        if (namespace, name) == (ref.namespace, ref.name) and key == item.key:
            return str(key)
    for volume, key in NO_ITEM.findall(said):
        if item.path == f"volumes[name={volume}].secret.secretName":
            return str(key)
    return None


def _wrong(case: Case, faulty: Faulty, item: Reference, key: str | None) -> Wrong | None:
    """The reference that was meant, where something says so."""
    path = item.key_path if key is not None else item.path
    secrets = {
        secret.metadata.name: secret
        for secret in case.graph.snap.of(Secret)
        if secret.metadata.namespace == faulty.ref.namespace
    }
    held = secrets.get(item.name)
    known = keys_of(held) if key is not None and held is not None else frozenset(secrets)
    if not path:
        return None
    if faulty.workload is not None:
        for good in case.known_good.workload_field(faulty.workload, faulty.prefix + path):
            if good.value in known:
                return Wrong(faulty.prefix + path, str(good.value), good.source, 0.94)
    if faulty.workload is None or has_rolled_out(faulty.workload):
        return None
    meant = near(key if key is not None else item.name, known)
    if meant is None or (key is None and _is_used_elsewhere(case, faulty, item.name)):
        return None
    what = f"a key of Secret {item.name}" if key is not None else "a Secret"
    return Wrong(faulty.prefix + path, meant, f"{what} that has nearly this name", 0.85)


def _is_used_elsewhere(case: Case, faulty: Faulty, name: str) -> bool:
    """Two workloads do not make the same typing error."""
    return any(
        item.kind == "Secret" and item.name == name
        for workload in case.graph.workloads_in(faulty.ref.namespace)
        if ref_of(workload) != faulty.ref and case.graph.controller_of(workload) is None
        for item in references(workload.spec.template.spec)
    )


def _of_reference(case: Case, faulty: Faulty, item: Reference, ref: Ref, wrong: Wrong) -> Diagnosis:
    facts = case.facts(faulty, wrong.path, secret=ref.name, source=wrong.source)
    if faulty.workload is not None:
        raw = as_json(case.graph.snap, faulty.owner)
        facts["put_back"] = put_back(raw, {wrong.path: wrong.value})
    return Diagnosis(
        cause=META.id,
        title="a workload refers to a Secret, or a key of one, that does not exist",
        root=faulty.ref,
        field=wrong.path,
        observed=item.key if wrong.path.endswith(".key") else item.name,
        expected=wrong.value,
        confidence=wrong.sure,
        facts=facts,
        evidence=(
            *case.field_evidence(faulty.owner, wrong.path),
            *_evidence(case, faulty),
        ),
        explains=case.explains(faulty, faulty.pods),
        check=f"was Secret {ref.name} meant to be deployed with this revision?",
    )


def _of_secret(case: Case, ref: Ref, key: str, found: list[tuple[Faulty, Reference]]) -> Diagnosis:
    keys = (key for faulty, _ in found for key in case.explains(faulty, faulty.pods))
    explains = tuple(dict.fromkeys(keys))
    secret = case.graph.snap.find(ref)
    return Diagnosis(
        cause=META.id,
        title="a key that pods need is missing in a Secret" if key else META.title,
        root=ref_of(secret) if secret is not None else ref,
        field=f"data{quoted(key)}" if key else "",
        observed="(absent)",
        expected=None,
        confidence=0.9,
        facts={"namespace": ref.namespace, "secret": ref.name, **({"key": key} if key else {})},
        evidence=(
            *([] if secret is not None else [absent_evidence(ref)]),
            *(piece for faulty, _ in found[:SHOWN_PODS] for piece in _evidence(case, faulty)),
        ),
        explains=explains,
        check="was it deleted, renamed, or never made in this namespace?",
    )


def _words(case: Case, pod: Pod) -> str:
    event = mount_failure(case.graph, pod)
    waiting = (part.waiting_message for part in parts(pod) if part.waiting in CONFIG_REASONS)
    return " ".join((*waiting, event.message if event else ""))


def _evidence(case: Case, faulty: Faulty) -> Iterator[Evidence]:
    pod = faulty.pods[0]
    event = mount_failure(case.graph, pod)
    if event is not None:
        yield event_evidence(pod, event)
    for part in parts(pod):
        if part.waiting in CONFIG_REASONS:
            yield field_evidence(pod, f"{part.status_path}.state.waiting.message")
