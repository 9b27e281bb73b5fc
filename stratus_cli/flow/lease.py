"""Locks: a Lease `stratus` in each namespace a transaction writes to, so that two do not.

Not counted as writes of the plan. A holder that lost its Lease writes nothing more; the
preconditions of each write cover the rest. Names and times follow coordination.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from stratus_cli.model.errors import (
    ClusterAnswer,
    Conflict,
    Forbidden,
    NotFound,
    Refused,
    StratusError,
)
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref

NAME = "stratus"
DURATION_S = 30  # a crash blocks the next engineer no longer than this
RENEW_BELOW_S = 20.0
STOP_BELOW_S = 5.0  # DESIGN.md, Locks: the holder stops with under 5 s left
CLUSTER_NAMESPACE = "kube-system"  # of the Lease for cluster-scoped objects


class LeaseLost(StratusError):
    """The Lease was taken or deleted by somebody else: nothing more may be written."""

    exit_code = 6


class Leases:
    """The Leases of one transaction. A context manager; held only inside it."""

    def __init__(self, ports: Ports, tx: str, namespaces: Iterable[str]) -> None:
        self._ports = ports
        self._tx = tx
        self._holder = f"{ports.who} {tx}"
        self._refs = [
            Ref("Lease", namespace, NAME, "coordination.k8s.io/v1")
            for namespace in sorted({name or CLUSTER_NAMESPACE for name in namespaces})
        ]
        self._held: dict[Ref, dict[str, Any]] = {}

    def __enter__(self) -> Leases:
        try:
            if self._ports.policy.use_lease:
                for ref in self._refs:
                    self._acquire(ref)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def check(self) -> None:
        """Before each write: still ours, and long enough. LeaseLost when not."""
        for ref in list(self._held):
            now = self._ports.clock.now()
            live = self._ports.cluster.get(ref)
            if live is None or live["spec"].get("holderIdentity") != self._holder:
                self._held.pop(ref)
                holder = "nobody" if live is None else live["spec"].get("holderIdentity")
                raise LeaseLost(
                    "the lock was lost; nothing more is written",
                    f"{ref}, now held by {holder}",
                    "See what was written: stratus recover",
                )
            self._held[ref] = live
            left = _left_s(live, now)
            if left < RENEW_BELOW_S:
                if left < STOP_BELOW_S:
                    self._ports.progress.note(f"the lock on {ref.namespace} is renewed late")
                self._renew(ref, live)

    def _acquire(self, ref: Ref) -> None:
        now = self._ports.clock.now()
        try:
            live = self._ports.cluster.get(ref)
            if live is None:
                self._held[ref] = self._ports.cluster.create(self._lease(ref, now, 0))
                return
            spec = live.get("spec") or {}
            # Of this very transaction: its run is dead, since we hold its journal (recover).
            held_by_other = not str(spec.get("holderIdentity", "")).endswith(f" {self._tx}")
            if spec.get("holderIdentity") and held_by_other and _left_s(live, now) > 0:
                raise Refused(
                    f"somebody else is writing here: {spec['holderIdentity']}",
                    f"namespace {ref.namespace}, since {spec.get('acquireTime', 'unknown')}",
                    f"Nothing was written. Wait, or at most {DURATION_S} s if that run is dead.",
                )
            taken = self._lease(ref, now, int(spec.get("leaseTransitions") or 0) + 1)
            taken["metadata"] = live["metadata"]
            self._held[ref] = self._ports.cluster.replace(taken)
        except Conflict as error:
            raise Refused(
                "somebody else took the lock just now",
                f"namespace {ref.namespace}",
                "Nothing was written. Try again.",
            ) from error
        except (Forbidden, NotFound) as error:
            self._without(ref, error)

    def _without(self, ref: Ref, error: ClusterAnswer) -> None:
        """Where no Lease may be written, a person may go on; --auto needs --no-lease."""
        question = f"No lock can be taken in {ref.namespace} ({error.what}). Go on without it?"
        if not self._ports.operator.confirm(question):
            raise Refused(
                "no lock can be taken, and nobody said to go on without it",
                f"namespace {ref.namespace}",
                "Nothing was written. Ask for create, update and delete on leases, or --no-lease.",
            )

    def _renew(self, ref: Ref, live: dict[str, Any]) -> None:
        live["spec"]["renewTime"] = _micro(self._ports.clock.now())
        try:
            self._held[ref] = self._ports.cluster.replace(live)
        except (Conflict, NotFound) as error:
            self._held.pop(ref, None)
            raise LeaseLost(
                "the lock was lost while it was renewed; nothing more is written",
                str(ref),
                "See what was written: stratus recover",
            ) from error

    def _release(self) -> None:
        """Best effort: a Lease that stays expires by itself."""
        for ref, live in list(self._held.items()):
            try:
                self._ports.cluster.delete(ref, uid=str(live["metadata"].get("uid", "")))
            except StratusError as error:
                self._ports.progress.note(f"the lock {ref} was not given back: {error.what}")
        self._held.clear()

    def _lease(self, ref: Ref, now: datetime, transitions: int) -> dict[str, Any]:
        return {
            "apiVersion": ref.api_version,
            "kind": "Lease",
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": DURATION_S,
                "acquireTime": _micro(now),
                "renewTime": _micro(now),
                "leaseTransitions": transitions,
            },
        }


def _left_s(lease: dict[str, Any], now: datetime) -> float:
    spec = lease.get("spec") or {}
    renewed = spec.get("renewTime") or spec.get("acquireTime")
    if not isinstance(renewed, str):
        return 0.0
    try:
        at = datetime.fromisoformat(renewed.replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    ends = at + timedelta(seconds=float(spec.get("leaseDurationSeconds") or DURATION_S))
    return (ends - now).total_seconds()


def _micro(now: datetime) -> str:
    """MicroTime of the Kubernetes API."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
