"""A store or another service refuses its callers: their credentials, their rights, or plain text.

How we know: the callers' logs say so, they started after the Secret that they read was written, and
neither they nor what they call was changed lately. Then it was changed inside what they call (a
user, a role, a password, a TLS mode), which Kubernetes does not show; or, where the Secret is the
younger one, what was written into it is wrong.

Known good: none. What is inside a store, and a Secret's values, are not put back by Stratus.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from stratus_cli.causes.case import Case, Explained
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.lately import edited_at
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import AUTH_FAILED, TLS
from stratus_cli.kube.stale import readings, stale, written_at
from stratus_cli.kube.victims import hurt
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import Secret
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("credentials-refused", "a service that is called refuses its callers")

DAY = timedelta(hours=24)  # DESIGN.md, Health: what is older has been lived with
SHOWN = 2
_WORDS = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Refused:
    """A workload whose log says that it is refused, and what is found on it."""

    workload: Workload
    facts: tuple[LogFact, ...]
    explains: Explained


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Secret with a new value that is refused, else one per service that refuses."""
    by_callee: dict[Ref, list[Refused]] = {}
    for item in _refused(case):
        if any(isinstance(it.config, Secret) for it in stale(case.graph, item.workload)):
            continue  # the old value is refused, as it should be
        found = _new_secret(case, item.workload)
        if found is not None:
            yield _wrong_secret(case, item, *found)
            continue
        callee = _callee(case, item)
        if callee is not None:
            by_callee.setdefault(callee, []).append(item)
    for ref in sorted(by_callee):
        yield _refusing(case, ref, by_callee[ref])


def _refused(case: Case) -> Iterator[Refused]:
    for workload in sorted(case.graph.workloads, key=ref_of):
        pods = [ref_of(pod) for pod in case.graph.new_pods_of(workload)]
        facts = facts_of_pods(case.graph.snap, pods, AUTH_FAILED, TLS)
        explains = hurt(case.graph, case.findings, [workload]) if facts else ()
        if explains:
            yield Refused(workload, facts, explains)


def _new_secret(case: Case, workload: Workload) -> tuple[Secret, str] | None:
    """A Secret that it reads when it starts and that was written lately after it was made."""
    for reading in readings(workload.spec.template.spec):
        secret = case.graph.snap.get(reading.kind, workload.metadata.namespace, reading.name)
        edited = edited_at(secret) if isinstance(secret, Secret) else None
        if not isinstance(secret, Secret) or edited is None:
            continue
        at = written_at(secret, reading.key)
        if at == edited and case.graph.snap.taken_at - edited <= DAY:
            return secret, reading.key
    return None


def _callee(case: Case, item: Refused) -> Ref | None:
    """Who refuses: the address in the log, else what several refused callers share or the only one.

    None where what is called was changed lately: then that change is what to look at.
    """
    callees = [
        ref for ref in case.graph.calls.callees(ref_of(item.workload)) if ref.kind != "Service"
    ]
    named = [ref for ref in callees if any(_is_named(case, ref, fact) for fact in item.facts)]
    speaking = [ref for ref in callees if _says_so(case, ref)]
    chosen = named or speaking or (callees if len(callees) == 1 else [])
    if len(chosen) != 1:
        return None
    store = case.graph.snap.find(chosen[0])
    at = edited_at(store) if store is not None else None
    lately = at is not None and case.graph.snap.taken_at - at <= DAY
    return None if store is None or lately else chosen[0]


def _is_named(case: Case, ref: Ref, fact: LogFact) -> bool:
    """Whether the line names the workload's Service."""
    store = case.graph.snap.find(ref)
    services: Sequence[Service] = (
        case.graph.services_of(store) if isinstance(store, Workload) else ()
    )
    words = (
        fact.line.replace(":", " ").replace("/", " ").replace("@", " ").replace('"', " ").split()
    )
    hosts = {word.partition(".")[0].strip("',;()[]") for word in words}
    return any(service.metadata.name in hosts for service in services)


def _says_so(case: Case, ref: Ref) -> bool:
    """Whether it logs refusals itself."""
    store = case.graph.snap.find(ref)
    pods = case.graph.pods_of(store) if isinstance(store, Workload) else ()
    return bool(facts_of_pods(case.graph.snap, map(ref_of, pods), AUTH_FAILED, TLS))


def _wrong_secret(case: Case, item: Refused, secret: Secret, key: str) -> Diagnosis:
    ref, at = ref_of(secret), written_at(secret, key)
    return Diagnosis(
        cause=META.id,
        title="what was written into a Secret is refused",
        root=ref,
        field=f"data{quoted(key)}" if key else "data",
        observed=f"written at {at:%Y-%m-%d %H:%M:%S}Z, and refused" if at else "refused",
        expected=None,
        confidence=0.7,
        facts={"namespace": ref.namespace, "service": item.workload.metadata.name},
        evidence=(
            Evidence("object", ref, "metadata.name", ref.name, at),
            *(fact.evidence for fact in item.facts[:SHOWN]),
        ),
        explains=item.explains,
        check=f"does the store accept what is in Secret {ref.name} now, or its former value?",
    )


def _refusing(case: Case, ref: Ref, callers: list[Refused]) -> Diagnosis:
    facts = [fact for item in callers for fact in item.facts]
    kinds = Counter(fact.kind for fact in facts)
    is_tls = kinds.most_common(1)[0][0] == TLS
    store = case.graph.snap.find(ref)
    assert store is not None  # found when it was chosen
    names = ", ".join(sorted(item.workload.metadata.name for item in callers))
    return Diagnosis(
        cause=META.id,
        title="a service wants TLS, and its callers speak plain text" if is_tls else META.title,
        root=ref,
        field="",
        observed=f"refuses {names}: {facts[0].line.strip()[:200]}",
        expected=None,
        confidence=0.65 if len(callers) == 1 else 0.75,
        facts={"namespace": ref.namespace, "service": ref.name},
        evidence=(
            field_evidence(store, "metadata.name"),
            *(fact.evidence for fact in facts[:SHOWN]),
        ),
        explains=tuple(dict.fromkeys(key for item in callers for key in item.explains)),
        check=f"log in to {ref.name} with the credentials of {names}, by hand",
    )
