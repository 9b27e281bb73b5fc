"""A Deployment's status and its conditions (pkg/controller/deployment/progress.go, sync.go)."""

from __future__ import annotations

from stratus_cli.cluster.twin import conditions, scaling
from stratus_cli.cluster.twin.parts import MANAGER, Parts
from stratus_cli.cluster.twin.store import Item, Key, fresh, key_of
from stratus_cli.cluster.twin.timeline import WorkQueue

NO_DEADLINE = 2**31 - 1
DONE = "NewReplicaSetAvailable"
LATE = "ProgressDeadlineExceeded"


class StatusWriter:
    """Writes statuses, and asks to be called again when a deadline may have passed."""

    def __init__(self, parts: Parts, queue: WorkQueue[Key]) -> None:
        self._parts = parts
        self._queue = queue

    def is_complete(self, deployment: Item) -> bool:
        """All wanted pods are of the present template, and available; no others."""
        return _is_complete(deployment, deployment.get("status") or {})

    def created(self, deployment: Item, replica_set: Item) -> None:
        """A ReplicaSet was made for a new template."""
        self._progress(
            deployment,
            "NewReplicaSetCreated",
            f'Created new replica set "{replica_set["metadata"]["name"]}"',
        )

    def found(self, deployment: Item, replica_set: Item) -> None:
        """The template's ReplicaSet was there already (only said when nothing was said yet)."""
        if conditions.find(deployment.get("status") or {}, "Progressing") is None:
            name = replica_set["metadata"]["name"]
            self._progress(deployment, "FoundNewReplicaSet", f'Found new replica set "{name}"')

    def paused(self, deployment: Item) -> None:
        """Say that a rollout was paused or resumed, so that its deadline starts anew."""
        if not _deadline(deployment):
            return
        progress = conditions.find(deployment.get("status") or {}, "Progressing")
        reason = progress["reason"] if progress else ""
        if reason == LATE:
            return
        is_paused = bool(deployment["spec"].get("paused"))
        if is_paused and reason != "DeploymentPaused":
            self._progress(deployment, "DeploymentPaused", "Deployment is paused", "Unknown")
        elif not is_paused and reason == "DeploymentPaused":
            self._progress(deployment, "DeploymentResumed", "Deployment is resumed", "Unknown")

    def scaled(self, deployment: Item, new: Item | None, old: list[Item]) -> None:
        """After scaling or while paused: numbers only, no progress is judged."""
        self._write(deployment, self._counted(deployment, new, old))

    def sync(self, deployment: Item, new: Item | None, old: list[Item]) -> None:
        """After a step of a rollout: numbers, progress, failures."""
        status = self._counted(deployment, new, old)
        before = deployment.get("status") or {}
        if not _deadline(deployment):
            conditions.drop(status, "Progressing")
        current = conditions.find(before, "Progressing")
        finished = (
            status.get("replicas", 0) == status.get("updatedReplicas", 0)
            and current is not None
            and current["reason"] == DONE
        )
        if _deadline(deployment) and not finished:
            self._judge(deployment, status, new, current)
        failure = _failure([*([new] if new else []), *old])
        if failure is None:
            conditions.drop(status, "ReplicaFailure")
        else:
            self._set(status, failure)
        if not self._write(deployment, status):
            self._wait(deployment, status)

    def _judge(
        self, deployment: Item, status: Item, new: Item | None, current: Item | None
    ) -> None:
        before = deployment.get("status") or {}
        subject = (
            f'ReplicaSet "{new["metadata"]["name"]}"'
            if new
            else f'Deployment "{deployment["metadata"]["name"]}"'
        )
        if _is_complete(deployment, status):
            message = f"{subject} has successfully progressed."
            self._set(status, self._condition("Progressing", "True", DONE, message))
        elif _is_progressing(before, status):
            message = f"{subject} is progressing."
            condition = self._condition("Progressing", "True", "ReplicaSetUpdated", message)
            if current is not None and current["status"] == "True":
                condition["lastTransitionTime"] = current["lastTransitionTime"]
            conditions.drop(status, "Progressing")
            status["conditions"].append(condition)
        elif self._is_late(deployment, status):
            message = f"{subject} has timed out progressing."
            self._set(status, self._condition("Progressing", "False", LATE, message))

    def _counted(self, deployment: Item, new: Item | None, old: list[Item]) -> Item:
        sets = [*old, *([new] if new else [])]
        available = scaling.status_total(sets, "availableReplicas")
        numbers = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": scaling.status_total(sets, "replicas"),
            "updatedReplicas": scaling.status_total([new] if new else [], "replicas"),
            "readyReplicas": scaling.status_total(sets, "readyReplicas"),
            "availableReplicas": available,
            "unavailableReplicas": max(0, scaling.total(sets) - available),
        }
        status: Item = {name: number for name, number in numbers.items() if number}
        status["conditions"] = fresh((deployment.get("status") or {}).get("conditions") or [])
        enough = scaling.replicas(deployment) - scaling.max_unavailable(deployment)
        if available >= enough:
            reason, message = "MinimumReplicasAvailable", "Deployment has minimum availability."
        else:
            reason = "MinimumReplicasUnavailable"
            message = "Deployment does not have minimum availability."
        truth = "True" if available >= enough else "False"
        self._set(status, self._condition("Available", truth, reason, message))
        return status

    def _is_late(self, deployment: Item, status: Item) -> bool:
        condition = conditions.find(status, "Progressing")
        if condition is None or condition["reason"] == DONE:
            return False
        if condition["reason"] == LATE:
            return True
        since = self._parts.timeline.seconds_at(condition["lastUpdateTime"])
        return self._parts.timeline.now_s > since + _deadline(deployment)

    def _wait(self, deployment: Item, status: Item) -> None:
        condition = conditions.find(status, "Progressing")
        if not _deadline(deployment) or condition is None:
            return
        if _is_complete(deployment, status) or condition["reason"] == LATE:
            return
        since = self._parts.timeline.seconds_at(condition["lastUpdateTime"])
        left = since + _deadline(deployment) - self._parts.timeline.now_s
        self._queue.add(key_of(deployment), max(left, 0.0) + 1.0)

    def _progress(self, deployment: Item, reason: str, message: str, truth: str = "True") -> None:
        if not _deadline(deployment):
            return
        status = fresh(deployment.get("status") or {})
        self._set(status, self._condition("Progressing", truth, reason, message))
        self._write(deployment, status)

    def _condition(self, kind: str, truth: str, reason: str, message: str) -> Item:
        stamp = self._parts.timeline.stamp()
        return {
            "type": kind,
            "status": truth,
            "lastUpdateTime": stamp,
            "lastTransitionTime": stamp,
            "reason": reason,
            "message": message,
        }

    def _set(self, status: Item, condition: Item) -> None:
        """Same status and reason: the old condition stays, times and all."""
        old = conditions.find(status, condition["type"])
        if old and (old["status"], old["reason"]) == (condition["status"], condition["reason"]):
            return
        if old and old["status"] == condition["status"]:
            condition["lastTransitionTime"] = old["lastTransitionTime"]
        conditions.drop(status, condition["type"])
        status.setdefault("conditions", []).append(condition)

    def _write(self, deployment: Item, status: Item) -> bool:
        return self._parts.api.set_status(deployment, status, MANAGER)


def _deadline(deployment: Item) -> int:
    """progressDeadlineSeconds, 0 for none."""
    seconds = int(deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE))
    return 0 if seconds == NO_DEADLINE else seconds


def _is_complete(deployment: Item, status: Item) -> bool:
    wanted = scaling.replicas(deployment)
    names = ("updatedReplicas", "replicas", "availableReplicas")
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return seen and all(status.get(name, 0) == wanted for name in names)


def _is_progressing(before: Item, after: Item) -> bool:
    def old_pods(status: Item) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    return old_pods(after) < old_pods(before) or any(
        after.get(name, 0) > before.get(name, 0)
        for name in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )


def _failure(sets: list[Item]) -> Item | None:
    """The first ReplicaFailure of its ReplicaSets, the new one's before others."""
    for item in sets:
        found = conditions.find(item.get("status") or {}, "ReplicaFailure")
        if found is not None:
            return {**found, "lastUpdateTime": found["lastTransitionTime"]}
    return None
