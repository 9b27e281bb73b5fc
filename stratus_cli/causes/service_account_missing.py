"""The ServiceAccount that pods run as is not there, so the API server refuses them.

How we know: the API server names the account when it refuses a pod, and it is absent. If an earlier
revision of the workload ran as another account that is there, the reference is what is wrong.

Known good: the earlier revision's account; the account in a recording. Otherwise one of that name
without anything in it: what it may do is in the bindings that name it, and they are still there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.admission import missing_account
from stratus_cli.kube.evidence import absent_evidence
from stratus_cli.kube.rbac import named_by
from stratus_cli.kube.refused import nudges, refused
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_rbac import ServiceAccount
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("service-account-missing", "the ServiceAccount that pods run as is missing")
FIELD = "spec.template.spec.serviceAccountName"

Blocked = list[tuple[Finding, Workload]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per missing account, or one per workload that refers to a wrong one."""
    blocked: dict[Ref, Blocked] = defaultdict(list)
    for finding, workload in refused(case.graph, case.findings):
        account = missing_account(finding.message)
        if account is None:
            continue
        ref = Ref("ServiceAccount", account[0], account[1], "v1")
        if case.graph.snap.was_read("ServiceAccount") and case.graph.snap.find(ref) is not None:
            continue  # it is back, and the controller has not tried again yet
        good = _earlier(case, workload)
        if good is not None:
            yield _wrong_reference(case, ref, finding, workload, good)
        else:
            blocked[ref].append((finding, workload))
    for ref in sorted(blocked):
        yield _missing(case, ref, blocked[ref])


def _missing(case: Case, ref: Ref, blocked: Blocked) -> Diagnosis:
    recorded = case.known_good.object(ref)
    bound = named_by(case.graph, ref.namespace, ref.name)
    meta = {"name": ref.name, "namespace": ref.namespace}
    manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    source = "a ServiceAccount without anything of its own"
    if bound:
        source = f"{bound[0].KIND} {bound[0].metadata.name} still names it"
    facts = {
        "namespace": ref.namespace,
        "account": ref.name,
        "manifest": recorded.value if recorded else manifest,
        "source": recorded.source if recorded else source,
        **nudges(case.graph, [workload for _, workload in blocked]),
    }
    known = case.graph.snap.was_read("ServiceAccount")
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field="",
        observed="(absent)",
        expected=f"as in the {recorded.source}" if recorded else f"a ServiceAccount {ref.name}",
        confidence=0.95 if known else 0.85,
        facts=facts,
        evidence=(
            *((absent_evidence(ref),) if known else ()),
            *(piece for finding, _ in blocked[:SHOWN_PODS] for piece in finding.evidence),
        ),
        explains=_explains(case, blocked),
        check="was the account deleted, or renamed in a deploy that the workload did not get?",
    )


def _wrong_reference(
    case: Case, ref: Ref, finding: Finding, workload: Workload, good: KnownGood
) -> Diagnosis:
    facts: dict[str, object] = {
        "namespace": ref.namespace,
        "kind": workload.KIND.lower(),
        "workload": workload.metadata.name,
        "account": ref.name,
        "good_account": good.value,
        "source": good.source,
    }
    return Diagnosis(
        cause=META.id,
        title="a workload runs as a ServiceAccount that does not exist",
        root=ref_of(workload),
        field=FIELD,
        observed=ref.name,
        expected=str(good.value),
        confidence=0.93,
        facts=facts | case.changed(workload, FIELD),
        evidence=(*case.field_evidence(workload, FIELD), *finding.evidence),
        explains=_explains(case, [(finding, workload)]),
        check=f"was ServiceAccount {ref.name} meant to be deployed with this revision?",
    )


def _earlier(case: Case, workload: Workload) -> KnownGood | None:
    """The account of an earlier revision that is there. None: "default" is what was meant."""
    for good in case.known_good.workload_field(workload, FIELD):
        name = "default" if good.value is None else good.value
        space = workload.metadata.namespace
        if isinstance(name, str) and case.graph.snap.get(ServiceAccount, space, name) is not None:
            return KnownGood(name, good.source, good.age_s)
    return None


def _explains(case: Case, blocked: Blocked) -> tuple[tuple[str, Ref], ...]:
    return case.present(
        key for finding, workload in blocked for key in (finding.key, *case.consequences(workload))
    )
