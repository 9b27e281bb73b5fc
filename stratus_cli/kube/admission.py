"""Why admission refuses objects: what the API server says, and which webhooks it asks.

Pure. Messages are the API server's own (k8s.io/apiserver, admission); what does not read like one
of them is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_cli.kube.fields import read
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.selectors import matches
from stratus_cli.model.objects import Namespace
from stratus_cli.model.objects_admission import (
    MutatingWebhookConfiguration,
    RuleWithOperations,
    ValidatingWebhookConfiguration,
    Webhook,
    WebhookConfiguration,
)

NAME_LABEL = "kubernetes.io/metadata.name"  # on every namespace

# webhook/errors: 'failed calling webhook "a.b.c": failed to call webhook: Post "https://...": WHY'
_FAILED = re.compile(r'failed calling webhook "([^"]+)":\s*(.*)', re.DOTALL)
_HOST = re.compile(r'https?://([^/:"?]{1,253})')
_TIMED_OUT = re.compile(
    r"request did not complete within requested timeout|Timeout: request did not complete"
)
# pod-security-admission: 'violates PodSecurity "restricted:latest": REASONS'
_SECURITY = re.compile(r'violates PodSecurity "([a-z]+):([^"]+)":?\s*(.*)', re.DOTALL)
# webhook/errors: 'admission webhook "a.b.c" denied the request: WHY'
_DENIED = re.compile(r'admission webhook "([^"]+)" denied the request')
# policy/validating: "ValidatingAdmissionPolicy 'P' with binding 'B' denied request: WHY"
_POLICY = re.compile(r"ValidatingAdmissionPolicy '[^']*' with binding '([^']+)' denied request")
# plugin/pkg/admission/serviceaccount
_ACCOUNT = re.compile(r"error looking up service account (\S+?)/(\S+?): ")

WHY = (
    ("service-missing", re.compile(r'service "[^"]*" not found')),
    ("no-endpoints", re.compile(r"no endpoints available for service")),
    ("certificate", re.compile(r"x509:|tls: |certificate|HTTP response to HTTPS client")),
    ("timeout", re.compile(r"context deadline exceeded|Client\.Timeout|i/o timeout")),
    ("refused", re.compile(r"connection refused|no route to host|connection reset|\bEOF\b")),
    ("path", re.compile(r"could not find the requested resource|expected webhook response")),
    ("name", re.compile(r"no such host")),
)
"""Kinds of failure by what the call ended with; the first that fits."""


@dataclass(frozen=True, slots=True)
class WebhookFailure:
    """A webhook that could not be called. why: one of WHY, or "unknown". host: "" if not said."""

    webhook: str
    why: str
    detail: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class SecurityRefusal:
    """PodSecurity's refusal. level: baseline or restricted."""

    level: str
    version: str
    reasons: str


def webhook_failure(message: str) -> WebhookFailure | None:
    """The webhook whose call failed, or None when it was something else."""
    found = _FAILED.search(message)
    if found is None:
        return None
    name, detail = found.groups()
    why = next((kind for kind, pattern in WHY if pattern.search(detail)), "unknown")
    return WebhookFailure(name, why, detail.strip(), _host(detail))


def webhook_host(webhook: Webhook) -> str:
    """Whom the API server calls, as it says it; "" where neither a Service nor a URL is given."""
    service = webhook.client_config.service
    if service is not None:
        return f"{service.name}.{service.namespace}.svc"
    return _host(webhook.client_config.url)


def _host(text: str) -> str:
    """Of the first URL in it; "" without one."""
    found = _HOST.search(text)
    return found.group(1).lower() if found else ""


def ran_out_of_time(message: str) -> bool:
    """The request ended at its own deadline, whoever used the time up."""
    return _TIMED_OUT.search(message) is not None and _FAILED.search(message) is None


def security_refusal(message: str) -> SecurityRefusal | None:
    """What PodSecurity refused, or None when it was something else."""
    found = _SECURITY.search(message)
    return SecurityRefusal(*found.groups()) if found else None


def denied_by(message: str) -> tuple[str, str]:
    """("webhook" or "binding", its name) of what denied an object; ("", "") when nothing did."""
    policy = _POLICY.search(message)
    if policy is not None:
        return "binding", policy.group(1)
    webhook = _DENIED.search(message)
    return ("webhook", webhook.group(1)) if webhook is not None else ("", "")


def leaving_out(item: Mapping[str, Any], field: str, namespace: str) -> dict[str, Any]:
    """{path: value} that leaves a namespace out of a webhook. item: its configuration, as JSON."""
    path = f"{field}.namespaceSelector"
    present = read(item, path)
    selector = dict(present) if isinstance(present, Mapping) else {}
    expressions = [*(selector.get("matchExpressions") or ())]
    expressions.append({"key": NAME_LABEL, "operator": "NotIn", "values": [namespace]})
    return {path: {**selector, "matchExpressions": expressions}}


def missing_account(message: str) -> tuple[str, str] | None:
    """(namespace, name) of a ServiceAccount that is not there, or None."""
    found = _ACCOUNT.search(message)
    return (found.group(1), found.group(2)) if found and "not found" in message else None


def configurations(graph: Graph) -> tuple[WebhookConfiguration, ...]:
    """Both kinds of webhook configuration, mutating first, as the API server asks them."""
    found: list[WebhookConfiguration] = []
    for kind in (MutatingWebhookConfiguration, ValidatingWebhookConfiguration):
        found.extend(sorted(graph.snap.of(kind), key=lambda item: item.metadata.name))
    return tuple(found)


def webhooks_named(graph: Graph, name: str) -> Iterator[tuple[WebhookConfiguration, Webhook]]:
    """The webhooks of this name; it is only unique within one configuration."""
    for item in configurations(graph):
        for webhook in item.webhooks:
            if webhook.name == name:
                yield item, webhook


def asked_about_pods(
    graph: Graph, namespace: str, labels: Mapping[str, str]
) -> Iterator[tuple[WebhookConfiguration, Webhook]]:
    """The webhooks that are asked when such a pod is made in this namespace."""
    space = graph.snap.get(Namespace, "", namespace)
    space_labels = {NAME_LABEL: namespace}
    if space is not None:
        space_labels |= space.metadata.labels
    for item in configurations(graph):
        for webhook in item.webhooks:
            if (
                any(_is_about_new_pods(rule) for rule in webhook.rules)
                and matches(webhook.namespace_selector, space_labels)
                and matches(webhook.object_selector, labels)
            ):
                yield item, webhook


def is_asked(
    graph: Graph,
    item: WebhookConfiguration,
    webhook: Webhook,
    namespace: str,
    labels: Mapping[str, str],
) -> bool:
    """Whether this one is asked when such a pod is made; also where nobody can tell."""
    if not graph.snap.was_read("Namespace"):
        return True  # by which labels of theirs it chooses is not known
    asked = asked_about_pods(graph, namespace, labels)
    return any(other is item and hook is webhook for other, hook in asked)


def _is_about_new_pods(rule: RuleWithOperations) -> bool:
    return (
        bool({"*", "CREATE"} & set(rule.operations))
        and bool({"*", ""} & set(rule.api_groups))
        and bool({"*", "*/*", "pods", "pods/*"} & set(rule.resources))
        and rule.scope in ("*", "Namespaced")
    )
