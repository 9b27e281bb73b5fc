"""What the user may do: the plan's writes, their way back, and the locks. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratus_cli.flow.lease import CLUSTER_NAMESPACE, NAME
from stratus_cli.kube.for_good import is_for_good
from stratus_cli.model.change import Reversibility
from stratus_cli.model.plan import Refusal, Step
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref

COMPENSABLE = Reversibility.COMPENSABLE
INVERSE_VERB = {"create": "delete", "delete": "create", "update": "update"}
LEASE_VERBS = ("create", "delete")


def refused_permissions(step: Step, ports: Ports) -> Iterator[Refusal]:
    """What is missing for the write and for its way back."""
    ref, operation = step.change.ref, step.change.operation
    asked = step.change.verb
    for_good = is_for_good(ref.kind, step.change.before, step.change.after)
    # A pod that is deleted or evicted is made good by its controller, never by us.
    made_good = step.change.after is None and step.change.reversibility is COMPENSABLE
    one_way = for_good or made_good
    verbs = dict.fromkeys((asked,) if one_way else (asked, INVERSE_VERB[operation]))
    for verb in verbs:
        if ports.cluster.allowed(verb, ref) is False:
            why = "" if verb == asked else ", which taking it back would need"
            yield Refusal(
                "permission",
                f"you may not {verb} {ref}{why}",
                f"ask for the verb {verb} on {ref.kind} in {ref.namespace or 'the cluster'}",
            )


def lease_notes(steps: Iterable[Step], ports: Ports) -> Iterator[str]:
    """Where no lock may be taken: said before anybody agrees. flow.lease decides what follows."""
    if not ports.policy.use_lease:
        return
    for namespace in sorted({step.change.ref.namespace or CLUSTER_NAMESPACE for step in steps}):
        ref = Ref("Lease", namespace, NAME, "coordination.k8s.io/v1")
        missing = [verb for verb in LEASE_VERBS if ports.cluster.allowed(verb, ref) is False]
        if missing:
            yield (
                f"you may not {' and '.join(missing)} Leases in {namespace}, so nobody else is kept"
                " from writing there meanwhile; --auto then needs --no-lease"
            )
