"""Locks: a Lease `stratus` in each namespace a transaction writes to, so that two do not.

Not counted as writes of the plan. A holder that lost its Lease writes nothing more; the
preconditions of each write cover the rest. Names and times follow coordination.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from stratus_cli.model.entry import Begin
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
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
SKEW_S = 3600.0  # our choice: clocks differ by less; what expired earlier is dead for sure
WATCH_EVERY_S = 2.0
LONGEST_S = 3600  # a Lease that claims longer is taken for a mistake
CLUSTER_NAMESPACE = "kube-system"  # of the Lease for cluster-scoped objects


class LeaseLost(StratusError):
    """The Lease was taken or deleted by somebody else: nothing more may be written."""

    exit_code = 6


class Leases:
    """The Leases of one transaction. A context manager; held only inside it.

    A Lease that looks expired, or whose time lies ahead, is watched before it is taken: clocks of
    two machines may differ, and only one that nobody renews meanwhile is dead (as client-go does).
    """

    def __init__(self, ports: Ports, tx: str, namespaces: Iterable[str], *, who: str = "") -> None:
        """who: who holds them, where that is not the person of now (recover)."""
        self._ports = ports
        self._holder = f"{who or ports.who} {tx}"
        self._refs = [
            Ref("Lease", namespace, NAME, "coordination.k8s.io/v1")
            for namespace in sorted({name or CLUSTER_NAMESPACE for name in namespaces})
        ]
        self._held: list[Ref] = []
        self._lost: LeaseLost | None = None

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

    def give_back(self) -> None:
        """Delete what a process that died held under this name. Best effort, as at the end."""
        if self._ports.policy.use_lease:
            self._held = list(self._refs)
            self._release()

    def check(self) -> None:
        """Before each write and while waiting: still ours, and for long enough.

        LeaseLost when not, from then on always.
        """
        if self._lost is not None:
            raise self._lost
        for ref in self._held:
            live = self._ports.cluster.get(ref)
            if live is None or _spec(live).get("holderIdentity") != self._holder:
                holder = "nobody" if live is None else _spec(live).get("holderIdentity")
                raise self._lose(f"{ref}, now held by {holder}")
            left_s = _left_s(live, self._ports.clock.now())
            if left_s < RENEW_BELOW_S:
                self._renew(ref, live, left_s)

    def _lose(self, where: str) -> LeaseLost:
        self._lost = LeaseLost(
            "the lock was lost; nothing more is written",
            where,
            "See what was written: stratus recover",
        )
        return self._lost

    def _renew(self, ref: Ref, live: dict[str, Any], left_s: float) -> None:
        """The server takes it only if nobody else has written since the read."""
        live["spec"]["renewTime"] = _micro(self._ports.clock.now())
        try:
            self._ports.cluster.replace(live)
        except (ClusterAnswer, ClusterUnreachable) as error:
            again = self._ports.cluster.get(ref)
            now = self._ports.clock.now()
            mine = again is not None and _spec(again).get("holderIdentity") == self._holder
            left_s = _left_s(again or {}, now) if mine else 0.0
            if left_s < STOP_BELOW_S:
                raise self._lose(f"{ref} could not be renewed ({error.what})") from error

    def _acquire(self, ref: Ref) -> None:
        now = self._ports.clock.now()
        cluster = self._ports.cluster
        try:
            live = cluster.get(ref)
            if live is None:
                cluster.create(self._lease(ref, now, 0))
            else:
                self._take_over(ref, live, now)
        except Conflict as error:
            raise Refused(
                "somebody else took the lock just now",
                f"namespace {ref.namespace}",
                "Nothing was written. Try again.",
            ) from error
        except (Forbidden, NotFound) as error:
            self._without(ref, error)
            return
        except (ClusterAnswer, ClusterUnreachable):
            # It may have been made all the same; then it is ours to use, or to give back.
            found = cluster.get(ref)
            if found is None or _spec(found).get("holderIdentity") != self._holder:
                raise
        self._held.append(ref)

    def _take_over(self, ref: Ref, live: dict[str, Any], now: datetime) -> None:
        """An expired one, or one of a transaction of this journal.

        The process that held the latter is dead, as the journal's file lock is ours.
        """
        spec = _spec(live)
        holder = spec.get("holderIdentity")
        if holder and holder not in self._own() and not self._is_dead(ref, live, now):
            raise Refused(
                f"somebody else is writing here: {holder}",
                f"namespace {ref.namespace}, since {spec.get('acquireTime', 'unknown')}",
                f"Nothing was written. Wait, or at most {2 * DURATION_S} s if that run is dead.",
            )
        now = self._ports.clock.now()
        transitions = spec.get("leaseTransitions")
        taken = self._lease(ref, now, transitions + 1 if isinstance(transitions, int) else 1)
        taken["metadata"] = live["metadata"]
        self._ports.cluster.replace(taken)

    def _own(self) -> set[str]:
        """The holders that this journal's transactions have been."""
        journal = self._ports.journal
        begins = (
            (entry for entry in journal.entries() if isinstance(entry, Begin)) if journal else ()
        )
        return {self._holder, *(f"{begin.who} {begin.tx}" for begin in begins)}

    def _is_dead(self, ref: Ref, live: dict[str, Any], now: datetime) -> bool:
        """Whether nobody renews it. Up to DURATION_S are waited where its time alone cannot say."""
        left_s = _left_s(live, now)
        if left_s <= -SKEW_S:
            return True
        if 0 < left_s <= _lasts_s(live) + STOP_BELOW_S:
            return False
        clock = self._ports.clock
        started = clock.monotonic()
        while (waited := clock.monotonic() - started) < DURATION_S:
            self._ports.progress.waiting(f"{ref}: a sign of its holder", waited, DURATION_S)
            clock.sleep(WATCH_EVERY_S)
            if self._ports.interrupt.requested:
                return False
            again = self._ports.cluster.get(ref)
            if again is None or _spec(again) != _spec(live):
                return False
        return True

    def _without(self, ref: Ref, error: ClusterAnswer) -> None:
        """Where no Lease may be written, a person may go on; --auto needs --no-lease."""
        question = f"No lock can be taken in {ref.namespace} ({error.what}). Go on without it?"
        if not self._ports.operator.confirm(question):
            raise Refused(
                "no lock can be taken, and nobody said to go on without it",
                f"namespace {ref.namespace}",
                "Nothing was written. Ask for create, update and delete on leases, or --no-lease.",
            )

    def _release(self) -> None:
        """Best effort: a Lease that stays expires by itself. What is not ours any more is left."""
        for ref in self._held:
            try:
                live = self._ports.cluster.get(ref)
                if live is not None and _spec(live).get("holderIdentity") == self._holder:
                    meta = live["metadata"]
                    self._ports.cluster.delete(
                        ref,
                        uid=str(meta.get("uid", "")),
                        resource_version=str(meta.get("resourceVersion", "")),
                    )
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


def _spec(lease: dict[str, Any]) -> dict[str, Any]:
    spec = lease.get("spec")
    return spec if isinstance(spec, dict) else {}


def _left_s(lease: dict[str, Any], now: datetime) -> float:
    """Seconds until it expires by this clock; long past when it says nothing readable."""
    spec = _spec(lease)
    renewed = spec.get("renewTime") or spec.get("acquireTime")
    try:
        at = datetime.fromisoformat(str(renewed))
    except ValueError:
        return -SKEW_S
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return (at + timedelta(seconds=_lasts_s(lease)) - now).total_seconds()


def _lasts_s(lease: dict[str, Any]) -> float:
    duration = _spec(lease).get("leaseDurationSeconds")
    return min(duration if isinstance(duration, int) and duration > 0 else DURATION_S, LONGEST_S)


def _micro(now: datetime) -> str:
    """MicroTime of the Kubernetes API."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
