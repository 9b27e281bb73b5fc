"""After a StatefulSet's template was changed: its stuck pod goes, since nobody else replaces it.

A pod of a template that never becomes ready keeps its place even when the template is put right
(Kubernetes: "forced rollback"), forward or on the way back. It is evicted, so PodDisruptionBudgets
are respected; an intent is on disk before, as for every write. What could not be freed is said.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.flow.reader import PlanReader
from stratus_cli.flow.transaction import Transaction
from stratus_cli.kube.normal import fields_digest
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import EVICTION, Change, Reversibility
from stratus_cli.model.errors import ClusterAnswer, JournalError, StratusError
from stratus_cli.model.plan import Step
from stratus_cli.model.ref import Ref

SEEN_WITHIN_S = 10.0  # our choice: a controller sees a change within a fraction of a second
TEMPLATE = "spec.template"
REVISION = "controller-revision-hash"

Item = Mapping[str, Any]


def free_stuck(transaction: Transaction) -> tuple[str, ...]:
    """Evict each stuck pod. What could not be freed, as sentences; () when nothing is stuck.

    JournalError as the transaction's writes.
    """
    said: list[str] = []
    number = max((item.number for item in transaction.written), default=0)
    for ref in dict.fromkeys(_rolled(transaction)):
        try:
            for pod in _stuck(transaction, ref):
                number += 1
                said.extend(_evicted(transaction, number, pod))
        except JournalError:
            raise
        except StratusError as error:
            said.append(f"whether pods of {ref} are stuck is not known: {error.what}")
    return tuple(said)


def stuck_notes(change: Change, reader: PlanReader) -> Iterator[str]:
    """What a plan says of pods that will be evicted because they are stuck."""
    before, after = change.before, change.after
    if change.ref.kind != "StatefulSet" or before is None or after is None:
        return
    if value_at(before, TEMPLATE) == value_at(after, TEMPLATE) or _on_delete(after):
        return
    for pod in _owned(reader, change.ref, change.ref.uid):
        if not _is_ready(pod):
            name = pod["metadata"]["name"]
            yield f"Pod {name} is stuck: unless it is ready by then, it is evicted after the change"


def _rolled(transaction: Transaction) -> Iterator[Ref]:
    for item in transaction.written:
        if item.ref.kind != "StatefulSet" or item.before is None or item.after is None:
            continue
        if value_at(item.before, TEMPLATE) != value_at(item.after, TEMPLATE):
            yield item.ref


def _stuck(transaction: Transaction, ref: Ref) -> tuple[Item, ...]:
    """Pods of another template than the present one that are not ready, whole."""
    item = _seen(transaction, ref)
    wanted = value_at(item or {}, "status.updateRevision")
    if item is None or _on_delete(item):
        return ()
    reader = PlanReader(transaction.ports.cluster, transaction.ports.clock)
    return tuple(
        pod
        for pod in _owned(reader, ref, item["metadata"]["uid"])
        if (pod["metadata"].get("labels") or {}).get(REVISION) != wanted and not _is_ready(pod)
    )


def _on_delete(item: Item) -> bool:
    return bool(value_at(item, "spec.updateStrategy.type") == "OnDelete")


def _owned(reader: PlanReader, ref: Ref, uid: str) -> Iterator[Item]:
    """The live pods of an owner."""
    for pod in reader.list("Pod", ref.namespace):
        owners = pod["metadata"].get("ownerReferences") or ()
        if any(own.get("uid") == uid for own in owners):
            if not pod["metadata"].get("deletionTimestamp"):
                yield pod


def _seen(transaction: Transaction, ref: Ref) -> Item | None:
    """The object, once its controller has seen it as it is; None where that does not come."""
    ports = transaction.ports
    started = ports.clock.monotonic()
    while (waited := ports.clock.monotonic() - started) <= SEEN_WITHIN_S:
        item = ports.cluster.get(ref)
        if item is None:
            return None
        status = item.get("status") or {}
        if (status.get("observedGeneration") or 0) >= (item["metadata"].get("generation") or 0):
            return item
        transaction.guard()
        ports.progress.waiting(f"{ref} to be seen by its controller", waited, SEEN_WITHIN_S)
        ports.clock.sleep(min(1.0, ports.limits.poll_s))
    return None


def _evicted(transaction: Transaction, number: int, listed: Item) -> Iterator[str]:
    meta = listed["metadata"]
    ref = Ref("Pod", str(meta.get("namespace", "")), str(meta["name"]), "v1", str(meta["uid"]))
    pod = transaction.ports.cluster.get(ref)
    if pod is None or pod["metadata"].get("uid") != ref.uid:
        return
    change = Change(ref, pod, None, Reversibility.COMPENSABLE, EVICTION)
    words = shlex.join(("kubectl", "-n", ref.namespace, "delete", f"pod/{ref.name}"))
    try:
        transaction.make_room()
    except JournalError as error:  # what was promised to the way back stays
        yield f"{ref} is stuck in a former template and could not be evicted ({error.what})"
        return
    transaction.ports.progress.note(f"{ref} is stuck in a former template: {words}")
    try:
        transaction.write(number, Step(words, change, (), fields_digest(pod, ()), ref.uid))
    except ClusterAnswer as error:
        yield f"{ref} is stuck in a former template and could not be evicted ({error.what})"


def _is_ready(pod: Item) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
