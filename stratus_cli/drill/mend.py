"""Putting objects back as they were: the way out of a fault, whatever was done to it meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Mapping
from typing import Any

from stratus_cli.drill.api import Api, Item
from stratus_cli.drill.errors import DrillError
from stratus_cli.drill.ground import WELL_WITHIN_S, Ground
from stratus_cli.drill.ledger import Ledger
from stratus_cli.drill.state import ALLOCATED, State, capture, differences, wishes
from stratus_cli.kube.diff import same_value
from stratus_cli.kube.normal import normal_form
from stratus_cli.model.errors import Conflict, Forbidden, Invalid, NotFound
from stratus_cli.model.ref import Ref

TRIES = 6
GONE_WITHIN_S = 60.0


def bare(item: Mapping[str, Any]) -> Item:
    """The object as it can be created: without what the server keeps or gives out."""
    made = normal_form(item)
    made["metadata"].pop("ownerReferences", None)
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        made["metadata"].pop(name, None)
    spec = made.get("spec")
    if isinstance(spec, dict):
        for name in ALLOCATED.get(item["kind"], ()):
            if name != "clusterIP" or spec.get(name) != "None":
                spec.pop(name, None)
        if made["kind"] == "Service" and spec.get("clusterIP") == "None":
            spec["clusterIPs"] = ["None"]
    return made


def restore(ground: Ground, ledger: Ledger, wanted: Iterable[tuple[str, Item | None]]) -> None:
    """Each object, by its key, as it was; None: it was not there."""
    for key, item in wanted:
        _restore_one(ground, ledger, key, item)


def restore_all(ground: Ground, ledger: Ledger, healthy: State, spaces: list[str]) -> int:
    """Everything in these namespaces as it was when well. How many objects were not."""
    now = capture(ground.api, spaces)
    inside = {key: item for key, item in healthy.objects.items() if key.partition("/")[0] in spaces}
    labels = [f"/Namespace/{space}" for space in spaces]
    inside |= {key: healthy.objects[key] for key in labels if key in healthy.objects}
    moved = dict.fromkeys(item.ref for item in differences(State(inside), now))
    restore(ground, ledger, [(key, inside.get(key)) for key in in_order(moved, inside)])
    return len(moved)


def in_order(moved: Iterable[str], there: Container[str]) -> list[str]:
    """What is to be there first; what its users hold goes last, after those."""
    return sorted(moved, key=lambda key: (key not in there, is_volume(key), key))


def is_volume(key: str) -> bool:
    """Of a claim or volume, which its users hold."""
    return key.split("/")[1] in ("PersistentVolumeClaim", "PersistentVolume")


def renew(ground: Ground, ledger: Ledger, spaces: Iterable[str]) -> None:
    """Delete pods with a container that has ended: their controllers make them anew.

    What they had leaked stays with them, and what is left of the case before would be taken for an
    illness in the next one.
    """
    for space in spaces:
        for pod in ground.api.items("Pod", space):
            if _is_kept_up(pod) and _has_ended(pod):
                ref = Ref("Pod", space, pod["metadata"]["name"], pod["apiVersion"])
                with contextlib.suppress(NotFound):
                    _let_go(ground, ledger, ref, pod)


def _is_kept_up(pod: Item) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner["kind"] != "Job" for owner in owners)


def _has_ended(pod: Item) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(status.get("restartCount") for status in statuses)


def _restore_one(ground: Ground, ledger: Ledger, key: str, wanted: Item | None) -> None:
    api = ground.api
    ref = _ref(api, key, wanted)
    if ref is None:
        return  # its kind went with its definition
    for _ in range(TRIES):
        live = api.get(ref)
        try:
            if live is not None and live["metadata"].get("deletionTimestamp"):
                _wait_gone(ground, ref, live)
            elif live is None and wanted is not None:
                made = bare(wanted)
                ledger.write(ref, None, made, lambda made=made: api.create(made))  # type: ignore[misc]  # bound now
                return
            elif live is None:
                return
            elif wanted is None:
                _delete(ground, ledger, ref, live)
                return
            elif same_value(wishes(live), wishes(wanted)):
                return
            else:
                after = _over(wanted, live)
                ledger.write(ref, live, after, lambda after=after: api.replace(after))  # type: ignore[misc]  # bound now
                return
        except Conflict:
            continue
        except (Invalid, Forbidden):
            if live is None or wanted is None:
                raise
            _delete(ground, ledger, ref, live)  # a field that cannot be changed in place
    raise DrillError("it could not be put back", key)


def _over(wanted: Item, live: Item) -> Item:
    """What was wished, on what the server keeps of the live object."""
    made = normal_form(wanted)
    kept = ("resourceVersion", "uid", "ownerReferences")
    for name in kept:
        if name in live["metadata"]:
            made["metadata"][name] = live["metadata"][name]
    for name in ALLOCATED.get(wanted["kind"], ()):
        spec, old = made.get("spec"), live.get("spec")
        if isinstance(spec, dict) and isinstance(old, dict) and name in old:
            spec[name] = old[name]
    return made


def _delete(ground: Ground, ledger: Ledger, ref: Ref, live: Item) -> None:
    _let_go(ground, ledger, ref, live)
    _wait_gone(ground, ref, live)


def _let_go(ground: Ground, ledger: Ledger, ref: Ref, live: Item) -> None:
    def do() -> None:
        ground.api.delete(ref)

    ledger.write(ref, live, None, do)


def _wait_gone(ground: Ground, ref: Ref, live: Item) -> None:
    uid = live["metadata"]["uid"]
    ground.until(
        lambda: ((ground.api.get(ref) or {}).get("metadata") or {}).get("uid") != uid,
        f"{ref} gone",
        # The pods that hold it are replaced first, which takes as long as any rollout.
        WELL_WITHIN_S if is_volume(str(ref)) else GONE_WITHIN_S,
    )


def _ref(api: Api, key: str, wanted: Item | None) -> Ref | None:
    namespace, kind, name = key.split("/", 2)
    if wanted is not None:
        return Ref(kind, namespace, name, wanted["apiVersion"])
    known = next((info for info in api.kinds if info.kind == kind), None)
    try:
        info = known or api.info(kind)
    except NotFound:
        return None
    return Ref(kind, namespace, name, info.api_version)
