"""NET704 certificate-expired: a certificate that an Ingress or a pod serves is not valid now.

Why it hurts: clients refuse the connection, at once and everywhere, while every pod is ready.

How we tell: the dates of the certificate in a Secret of type kubernetes.io/tls that an Ingress
names or a pod mounts: its end is past, or its beginning is yet to come, or it cannot be read. A
week before its end it is a risk.

Not this when: nothing uses the Secret; Secrets may not be read.

First look: `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -dates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Evidence, Finding, RuleMeta, Severity
from stratus_cli.model.objects_network import Ingress
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Certificate

META = RuleMeta("NET704", "certificate-expired", Severity.DEGRADED, needs=("Ingress", "Secret"))

SOON = timedelta(days=7)
"""Our choice: cert-manager renews at two thirds of a certificate's life, 30 days before the usual
end; what is left with a week to go was not renewed."""


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per Secret."""
    for item in graph.snap.signals.certificates:
        said, severity = _judge(item, graph)
        if not said:
            continue
        users = _users(graph, item.ref)
        names = ", ".join(f"Ingress {ingress.metadata.name}" for ingress in users)
        yield META.finding(
            item.ref,
            f"{said}; {names or 'pods'} serve with it",
            severity=Severity.OUTAGE if users and severity is Severity.DEGRADED else severity,
            evidence=(
                Evidence("certificate", item.ref, "tls.crt notAfter", str(item.not_after)),
                *(field_evidence(ingress, "spec.tls") for ingress in users[:1]),
            ),
        )


def _judge(item: Certificate, graph: Graph) -> tuple[str, Severity]:
    now = graph.snap.taken_at
    if item.not_after is None or item.not_before is None:
        return "its certificate cannot be read", Severity.DEGRADED
    if now > item.not_after:
        return f"its certificate expired at {item.not_after:%Y-%m-%d %H:%M}Z", Severity.DEGRADED
    if now < item.not_before:
        return (
            f"its certificate is not valid before {item.not_before:%Y-%m-%d %H:%M}Z",
            Severity.DEGRADED,
        )
    if item.not_after - now < SOON:
        return f"its certificate expires at {item.not_after:%Y-%m-%d %H:%M}Z", Severity.RISK
    return "", Severity.HYGIENE


def _users(graph: Graph, ref: Ref) -> list[Ingress]:
    return [
        ingress
        for ingress in sorted(graph.snap.of(Ingress), key=lambda one: one.metadata.name)
        if ingress.metadata.namespace == ref.namespace
        and any(tls.secret_name == ref.name for tls in ingress.spec.tls)
    ]
