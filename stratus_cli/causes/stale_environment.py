"""A Secret or ConfigMap was changed, and running containers still have its old value.

How we know: the key is read by env or subPath, it was written after the containers started, and
they fail since: surest when their log says that their credentials are refused.

Known good: nothing needs to be put back. New containers read the present value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import AUTH_FAILED
from stratus_cli.kube.pods import parts
from stratus_cli.kube.stale import Stale, stale
from stratus_cli.kube.victims import hurt
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import Secret
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("stale-environment", "containers run with a value that was changed since")

PREFIX = "spec.template.spec."


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload, about the place of which its log speaks, else the one changed last."""
    for finding in case.of_rule("BAT951"):
        workload = case.graph.snap.find(finding.ref)
        if not isinstance(workload, Workload):
            continue
        explains = hurt(case.graph, case.findings, [workload])
        if not explains:
            continue
        found = list(stale(case.graph, workload))
        refused = {id(item): _refused(case, item) for item in found}
        best = max(found, key=lambda item: (bool(refused[id(item)]), item.at), default=None)
        if best is not None:
            yield _diagnosis(case, best, refused[id(best)], (*explains, *_follows(case, workload)))


def _follows(case: Case, workload: Workload) -> tuple[Any, ...]:
    return case.consequences(workload)


def _refused(case: Case, item: Stale) -> tuple[LogFact, ...]:
    if not isinstance(item.config, Secret):
        return ()
    facts = facts_of_pods(case.graph.snap, (ref_of(pod) for pod in item.pods), AUTH_FAILED)
    return tuple(fact for fact in facts if fact.last is None or fact.last >= item.at)


def _diagnosis(
    case: Case, item: Stale, refused: tuple[LogFact, ...], explains: tuple[Any, ...]
) -> Diagnosis:
    ref, config = ref_of(item.workload), ref_of(item.config)
    field = PREFIX + item.reading.path
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=field,
        observed=f"{config.kind} {config.name} as it was before {item.at:%Y-%m-%d %H:%M:%S}Z",
        expected="its present value, in new containers",
        # A Secret's manager may have touched something else; the log decides.
        confidence=0.93 if refused else 0.4,
        facts={
            "namespace": ref.namespace,
            "kind": ref.kind.lower(),
            "workload": ref.name,
            "config": f"{config.kind} {config.name}",
        },
        evidence=(
            *_started(item),
            Evidence("object", config, "metadata.name", config.name, item.at),
            *(fact.evidence for fact in refused[:2]),
        ),
        explains=tuple(dict.fromkeys(explains)),
        check=f"start one new pod of {ref.name}: does it work with the present value?",
    )


def _started(item: Stale) -> Iterator[Evidence]:
    for pod in item.pods[:2]:
        for part in parts(pod):
            if part.status.name == item.reading.container:
                yield field_evidence(pod, f"{part.status_path}.state.running.startedAt")
