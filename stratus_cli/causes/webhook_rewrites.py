"""A mutating admission webhook changes what the pod template asks for, and the pods then fail.

How we know: failing pods differ from their own ReplicaSet's template, and a mutating webhook is
asked about pods of that namespace. Of several it is the one that came between the last pod that is
as it should be and the first that is not, or whose name and path say that it sets such fields.

Known good: the webhook's configuration in a recording or as last applied. Otherwise the namespace
is left out of it; one that is newer than the workload may be taken away.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.admission import leaving_out
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.pods import is_live, is_ready
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.refused import is_newer
from stratus_cli.kube.rewritten import Rewrite, came_later, fits_failure, rewrites, suspects
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Severity
from stratus_cli.model.objects_admission import MutatingWebhookConfiguration, Webhook
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("webhook-rewrites", "a mutating webhook changes what the pod template asks for")
SHOWS_IN = ("POD101", "POD103", "POD106", "POD107", "POD108", "POD102", "POD105")
UNCLEAR = 0.25  # a rival, no root


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload and webhook that may have done it."""
    for finding in case.of_rule("CTL803"):
        workload = case.graph.snap.find(finding.ref)
        if finding.severity < Severity.DEGRADED or not isinstance(workload, Workload):
            continue
        pods = tuple(
            pod
            for pod in sorted(case.graph.pods_of(workload), key=lambda item: item.metadata.name)
            if is_live(pod) and rewrites(case.graph, pod)
        )
        changes = rewrites(case.graph, pods[0]) if pods else ()
        if not changes:
            continue
        found = suspects(case.graph, pods, changes[0])
        for item, webhook in found:
            yield _diagnosis(case, workload, pods, changes, (item, webhook), len(found))


def _diagnosis(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    changes: tuple[Rewrite, ...],
    suspect: tuple[MutatingWebhookConfiguration, Webhook],
    rivals: int,
) -> Diagnosis:
    item, webhook = suspect
    field = f"webhooks[name={webhook.name}]"
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(item),
        field=field,
        observed="; ".join(f"{one.path} becomes {one.found}" for one in changes),
        expected="; ".join(f"{one.path} {one.wanted}, as in the template" for one in changes),
        # Of several that nothing tells apart none is named: each is another's safeguard.
        confidence=_confidence(case, pods, changes, item) if rivals == 1 else UNCLEAR,
        facts=_facts(case, workload, pods, item, webhook) | case.changed(item, field),
        evidence=(
            *case.field_evidence(item, f"{field}.rules"),
            *(field_evidence(pods[0], f"spec.{one.path}") for one in changes[:SHOWN_PODS]),
        ),
        explains=case.present(
            [
                ("CTL803", ref_of(workload)),
                *((code, ref_of(pod)) for pod in pods for code in SHOWS_IN),
                *case.consequences(workload),
            ]
        ),
        check="kubectl create --dry-run=server -f POD -o yaml, with and without this webhook",
    )


def _confidence(
    case: Case,
    pods: tuple[Pod, ...],
    changes: tuple[Rewrite, ...],
    item: MutatingWebhookConfiguration,
) -> float:
    """A webhook that was always there is blamed only for what such a change does to pods."""
    if came_later(case.graph, pods, item):
        return 0.97
    return 0.9 if any(fits_failure(change, pods) for change in changes) else 0.4


def _facts(
    case: Case,
    workload: Workload,
    pods: tuple[Pod, ...],
    item: MutatingWebhookConfiguration,
    webhook: Webhook,
) -> dict[str, object]:
    now = as_json(case.graph.snap, item)
    space = workload.metadata.namespace
    facts: dict[str, object] = {
        "namespace": space,
        "configuration": item.metadata.name,
        "webhook": webhook.name,
        "bad_pods": [f"pod/{pod.metadata.name}" for pod in pods if not is_ready(pod)],
    }
    if not facts["bad_pods"]:
        facts["bad_pods"] = [f"pod/{pod.metadata.name}" for pod in pods]
    path = f"webhooks[name={webhook.name}]"
    for good in case.known_good.object_field(item, path):
        if isinstance(good.value, dict) and good.value:
            facts |= {"put_back": put_back(now, {path: good.value}), "source": good.source}
            break
    facts["left_out"] = put_back(now, leaving_out(now, path, space))
    if is_newer(item, [workload]):
        facts["newer_configuration"] = item.metadata.name
    facts.setdefault("source", "the pod template")
    return facts
