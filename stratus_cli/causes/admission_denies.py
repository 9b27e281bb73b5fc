"""An admission policy or webhook that came later denies the pods that workloads used to have.

How we know: the API server names the policy's binding, or the webhook, that denied a pod, and it is
newer than the pod template. Where the template is younger, the template is what does not fit, and
this cause is silent.

Known good: none of it was there when the template was made. A binding is made to audit in place of
denying; a webhook leaves the namespace out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.admission import denied_by, is_asked, leaving_out, webhooks_named
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.refused import nudges, refused
from stratus_cli.kube.timeline import changed_at, template_changed_at
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_admission import ValidatingAdmissionPolicyBinding
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("admission-denies", "an admission policy that came later denies the pods")
ACTIONS = "spec.validationActions"
AUDIT = ["Audit"]

Blocked = list[tuple[Finding, Workload]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per binding or webhook."""
    blocked: dict[tuple[Ref, str], Blocked] = defaultdict(list)
    items: dict[Ref, KubeObject] = {}
    for finding, workload in refused(case.graph, case.findings):
        for item, field in _deniers(case, workload, finding.message):
            at, made = changed_at(item, field), template_changed_at(case.graph, workload)
            if at is not None and made is not None and at > made:
                items[ref_of(item)] = item
                blocked[(ref_of(item), field)].append((finding, workload))
    for ref, field in sorted(blocked):
        yield _diagnosis(case, items[ref], field, blocked[(ref, field)])


def _deniers(case: Case, workload: Workload, message: str) -> Iterator[tuple[KubeObject, str]]:
    """(what denied, the field of it that does)."""
    kind, name = denied_by(message)
    if kind == "binding":
        item = case.graph.snap.get(ValidatingAdmissionPolicyBinding, "", name)
        if item is not None:
            yield item, ACTIONS
    elif kind == "webhook":
        space, labels = workload.metadata.namespace, workload.spec.template.metadata.labels
        for configuration, webhook in webhooks_named(case.graph, name):
            if is_asked(case.graph, configuration, webhook, space, labels):
                yield configuration, f"webhooks[name={webhook.name}]"


def _diagnosis(case: Case, item: KubeObject, field: str, blocked: Blocked) -> Diagnosis:
    space = blocked[0][1].metadata.namespace
    now = as_json(case.graph.snap, item)
    is_binding = isinstance(item, ValidatingAdmissionPolicyBinding)
    values = {ACTIONS: AUDIT} if is_binding else leaving_out(now, field, space)
    facts: dict[str, object] = {
        "denier": f"{item.KIND.lower()}/{item.metadata.name}",
        "namespace": space,
        "audit" if is_binding else "left_out": put_back(now, values),
        "source": "it is newer than the pod templates that it denies",
        **nudges(case.graph, [workload for _, workload in blocked]),
    }
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(item),
        field=field,
        observed=blocked[0][0].message,
        expected="audit in place of denying" if is_binding else f"without namespace {space}",
        confidence=0.93,
        facts=facts | case.changed(item, field),
        evidence=(
            *case.field_evidence(item, field if is_binding else f"{field}.rules"),
            *(piece for finding, _ in blocked[:SHOWN_PODS] for piece in finding.evidence),
        ),
        explains=case.present(
            key
            for finding, workload in blocked
            for key in (finding.key, *case.consequences(workload))
        ),
        check="was the policy meant for these workloads? then their templates have to meet it",
    )
