"""What must hold before a plan's first write. A refusal names the check and what would lift it.

Reads only. Nothing was written when one of these refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stratus_cli.flow.detect import Detection
from stratus_cli.flow.forward import Drifted, after_on
from stratus_cli.flow.headroom import quota_refusal
from stratus_cli.flow.ownership import unseen_doubt, weigh
from stratus_cli.flow.permissions import refused_permissions
from stratus_cli.flow.planfile import check_cluster, check_time
from stratus_cli.flow.policy import irreversible, protected
from stratus_cli.flow.reader import PlanReader
from stratus_cli.flow.steps import too_many
from stratus_cli.flow.transaction import journal_of
from stratus_cli.flow.undoable import needing_human
from stratus_cli.journal.replay import transactions
from stratus_cli.kube.paths import value_at
from stratus_cli.model.errors import ClusterAnswer, PlanRefused
from stratus_cli.model.health import Health
from stratus_cli.model.plan import Plan, Refusal, Step
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot

HISTORY, TEMPLATE = "spec.revisionHistoryLimit", "spec.template"
SEEN_BY = ("Pod", "EndpointSlice")


def refusals(plan: Plan, ports: Ports) -> Iterator[Refusal]:
    """Everything that forbids this plan now, the most telling first."""
    yield from _binding(plan, ports)
    if len(plan.steps) > ports.limits.max_writes:
        yield too_many(len(plan.steps), ports.limits.max_writes)
    closed = needing_human(transactions(journal_of(ports).entries()))
    changed: set[Ref] = set()
    reader = PlanReader(ports.cluster, ports.clock)
    for step in plan.steps:
        ref = step.change.ref
        found = protected(ref, ports.policy) or irreversible(step.change, ports.policy)
        if found is not None:
            yield found
        if ref in closed:
            yield Refusal(
                "needs human",
                f"{ref} was not restored by transaction {closed[ref]}",
                f"stratus recover --accept {closed[ref]}",
            )
        forgotten = _forgotten(step)
        if forgotten is not None:
            yield forgotten
        yield from refused_permissions(step, ports)
        if ref not in changed:
            yield from _unchanged(step, plan, reader, ports)
        changed.add(ref)
        reader.take(step.change)


def unseen(plan: Plan, snap: Snapshot) -> Refusal | None:
    """Without readable pods and endpoints of the target nothing can be judged."""
    namespaces = {ref.namespace for ref in plan.targets}
    for gap in snap.gaps:
        if gap.subject in SEEN_BY and (not gap.namespace or gap.namespace in namespaces):
            return Refusal(
                "readable target",
                f"{gap.subject} could not be read ({gap.reason.value}), so no effect can be judged",
                f"ask for list on {gap.subject}",
            )
    return None


def still_broken(plan: Plan, detection: Detection, health: Health) -> Refusal | None:
    """A plan for an incident that has healed meanwhile is not needed."""
    if not plan.roots:
        return None
    keys = {finding.key for finding in detection.findings}
    for rule, ref in plan.roots:
        unit = health.units.get(ref)
        if (rule, ref) in keys or (unit is not None and rule in unit.problems):
            return None
    rules = ", ".join(sorted({rule for rule, _ in plan.roots}))
    return Refusal("still broken", f"what the plan repairs ({rules}) is gone by itself")


def _binding(plan: Plan, ports: Ports) -> Iterator[Refusal]:
    try:
        check_cluster(plan, ports.cluster.identity())
        check_time(plan, ports.clock.now())
    except PlanRefused as error:
        yield Refusal("plan", f"{error.what}: {error.where}", error.hint)


def _forgotten(step: Step) -> Refusal | None:
    """A Deployment that keeps no history loses the revision that a roll-back would go back to."""
    change = step.change
    before, after = change.before, change.after
    if change.ref.kind != "Deployment" or before is None or after is None:
        return None
    if value_at(before, HISTORY) != 0 or value_at(before, TEMPLATE) == value_at(after, TEMPLATE):
        return None
    return Refusal(
        "history",
        f"{change.ref} keeps no former revision (revisionHistoryLimit 0)",
        "raise its revisionHistoryLimit first",
    )


def _unchanged(step: Step, plan: Plan, reader: PlanReader, ports: Ports) -> Iterator[Refusal]:
    """Fresh read: same object, same fields, room, and nobody who would put it back."""
    try:
        live = ports.cluster.get(step.change.ref)
        after = after_on(step, live)
    except Drifted as error:
        yield Refusal("unchanged", error.what, error.hint)
        return
    except ClusterAnswer as error:
        yield Refusal("read", f"{error.what}: {error.where}", error.hint)
        return
    change = replace(step.change, before=live, after=after)
    weighed = weigh(change, reader, ports.policy)
    found = weighed.refusal or unseen_doubt(weighed, plan.notes, change)
    for refusal in (found, quota_refusal(change, reader)):
        if refusal is not None:
            yield refusal
