"""An admission webhook cannot be called, and its failure policy then refuses the pods.

How we know: the API server names the webhook when it refuses a pod, and says how the call ended.
One webhook is one root, however many workloads it blocks. Where the pods behind its Service are
what fails, they are the root and not the webhook.

Known good: the Service, certificate authority or policy of a recording or as last applied; another
webhook of the same Service that has another certificate authority. Otherwise the pods are let
through without it: for a configuration that is newer than all it blocks, that is what was before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.admission import (
    WebhookFailure,
    configurations,
    is_asked,
    webhook_failure,
    webhook_host,
    webhooks_named,
)
from stratus_cli.kube.evidence import absent_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.refused import is_newer, nudges, refused
from stratus_cli.model.change import ABSENT
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence, Finding
from stratus_cli.model.objects_admission import Webhook, WebhookConfiguration
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("webhook-fails", "an admission webhook cannot be called and refuses the pods")

FIELDS = {
    "service-missing": "clientConfig.service",
    "no-endpoints": "clientConfig.service",
    "certificate": "clientConfig.caBundle",
    "timeout": "clientConfig.service",
    "refused": "clientConfig.service",
    "path": "clientConfig.service.path",
    "name": "clientConfig.url",
}
"""What of a webhook is wrong, by how its call ended; else its failurePolicy."""

Blocked = list[tuple[Finding, Workload, WebhookFailure]]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per webhook."""
    blocked: dict[str, Blocked] = defaultdict(list)
    for finding, workload in refused(case.graph, case.findings):
        failure = webhook_failure(finding.message)
        if failure is not None:
            blocked[failure.webhook].append((finding, workload, failure))
    for name in sorted(blocked):
        for item, webhook in webhooks_named(case.graph, name):
            if webhook.failure_policy != "Fail":
                continue
            own = [one for one in blocked[name] if _is_meant(case, item, webhook, one)]
            if own and not _is_the_pods_fault(case, webhook, own[0][2]):
                yield _diagnosis(case, item, webhook, own)


def _is_meant(
    case: Case,
    item: WebhookConfiguration,
    webhook: Webhook,
    one: tuple[Finding, Workload, WebhookFailure],
) -> bool:
    """Whether this one was called: another configuration may have a webhook of the same name."""
    _, workload, failure = one
    host = webhook_host(webhook)
    if failure.host and host and failure.host != host:
        return False
    labels = workload.spec.template.metadata.labels
    return is_asked(case.graph, item, webhook, workload.metadata.namespace, labels)


def _diagnosis(
    case: Case, item: WebhookConfiguration, webhook: Webhook, blocked: Blocked
) -> Diagnosis:
    failure = blocked[0][2]
    prefix = f"webhooks[name={webhook.name}]"
    field = f"{prefix}.{_field(webhook, failure)}"
    facts = _facts(case, item, webhook, blocked)
    _add_good(case, item, webhook, failure, facts)
    newer = is_newer(item, [workload for _, workload, _ in blocked])
    if newer:
        facts["newer_configuration"] = item.metadata.name
    observed = read(item, field)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(item),
        field=field,
        observed=f"{_short(as_text(observed))}: {_short(failure.detail)}",
        expected=_expected(facts),
        confidence=0.95 if failure.why != "unknown" else 0.85,
        facts=facts | case.changed(item, field),
        evidence=(
            *case.field_evidence(item, f"{prefix}.failurePolicy"),
            *_service_evidence(case, webhook, failure),
            *(piece for finding, _, _ in blocked[:SHOWN_PODS] for piece in finding.evidence),
        ),
        explains=case.present(
            key
            for finding, workload, _ in blocked
            for key in (finding.key, *case.consequences(workload))
        ),
        check="does the webhook's Service exist, has it endpoints, and who signed its certificate?",
    )


def _field(webhook: Webhook, failure: WebhookFailure) -> str:
    field = FIELDS.get(failure.why, "failurePolicy")
    if webhook.client_config.url and field.startswith("clientConfig.service"):
        return "clientConfig.url"
    return field


