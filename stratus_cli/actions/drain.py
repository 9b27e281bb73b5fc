"""Empty a node: cordon it, and evict its pods one by one. Compensable.

The cordon is taken back; an evicted pod is made good by its controller, on another node. A pod that
nothing would make again, or whose data would be lost, is a reason to refuse the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, identified, line
from stratus_cli.actions.budgets import no_room
from stratus_cli.actions.cordon import Cordon
from stratus_cli.actions.whole import misshapen, whole
from stratus_cli.model.change import EVICTION, Change, Reversibility
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

MIRROR = "kubernetes.io/config.mirror"
FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Drain:
    """ignore_daemonsets: pods of DaemonSets stay. delete_emptydir_data: emptyDir volumes may go."""

    KIND: ClassVar[str] = "drain"
    ref: Ref
    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One update of the node unless it is cordoned, then one eviction a pod."""
        node = whole(read, self.ref)
        if isinstance(node, Refusal):
            return node
        cordon = Cordon(self.ref, unschedulable=True).prepare(read)
        if isinstance(cordon, Refusal):
            if cordon.check != "no change":
                return cordon
            cordon = ()
        pods = self._pods(read)
        if isinstance(pods, Refusal):
            return pods
        if not cordon and not pods:
            return Refusal("no change", f"{self.ref} is cordoned and has no pod to evict")
        refusal = no_room(pods, read)
        return refusal or (*cordon, *(self._evicted(pod) for pod in pods))

    def _pods(self, read: Reader) -> list[Item] | Refusal:
        """The pods that must go, by namespace and name."""
        found: dict[tuple[str, str], Item] = {}
        for pod in read.list("Pod", ""):
            if _node(pod) != self.ref.name:
                continue
            ref = _ref(pod)
            wrong = misshapen(pod, "Pod")
            if wrong:
                return Refusal("shape", f"{wrong} of {ref} is not what the API says it is")
            if _stays(pod):
                continue
            owner = _owner(pod)
            if owner == "DaemonSet" and self.ignore_daemonsets:
                continue
            refusal = self._holds(pod, ref, owner)
            if refusal is not None:
                return refusal
            found[(ref.namespace, ref.name)] = pod
        return [found[key] for key in sorted(found)]

    def _holds(self, pod: Item, ref: Ref, owner: str) -> Refusal | None:
        if owner == "DaemonSet":
            reason = f"{ref} belongs to a DaemonSet, which would put it back"
            return Refusal("daemonset", reason, "add --ignore-daemonsets, which leaves it there")
        if not owner:
            return Refusal("irreversible", f"nothing would make {ref} again", "move it by hand")
        volumes = pod["spec"].get("volumes")
        for volume in volumes if isinstance(volumes, list) else ():
            if isinstance(volume, dict) and "emptyDir" in volume and not self.delete_emptydir_data:
                reason = f"the data in emptyDir {volume.get('name')} of {ref} would be lost"
                return Refusal("emptydir", reason, "add --delete-emptydir-data, which accepts that")
        return None

    def _evicted(self, pod: Item) -> Prepared:
        ref = identified(_ref(pod), pod)
        change = Change(ref, pod, None, Reversibility.COMPENSABLE, EVICTION)
        # kubectl has no verb for one eviction.
        return Prepared(change, line("drain", self.ref.name, *self._flags()), ())

    def _flags(self) -> list[str]:
        flags = {
            "--ignore-daemonsets": self.ignore_daemonsets,
            "--delete-emptydir-data": self.delete_emptydir_data,
        }
        return [flag for flag, given in flags.items() if given]


def _ref(pod: Item) -> Ref:
    meta = pod["metadata"]
    return Ref("Pod", str(meta.get("namespace", "")), str(meta["name"]), "v1")


def _node(pod: Item) -> object:
    spec = pod.get("spec")
    return spec.get("nodeName") if isinstance(spec, dict) else None


def _stays(pod: Item) -> bool:
    """A static pod's mirror, one that has ended, and one that goes already."""
    meta, status = pod["metadata"], pod.get("status")
    phase = status.get("phase") if isinstance(status, dict) else ""
    marks = meta.get("annotations") or {}
    return phase in FINISHED or MIRROR in marks or bool(meta.get("deletionTimestamp"))


def _owner(pod: Item) -> str:
    """The kind of its controller, "" when nothing controls it."""
    for owner in pod["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner.get("kind"))
    return ""
