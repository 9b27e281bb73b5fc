"""Pre-images of Secrets in a transaction: their names, their values read again, their end.

The writes themselves are flow.transaction's, but for `forget`, which deletes what no undo can need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stratus_cli.flow.inverse import Written
from stratus_cli.journal.replay import RecordedTransaction
from stratus_cli.kube.pre_image import (
    LABELS,
    PLANNED,
    PREFIX,
    given_values,
    is_pre_image,
    lost,
    made_of,
    secret_of,
)
from stratus_cli.kube.seals import seals_of
from stratus_cli.model.change import Change
from stratus_cli.model.entry import Intent
from stratus_cli.model.errors import NotFound
from stratus_cli.model.plan import Plan, Step
from stratus_cli.model.ports import Cluster
from stratus_cli.model.ref import Ref

Item = Mapping[str, Any]


def named(plan: Plan, tx: str) -> Plan:
    """The plan with its pre-images called after the transaction."""
    return replace(plan, steps=tuple(_named(step, tx) for step in plan.steps))


def secret_notes(change: Change) -> Iterator[str]:
    """What a reviewer must know of the values of a Secret that changes."""
    ref = change.ref
    for key in given_values(change):
        seal = (change.after or {})["data"][key]
        yield f"{ref} {key}: <new value, {seal}>, known to this process alone"
    if is_pre_image(change.after) and change.before is None:
        secret = secret_of(ref, change.after or {})
        yield f"what is lost of {secret} is kept beside it, until undo or journal prune"


def keeping(change: Change, tx: str, written: Sequence[Written]) -> Step | None:
    """The step that keeps what a change of a Secret would lose.

    None when it loses nothing, or when a pre-image that this transaction wrote has it already.
    written: so far by this transaction.
    """
    if change.ref.kind != "Secret" or change.before is None or change.after is None:
        return None
    ours = [item for item in written if item.before is None and is_pre_image(item.after)]
    kept = {seal for item in ours for seal in seals_of(item.after)}
    values = lost(change.before, change.after)
    if kept >= set(values.values()):
        return None
    name = f"{PREFIX}{tx}"
    if any(item.ref.name == name for item in ours):
        name = f"{name}-{len(ours) + 1}"
    ref = Ref("Secret", change.ref.namespace, name, "v1")
    made = made_of(change.ref, name, values)
    return Step(f"keep what is lost of {change.ref}: {ref}", Change(ref, None, made), (), "", "")


def keeps_for(item: Written) -> Ref | None:
    """The Secret whose values this write put into a pre-image, if it is such a write."""
    if item.before is not None or not is_pre_image(item.after):
        return None
    return secret_of(item.ref, item.after or {})


def recall(cluster: Cluster, changed: Iterable[Written | Intent | Step]) -> frozenset[str]:
    """Read the Secrets of these writes, so that their values can be written again by this process.

    The seals that can be opened from now on. ClusterAnswer when one may not be read.
    """
    refs = {item.change.ref if isinstance(item, Step) else item.ref for item in changed}
    known: set[str] = set()
    for ref in sorted(ref for ref in refs if ref.kind == "Secret"):
        try:
            known |= seals_of(cluster.get(ref))
        except NotFound:
            continue
    return frozenset(known)


def lacking(change: Change, known: frozenset[str]) -> tuple[str, ...]:
    """Keys of a Secret that a change would write and whose values are nowhere any more."""
    if change.ref.kind != "Secret" or change.after is None:
        return ()
    data = change.after.get("data") or {}
    return tuple(key for key, seal in data.items() if seal not in known)


def forget(cluster: Cluster, gone: Iterable[RecordedTransaction]) -> tuple[Ref, ...]:
    """Delete the pre-images that these transactions left. Those that were there.

    Only what is labelled as ours and is the object that the transaction created.
    """
    deleted: list[Ref] = []
    for tx in gone:
        uids = {done.step: done.uid for done in tx.dones if not done.rollback}
        for intent in tx.applied:
            if intent.before is not None or not is_pre_image(intent.after):
                continue
            live = cluster.get(intent.ref)
            uid = str(((live or {}).get("metadata") or {}).get("uid", ""))
            if live is not None and is_pre_image(live) and uid == uids[intent.step]:
                cluster.delete(intent.ref, uid=uid)
                deleted.append(intent.ref)
    return tuple(deleted)


def _named(step: Step, tx: str) -> Step:
    change = step.change
    if change.before is not None or not is_pre_image(change.after):
        return step
    after = dict(change.after or {})
    if not change.ref.name.startswith(PLANNED):
        return step
    name = f"{PREFIX}{tx}{change.ref.name[len(PLANNED) :]}"
    after["metadata"] = {**after["metadata"], "name": name}
    return replace(
        step,
        change=replace(change, ref=replace(change.ref, name=name), after=after),
    )


__all__ = ["LABELS", "forget", "keeping", "keeps_for", "lacking", "named", "recall"]