def _facts(
    case: Case, item: WebhookConfiguration, webhook: Webhook, blocked: Blocked
) -> dict[str, object]:
    return {
        "configuration_kind": item.KIND.lower(),
        "configuration": item.metadata.name,
        "webhook": webhook.name,
        "namespace": blocked[0][1].metadata.namespace,
        "ignore_policy": "Ignore",
        **nudges(case.graph, [workload for _, workload, _ in blocked]),
    }


def _add_good(
    case: Case,
    item: WebhookConfiguration,
    webhook: Webhook,
    failure: WebhookFailure,
    facts: dict[str, object],
) -> None:
    """What once worked for this way of failing, where something says so."""
    path = f"webhooks[name={webhook.name}].clientConfig"
    for good in case.known_good.object_field(item, f"{path}.service"):
        if isinstance(good.value, dict) and _service_exists(case, good.value):
            facts |= {"good_service": good.value, "source": good.source}
            return
    for good in case.known_good.object_field(item, f"webhooks[name={webhook.name}].failurePolicy"):
        if good.value == "Ignore":
            facts["source"] = good.source
    if failure.why != "certificate":
        return
    for good in case.known_good.object_field(item, f"{path}.caBundle"):
        if isinstance(good.value, str):
            facts |= {"good_ca_bundle": good.value, "source": good.source}
            return
    sibling = _sibling_bundle(case, webhook)
    if sibling is not None:
        facts |= {"good_ca_bundle": sibling[0], "source": sibling[1]}


def _sibling_bundle(case: Case, webhook: Webhook) -> tuple[str, str] | None:
    """The certificate authority of the other webhooks of the same Service, if they agree."""
    mine = webhook.client_config
    if mine.service is None:
        return None
    others = {
        other.client_config.ca_bundle: item.metadata.name
        for item in configurations(case.graph)
        for other in item.webhooks
        if other.client_config.service is not None
        and other.client_config.service.name == mine.service.name
        and other.client_config.service.namespace == mine.service.namespace
        and other.client_config.ca_bundle not in ("", mine.ca_bundle)
    }
    if len(others) != 1:
        return None
    bundle, name = next(iter(others.items()))
    return bundle, f"webhook configuration {name} of the same Service"


def _service_exists(case: Case, service: dict[str, object]) -> bool:
    ref = Ref("Service", str(service.get("namespace", "")), str(service.get("name", "")), "v1")
    return case.graph.snap.find(ref) is not None


def _is_the_pods_fault(case: Case, webhook: Webhook, failure: WebhookFailure) -> bool:
    """The call reached its Service, nothing behind that serves, and a finding says so."""
    service = _service_of(case, webhook)
    if service is None or failure.why in ("certificate", "path", "name"):
        return False
    return bool(case.present([("SVC301", ref_of(service)), ("SVC302", ref_of(service))]))


def _service_of(case: Case, webhook: Webhook) -> Service | None:
    reference = webhook.client_config.service
    if reference is None:
        return None
    return case.graph.snap.get(Service, reference.namespace, reference.name)


def _service_evidence(
    case: Case, webhook: Webhook, failure: WebhookFailure
) -> tuple[Evidence, ...]:
    reference = webhook.client_config.service
    if reference is None or failure.why != "service-missing" or _service_of(case, webhook):
        return ()
    if not case.graph.snap.was_read("Service"):
        return ()
    return (absent_evidence(Ref("Service", reference.namespace, reference.name, "v1")),)


def _expected(facts: dict[str, object]) -> str:
    if "good_service" in facts:
        return as_text(facts["good_service"])
    if "good_ca_bundle" in facts:
        return f"the certificate authority of the {facts['source']}"
    if "newer_configuration" in facts:
        return "no such webhook, as when the workloads were made"
    return "a webhook that answers, or failurePolicy Ignore"


def _short(text: str, most: int = 160) -> str:
    text = "(absent)" if text == as_text(ABSENT) else text
    return text if len(text) <= most else f"{text[:most]}…"
