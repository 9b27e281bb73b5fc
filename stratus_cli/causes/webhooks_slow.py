"""Admission webhooks that nobody answers use up the time that a request may take.

How we know: the API server gives up a pod at its own deadline and names no webhook, while webhooks
whose failures are ignored are asked about such pods one after the other, and their time-outs add up
to most of that deadline. Where the Services of some have nobody behind them, it is those.

Known good: their time-outs in a recording or as last applied. Otherwise each may take a second:
what happens when it does not answer stays the same, since its failures are ignored anyway.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case
from stratus_cli.kube.admission import asked_about_pods, ran_out_of_time
from stratus_cli.kube.refused import nudges, refused
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Finding
from stratus_cli.model.objects_admission import MutatingWebhookConfiguration, Webhook
from stratus_cli.model.objects_admission import WebhookConfiguration as Configuration
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("webhooks-slow", "webhooks that nobody answers use up a request's time")

DEADLINE_S = 34
"""What a request may take inside the API server (requestTimeoutUpperBound, k8s.io/apiserver)."""
ENOUGH_S = DEADLINE_S * 0.75
"""Time-outs that add up to this leave too little for the rest. Our choice."""
QUICK_S = 1  # the least that the API takes

Slow = tuple[Configuration, Webhook]


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per webhook that may use up the time."""
    blocked = [
        (finding, workload)
        for finding, workload in refused(case.graph, case.findings)
        if ran_out_of_time(finding.message)
    ]
    seen: set[tuple[str, str]] = set()
    for _, workload in blocked:
        for item, webhook in _slow(case, workload):
            if (item.metadata.name, webhook.name) not in seen:
                seen.add((item.metadata.name, webhook.name))
                yield _diagnosis(case, item, webhook, blocked)


def _slow(case: Case, workload: Workload) -> tuple[Slow, ...]:
    labels = workload.spec.template.metadata.labels
    asked = [
        (item, webhook)
        for item, webhook in asked_about_pods(case.graph, workload.metadata.namespace, labels)
        if webhook.failure_policy == "Ignore"
    ]
    dead = [pair for pair in asked if _is_dead(case, pair[1])]
    found = dead or asked
    return tuple(found) if _time_s(found) >= ENOUGH_S else ()


def _time_s(found: list[Slow]) -> int:
    """Mutating ones are asked one after the other, validating ones all at once."""
    one_by_one = [
        webhook.timeout_seconds
        for item, webhook in found
        if isinstance(item, MutatingWebhookConfiguration)
    ]
    at_once = [
        webhook.timeout_seconds
        for item, webhook in found
        if not isinstance(item, MutatingWebhookConfiguration)
    ]
    return sum(one_by_one) + max(at_once, default=0)


def _is_dead(case: Case, webhook: Webhook) -> bool:
    """Its Service is missing or has nobody behind it."""
    reference = webhook.client_config.service
    if reference is None:
        return False
    service = case.graph.snap.get(Service, reference.namespace, reference.name)
    return service is None or not case.graph.ready_endpoints_of(service)


def _diagnosis(
    case: Case, item: Configuration, webhook: Webhook, blocked: list[tuple[Finding, Workload]]
) -> Diagnosis:
    field = f"webhooks[name={webhook.name}].timeoutSeconds"
    goods = [
        good
        for good in case.known_good.object_field(item, field)
        if isinstance(good.value, int) and good.value < webhook.timeout_seconds
    ]
    wanted = goods[0].value if goods else QUICK_S
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(item),
        field=field,
        observed=str(webhook.timeout_seconds),
        expected=str(wanted),
        confidence=0.9 if _is_dead(case, webhook) or goods else 0.75,
        facts={
            "configuration_kind": item.KIND.lower(),
            "configuration": item.metadata.name,
            "webhook": webhook.name,
            "good_timeout": wanted,
            "source": goods[0].source if goods else "the least that the API takes",
            "namespace": blocked[0][1].metadata.namespace,
            **nudges(case.graph, [workload for _, workload in blocked]),
            **case.changed(item, field),
        },
        evidence=(
            *case.field_evidence(item, field),
            *case.field_evidence(item, f"webhooks[name={webhook.name}].failurePolicy"),
            *(piece for finding, _ in blocked[:SHOWN_PODS] for piece in finding.evidence),
        ),
        explains=case.present(
            key
            for finding, workload in blocked
            for key in (finding.key, *case.consequences(workload))
        ),
        check="how long does a dry run of a pod take, and with which of the webhooks?",
    )
