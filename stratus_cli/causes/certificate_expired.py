"""A certificate that is served is not valid now.

How we know: the dates in the certificate itself.

Known good: another Secret of the namespace whose certificate is valid now and is for the same
names; the Ingress can serve with that one. A certificate is renewed by whoever signs it, so nothing
else is done: who that is, is what a person has to know.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case, Explained
from stratus_cli.kube.log_facts import log_facts
from stratus_cli.kube.log_patterns import EXPIRED
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.victims import hurt
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Severity
from stratus_cli.model.objects_network import Ingress
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Certificate, ref_of

META = CauseMeta("certificate-expired", "a certificate that is served is not valid now")
FIELD = 'data["tls.crt"]'


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per Secret."""
    by_ref = {item.ref: item for item in case.graph.snap.signals.certificates}
    found = case.of_rule("NET704")
    refusing = _refusing(case) if found else ()
    for finding in found:
        item = by_ref.get(finding.ref)
        if item is None or finding.severity < Severity.DEGRADED:
            continue
        facts: dict[str, object] = {"namespace": item.ref.namespace, "secret": item.ref.name}
        other = _other(case, item)
        ingress = _ingress(case, item.ref)
        if other is not None and ingress is not None:
            paths = {
                f"spec.tls[{index}].secretName": other.ref.name
                for index, tls in enumerate(ingress.spec.tls)
                if tls.secret_name == item.ref.name
            }
            facts |= {
                "ingress": ingress.metadata.name,
                "put_back": put_back(as_json(case.graph.snap, ingress), paths),
                "source": f"Secret {other.ref.name} is for the same names and valid",
            }
        yield Diagnosis(
            cause=META.id,
            title=META.title,
            root=item.ref,
            field=FIELD,
            observed=f"valid from {item.not_before} to {item.not_after}"
            if item.not_after
            else "no certificate",
            expected="a certificate that is valid now",
            confidence=0.97,
            facts=facts,
            evidence=finding.evidence,
            explains=(*case.present([finding.key]), *refusing),
            check="openssl s_client -connect HOST:443 -servername HOST </dev/null",
        )


def _refusing(case: Case) -> Explained:
    """What hurts those whose log says that a certificate has expired, and whom they serve."""
    facts = [fact for fact in log_facts(case.graph.snap) if fact.kind == EXPIRED]
    pods = (case.graph.snap.find(pod) for pod in dict.fromkeys(fact.pod for fact in facts))
    owners = {
        ref_of(owner): owner
        for pod in pods
        if pod is not None and isinstance(owner := case.graph.top_owner(pod), Workload)
    }
    return hurt(case.graph, case.findings, [owners[ref] for ref in sorted(owners)])


def _other(case: Case, item: Certificate) -> Certificate | None:
    """The only other certificate that is valid now and for the same names."""
    now = case.graph.snap.taken_at
    found = [
        other
        for other in case.graph.snap.signals.certificates
        if other.ref != item.ref
        and other.ref.namespace == item.ref.namespace
        and item.names
        and set(item.names) <= set(other.names)
        and other.not_before is not None
        and other.not_after is not None
        and other.not_before <= now <= other.not_after
    ]
    return found[0] if len(found) == 1 else None


def _ingress(case: Case, ref: Ref) -> Ingress | None:
    """The only Ingress that serves with the Secret."""
    found = [
        ingress
        for ingress in case.graph.snap.of(Ingress)
        if ingress.metadata.namespace == ref.namespace
        and any(tls.secret_name == ref.name for tls in ingress.spec.tls)
    ]
    return found[0] if len(found) == 1 else None
