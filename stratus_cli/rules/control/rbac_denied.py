"""CTL801 rbac-denied: a workload's ServiceAccount may not do what it tries.

Why it hurts: init containers, controllers and clients of the API fail, or do nothing for ever.

How we tell: a log or an event quotes the API server's refusal, and the roles and bindings that are
there still do not allow it.

Not this when: it is allowed now; roles or bindings could not be read; a user and no ServiceAccount
was refused.

First look: `kubectl auth can-i VERB RESOURCE --as=system:serviceaccount:NAMESPACE:NAME`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.kube.denials import Denial, denials
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.rbac import KINDS
from stratus_cli.kube.workloads import available
from stratus_cli.model.finding import Finding, RuleMeta, Severity
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("CTL801", "rbac-denied", Severity.DEGRADED, needs=("Pod", *KINDS))


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per owner of pods."""
    by_owner: dict[Ref, list[Denial]] = defaultdict(list)
    for denial in denials(graph):
        by_owner[ref_of(denial.about)].append(denial)
    for ref in sorted(by_owner):
        found = by_owner[ref]
        owner = found[0].about
        down = isinstance(owner, Workload) and not available(owner)
        said = "; ".join(dict.fromkeys(_describe(item) for item in found))
        yield META.finding(
            ref,
            said,
            severity=Severity.OUTAGE if down else Severity.DEGRADED,
            evidence=tuple(piece for item in found for piece in item.evidence),
        )


def _describe(item: Denial) -> str:
    asked = item.asked
    where = f"in namespace {asked.namespace}" if asked.namespace else "in the cluster"
    resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    return f"ServiceAccount {item.account} may not {asked.verb} {resource} {where}"
