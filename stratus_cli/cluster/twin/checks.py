"""What is certainly wrong in a rehearsed cluster: each problem with a key, to tell old from new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli.cluster.twin import conditions, scaling
from stratus_cli.cluster.twin.store import Item, controller_uid
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.model.plan import Refusal

Problems = dict[tuple[str, str], Refusal]
"""By check and the unit (or unit and reference) it is about."""
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Readable:
    """Which kinds were read without a gap: what was not read is not known to be absent."""

    kinds: frozenset[str]

    def all(self, *kinds: str) -> bool:
        """Whether all of these were read."""
        return self.kinds.issuperset(kinds)


def problems(twin: Twin, namespaces: set[str], readable: Readable) -> Problems:
    """Everything certain, in these namespaces."""
    found: Problems = {}
    for space in sorted(namespaces):
        if readable.all("Node"):
            found.update(_unschedulable(twin, space))
        if readable.all("ConfigMap") or readable.all("Secret"):
            found.update(_missing_references(twin, space, readable))
        if readable.all("Pod", *WORKLOADS):
            found.update(_empty_selectors(twin, space))
        if readable.all("ResourceQuota", "Pod"):
            found.update(_used_up(twin, space))
    return found


def full_outage(before: Item, after: Item) -> Refusal | None:
    """A rollout whose strategy takes every pod of a serving Deployment away at once."""
    ready = int((before.get("status") or {}).get("readyReplicas", 0))
    wanted = scaling.replicas(after)
    if not ready or not wanted or before["spec"]["template"] == after["spec"]["template"]:
        return None
    strategy = after["spec"]["strategy"]["type"]
    if strategy != "Recreate" and scaling.max_unavailable(after) < wanted:
        return None
    meta = after["metadata"]
    how = "strategy Recreate" if strategy == "Recreate" else "maxUnavailable of all its pods"
    return Refusal(
        "full-outage",
        f"{meta['namespace']}/Deployment/{meta['name']} serves with {ready} ready pods, and its"
        f" {how} takes all of them away before new ones serve",
        "change the strategy first, or accept the outage by hand",
    )


def _unschedulable(twin: Twin, space: str) -> Iterator[tuple[tuple[str, str], Refusal]]:
    for pod in twin.peek("Pod", space):
        scheduled = conditions.find(pod.get("status") or {}, "PodScheduled")
        if scheduled is None or scheduled.get("reason") != "Unschedulable":
            continue
        unit = _unit(twin, pod)
        reason = f"a pod of {unit} would find no node: {scheduled['message']}"
        lift = "free or add room, or change what the pods ask of a node"
        yield ("unschedulable", unit), Refusal("unschedulable", reason, lift)


def _unit(twin: Twin, item: Item) -> str:
    """The top controller that is known, in text."""
    space = item["metadata"].get("namespace", "")
    for _ in range(3):
        uid = controller_uid(item)
        kinds = ("ReplicaSet", *WORKLOADS) if uid else ()
        owners = (owner for kind in kinds for owner in twin.peek(kind, space))
        owner = next((one for one in owners if one["metadata"]["uid"] == uid), None)
        if owner is None:
            break
        item = owner
    return f"{space}/{item['kind']}/{item['metadata']['name']}"


def _missing_references(
    twin: Twin, space: str, readable: Readable
) -> Iterator[tuple[tuple[str, str], Refusal]]:
    present = {
        kind: {item["metadata"]["name"] for item in twin.peek(kind, space)}
        for kind in ("ConfigMap", "Secret")
        if readable.all(kind)
    }
    for kind in WORKLOADS:
        for workload in twin.peek(kind, space):
            unit = f"{space}/{kind}/{workload['metadata']['name']}"
            for needed, name in references(workload["spec"]["template"]["spec"]):
                if needed not in present or name in present[needed] or name == "kube-root-ca.crt":
                    continue
                reason = f"{unit} needs {needed} {name}, which would not be there"
                yield (
                    ("reference", f"{unit} {needed} {name}"),
                    Refusal("reference", reason, f"create {needed} {space}/{name} first"),
                )


def references(spec: Item) -> Iterator[tuple[str, str]]:
    """(kind, name) of the ConfigMaps and Secrets that a pod spec cannot do without."""
    for volume in spec.get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
                found = source.get(field) or {}
                name = found.get("name") or found.get("secretName")
                if name and not found.get("optional"):
                    yield kind, str(name)
    for group in ("initContainers", "containers"):
        for container in spec.get(group) or ():
            yield from _of_container(container)


def _of_container(container: Item) -> Iterator[tuple[str, str]]:
    values = [item.get("valueFrom") or {} for item in container.get("env") or ()]
    for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
        chosen = [value.get(f"{field}KeyRef") for value in values]
        chosen += [item.get(f"{field}Ref") for item in container.get("envFrom") or ()]
        for found in chosen:
            if found and found.get("name") and not found.get("optional"):
                yield kind, str(found["name"])


def _empty_selectors(twin: Twin, space: str) -> Iterator[tuple[tuple[str, str], Refusal]]:
    labels = [pod["metadata"].get("labels") or {} for pod in twin.peek("Pod", space)]
    for kind in WORKLOADS:
        for workload in twin.peek(kind, space):
            labels.append(workload["spec"]["template"]["metadata"].get("labels") or {})
    for service in twin.peek("Service", space):
        selector = (service.get("spec") or {}).get("selector") or {}
        if not selector or any(selector.items() <= known.items() for known in labels):
            continue
        unit = f"{space}/Service/{service['metadata']['name']}"
        reason = f"the selector of {unit} would match no pod and no workload"
        refusal = Refusal("selector", reason, "use labels that its pods have")
        yield ("selector", unit), refusal


def _used_up(twin: Twin, space: str) -> Iterator[tuple[tuple[str, str], Refusal]]:
    for replica_set in twin.peek("ReplicaSet", space):
        failure = conditions.find(replica_set.get("status") or {}, "ReplicaFailure")
        # "must specify" is no certain refusal: a LimitRange, which is not read, may fill it in.
        if failure is None or "exceeded quota" not in failure["message"]:
            continue
        unit = _unit(twin, replica_set)
        reason = f"a pod of {unit} would be refused: {failure['message']}"
        yield ("quota", unit), Refusal("quota", reason, "raise the quota, or ask for less")
