"""After the way back of a ConfigMap or Secret: wait until its consumers run the old value again.

Reads only, and for a bounded time. Nothing depends on it: what could not be waited for is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.flow.transaction import Transaction
from stratus_cli.kube.config_readers import CONFIGS
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.model.errors import StratusError
from stratus_cli.model.ref import Ref

WITHIN_S = 60.0  # our choice: a rollout of a few pods ends well within, and a person still waits


def until_it_runs(transaction: Transaction) -> tuple[str, ...]:
    """Which consumers do not run the old value yet, as sentences; () when all do.

    Waits only for workloads that the transaction restarted beside a ConfigMap or Secret.
    """
    ports = transaction.ports
    refs = {item.ref for item in transaction.written}
    consumers = sorted(ref for ref in refs if ref.kind in WORKLOADS)
    if not consumers or not any(ref.kind in CONFIGS for ref in refs):
        return ()
    started = ports.clock.monotonic()
    try:
        while waiting := tuple(_rolling(transaction, consumers)):
            waited = ports.clock.monotonic() - started
            if waited > WITHIN_S:
                return waiting
            transaction.guard()
            ports.progress.waiting(waiting[0], waited, WITHIN_S)
            ports.clock.sleep(ports.limits.poll_s)
    except StratusError as error:
        return (f"whether the consumers run the old value again is not known: {error.what}",)
    return ()


def _rolling(transaction: Transaction, refs: list[Ref]) -> Iterator[str]:
    for ref in refs:
        item = transaction.ports.cluster.get(ref)
        if item is not None and not is_rolled_out(item):
            yield f"{ref} does not run the old value in all pods yet"


def is_rolled_out(item: Mapping[str, Any]) -> bool:
    """Whether every pod of a workload is of its present template, ready or not."""
    meta, spec, status = (item.get(name) or {} for name in ("metadata", "spec", "status"))
    if (status.get("observedGeneration") or 0) < (meta.get("generation") or 0):
        return False
    if item.get("kind") == "DaemonSet":
        wanted = status.get("desiredNumberScheduled") or 0
        return (status.get("updatedNumberScheduled") or 0) >= wanted
    wanted = spec.get("replicas", 1)
    updated = status.get("updatedReplicas") or 0
    return bool(updated >= wanted and (status.get("replicas") or 0) <= updated)
