"""A NetworkPolicy does not let through what workloads need.

How we know: by the policies' own rules a call that settings, an Ingress or a trace name is allowed
by none of those that isolate one of its ends. Of several the one that came or changed last is to
blame: before it, the call went through.

Known good: its spec in a recording or as last applied. A policy that is newer than both ends and
alone in isolating them was not there when they worked. Otherwise one more policy that allows
exactly the missing calls is offered; the others stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic, failing_pods
from stratus_cli.kube.allowing import allowing, spec_patch
from stratus_cli.kube.blocked import (
    LATER,
    Blocked,
    blocked_calls,
    complaints,
    is_late,
    is_total,
    suspect,
)
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.network_policy import INGRESS
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Severity
from stratus_cli.model.objects_policy import NetworkPolicy
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("network-policy-blocks", "a NetworkPolicy blocks calls that workloads need")
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")
SHOWN = 3


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per policy that is to blame."""
    hurt = {item.ref for item in case.of_rule("NET701") if item.severity >= Severity.DEGRADED}
    by_policy: dict[Ref, list[Blocked]] = defaultdict(list)
    policies: dict[Ref, NetworkPolicy] = {}
    for item in blocked_calls(case.graph):
        if ref_of(item.isolated) in hurt:
            policy = suspect(item)
            policies[ref_of(policy)] = policy
            by_policy[ref_of(policy)].append(item)
    for ref in sorted(by_policy):
        yield _diagnosis(case, policies[ref], by_policy[ref])


def _diagnosis(case: Case, policy: NetworkPolicy, items: list[Blocked]) -> Diagnosis:
    direction = items[0].direction
    field = f"spec.{direction.lower()}"
    facts: dict[str, Any] = {
        "namespace": policy.metadata.namespace,
        "policy": policy.metadata.name,
    }
    allowed = allowing(items, policy.metadata.name)
    if allowed is not None:
        facts["allowing"] = allowed
    goods = [
        good
        for good in case.known_good.object_field(policy, "spec")
        if isinstance(good.value, dict) and good.value
    ]
    if goods:
        facts |= {
            "good_spec_patch": spec_patch(read(policy, "spec"), goods[0].value),
            "source": goods[0].source,
        }
    if _was_added(policy, items):
        facts["added_policy"] = policy.metadata.name
        facts.setdefault("source", "the policy is newer than all that it isolates")
    said = [fact for item in items for fact in complaints(case.graph, item)]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref_of(policy),
        field=field,
        observed=_observed(policy, direction),
        expected=_expected(facts),
        confidence=_confidence(items, policy, known=bool(goods), said=bool(said)),
        facts=facts | case.changed(policy, field),
        evidence=(
            *case.field_evidence(policy, "spec.podSelector"),
            *case.field_evidence(policy, field),
            *(fact.evidence for fact in said[:SHOWN]),
        ),
        explains=_explains(case, items),
        check="from a pod of the caller, connect to a pod of the callee: does it hang?",
    )


def _was_added(policy: NetworkPolicy, items: list[Blocked]) -> bool:
    """It came after both ends of every call, and nothing else isolates them."""
    made = policy.metadata.creation_timestamp
    ends = [end for item in items for end in (item.caller, item.callee) if end is not None]
    ages = [end.metadata.creation_timestamp for end in ends]
    return (
        all(len(item.policies) == 1 for item in items)
        and made is not None
        and all(age is not None and made - age > LATER for age in ages)
    )


def _observed(policy: NetworkPolicy, direction: str) -> str:
    rules = read(policy, f"spec.{direction.lower()}")
    word = "to" if direction == INGRESS else "from"
    text = as_text(rules) if isinstance(rules, list) else "nothing is allowed"
    return f"{text} {word} pods with {as_text(read(policy, 'spec.podSelector'))}"


def _expected(facts: dict[str, Any]) -> str:
    if "good_spec_patch" in facts:
        return f"its spec as in the {facts['source']}"
    if "added_policy" in facts:
        return "no such policy, as when the workloads were made"
    return "a rule that allows these calls"


def _confidence(items: list[Blocked], policy: NetworkPolicy, *, known: bool, said: bool) -> float:
    if known:
        return 0.96
    late = all(is_late(item, policy) for item in items)
    total = all(is_total(item, policy) for item in items)
    if late and total:
        return 0.95 if said else 0.92
    return 0.88 if late and said else 0.8 if said or late else 0.65


def _explains(case: Case, items: list[Blocked]) -> tuple[tuple[str, Ref], ...]:
    keys: list[tuple[str, Ref]] = []
    for item in items:
        keys.append(("NET701", ref_of(item.isolated)))
        for end in (item.caller, item.callee):
            if end is None:
                continue
            found = accused_by_traffic(case.graph, case.findings, end)
            keys.extend(finding.key for finding in found)
        if item.caller is not None:
            pods = failing_pods(case.graph, case.findings, item.caller, *SHOWS_IN)
            keys.extend((code, ref_of(pod)) for pod in pods for code in SHOWS_IN)
            keys.extend(case.consequences(item.caller))
    return case.present(keys)
