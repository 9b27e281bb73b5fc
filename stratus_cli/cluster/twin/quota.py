"""ResourceQuota: admission of new objects, and the controller that keeps status.used."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from stratus_cli.cluster.twin.refusals import forbidden, resource
from stratus_cli.cluster.twin.store import Item, Key, Store, key_of
from stratus_cli.cluster.twin.timeline import Timeline, WorkQueue
from stratus_cli.cluster.twin.usage import (
    ZERO,
    Amounts,
    amount,
    is_finished,
    of_container,
    pod_amounts,
    shown,
)
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.quota_scopes import counts, is_scoped
from stratus_cli.model.ref import Ref

# Resources that become compulsory for every container (validationSet of the pod evaluator).
COMPULSORY = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
RESYNC_S = 0.1


class Quotas:
    """Usage by namespace, kept up to date from watches."""

    def __init__(self, store: Store, timeline: Timeline) -> None:
        self._store = store
        self._used: dict[str, Amounts] = defaultdict(lambda: defaultdict(Decimal))
        self._shares: dict[str, Amounts] = {}
        self._queue: WorkQueue[Key] = WorkQueue(timeline, self._sync, RESYNC_S)
        for kind in BY_KIND:
            if kind not in ("Event", "Lease"):
                store.watch(kind, self._seen)

    def admit(self, item: Item, ref: Ref) -> None:
        """Raise Forbidden when a quota of its namespace refuses a new object."""
        quotas = self._store.of("ResourceQuota", ref.namespace)
        if not quotas:
            return
        wanted = _share(item)
        for quota in quotas:
            spec = quota.get("spec") or {}
            hard = spec.get("hard") or {}
            if is_scoped(spec) and not (item["kind"] == "Pod" and counts(spec, item["spec"])):
                continue
            if item["kind"] == "Pod":
                _demand(item, quota, hard, ref)
            self._check(quota, hard, wanted, ref)

    def _check(self, quota: Item, hard: Item, wanted: Amounts, ref: Ref) -> None:
        used = self._used_of(quota)
        over = sorted(
            name
            for name, limit in hard.items()
            if wanted.get(name, ZERO) > 0 and used[name] + wanted[name] > amount(str(limit))
        )
        if over:
            requested = ",".join(f"{name}={shown(name, wanted[name])}" for name in over)
            taken = ",".join(f"{name}={shown(name, used[name])}" for name in over)
            limited = ",".join(f"{name}={hard[name]}" for name in over)
            raise forbidden(
                ref,
                f"exceeded quota: {quota['metadata']['name']}, requested: {requested},"
                f" used: {taken}, limited: {limited}",
            )

    def _used_of(self, quota: Item) -> Amounts:
        """What it counts: everything of its namespace, or the pods of its scopes."""
        space, spec = quota["metadata"]["namespace"], quota.get("spec") or {}
        if not is_scoped(spec):
            return self._used[space]
        used: Amounts = defaultdict(Decimal)
        for pod in self._store.of("Pod", space):
            share = self._shares.get(pod["metadata"]["uid"], {})
            for name, value in share.items() if counts(spec, pod["spec"]) else ():
                used[name] += value
        return used

    def _seen(self, item: Item, gone: bool) -> None:
        namespace = item["metadata"].get("namespace", "")
        if not namespace:
            return
        uid = item["metadata"]["uid"]
        share = {} if gone else _share(item)
        before = self._shares.get(uid, {})
        if item["kind"] == "ResourceQuota" and not gone:
            self._queue.add(key_of(item))
        if share == before:
            return
        used = self._used[namespace]
        for name, value in before.items():
            used[name] -= value
        for name, value in share.items():
            used[name] += value
        if gone:
            self._shares.pop(uid, None)
        else:
            self._shares[uid] = share
        for quota in self._store.of("ResourceQuota", namespace):
            self._queue.add(key_of(quota))

    def _sync(self, key: Key) -> None:
        quota = self._store.get("ResourceQuota", *key)
        if quota is None:
            return
        hard = (quota.get("spec") or {}).get("hard") or {}
        used = self._used_of(quota)
        status = {
            "hard": dict(hard),
            "used": {name: shown(name, used[name]) for name in sorted(hard)},
        }
        if quota.get("status") != status:
            quota["status"] = status
            self._store.touch(quota)


def _demand(pod: Item, quota: Item, hard: Item, ref: Ref) -> None:
    missing: dict[str, list[str]] = defaultdict(list)
    spec = pod.get("spec") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    for name in sorted(set(hard) & set(COMPULSORY)):
        which, _, plain = name.rpartition(".")
        for container in containers:
            if plain not in of_container(container, which or "requests"):
                missing[name].append(container["name"])
    if missing:
        text = "; ".join(
            f"{name} for: {','.join(sorted(names))}" for name, names in sorted(missing.items())
        )
        raise forbidden(ref, f"failed quota: {quota['metadata']['name']}: must specify {text}")


def _share(item: Item) -> Amounts:
    """What one object counts for."""
    kind = item["kind"]
    info = BY_KIND.get(kind)
    if info is None:
        return {}
    found: Amounts = {f"count/{resource(kind)}": Decimal(1)}
    if kind == "Pod":
        if is_finished(item):
            return found
        found["pods"] = Decimal(1)
        for which in ("requests", "limits"):
            for name, value in pod_amounts(item.get("spec") or {}, which).items():
                found[f"{which}.{name}"] = value
                if which == "requests":
                    found[name] = value
    elif not info.group:
        found[info.plural] = Decimal(1)
    return found
