"""What kubectl does on its side: apply, patch. On top of the twin's API server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stratus_cli.cluster.twin import managed
from stratus_cli.cluster.twin.api import ApiServer
from stratus_cli.cluster.twin.refusals import apply_conflict, not_found, not_served
from stratus_cli.cluster.twin.served import served
from stratus_cli.cluster.twin.store import Item, fresh
from stratus_cli.cluster.twin.world import Target
from stratus_cli.kube.lists import merge_key
from stratus_cli.kube.merge import json_patch, merge_patch, strategic
from stratus_cli.model.ref import Ref

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def apply(
    api: ApiServer,
    manifest: Mapping[str, Any],
    manager: str,
    *,
    server_side: bool,
    force: bool = True,
) -> Item:
    """Create or update as `kubectl apply` does: three-way, from what was applied last.

    Server-side without force: Conflict where another manager owns a field and it would change.
    """
    wanted = fresh(dict(manifest))
    info = served(api.store, wanted["kind"], str(wanted.get("apiVersion", "")))
    if info is None:
        raise not_served(wanted["kind"])
    wanted["apiVersion"] = info.api_version
    meta = wanted["metadata"]
    if info.namespaced:
        meta.setdefault("namespace", "default")
    text = json.dumps(wanted, separators=(",", ":")) + "\n"
    live = api.store.get(wanted["kind"], meta.get("namespace", ""), meta["name"])
    before = _last_applied(live)
    if not server_side:
        meta["annotations"] = {**(meta.get("annotations") or {}), LAST_APPLIED: text}
    if live is None:
        return api.create(wanted, manager, applied=fresh(wanted) if server_side else None)
    patch = _with_deletions(wanted["kind"], (), before, wanted)
    merged = strategic(_without_identity(live), patch, wanted["kind"])
    if not server_side:
        return api.replace(merged, manager)
    found = list(managed.conflicts(wanted, live, manager))
    if found and not force:
        raise apply_conflict(wanted, found)
    return api.replace(merged, manager, applied=wanted)


def patch(api: ApiServer, target: Target, manager: str) -> Item:
    """Change one object by one of the three kinds of patch. NotFound when it is absent."""
    live = _live(api, target)
    item = _without_identity(live)
    if target.merge is not None:
        return api.replace(merge_patch(item, target.merge), manager)
    if target.strategic is not None:
        return api.replace(strategic(item, target.strategic, target.kind), manager)
    return api.replace(json_patch(item, target.json or []), manager)


def ref_of(api: ApiServer, target: Target) -> Ref:
    """The Ref that a patch or deletion of a script means."""
    info = served(api.store, target.kind)
    if info is None:
        raise not_served(target.kind)
    space = (target.namespace or "default") if info.namespaced else ""
    return Ref(target.kind, space, target.name, info.api_version)


def _live(api: ApiServer, target: Target) -> Item:
    ref = ref_of(api, target)
    live = api.store.get(ref.kind, ref.namespace, ref.name)
    if live is None:
        raise not_found(ref)
    return live


def _without_identity(live: Item) -> Item:
    """A copy to change, that goes through whatever happened meanwhile."""
    copy: Item = fresh(live)
    copy["metadata"].pop("resourceVersion", None)
    return copy


def _last_applied(live: Item | None) -> Item:
    text = ((live or {}).get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED, "{}")
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _with_deletions(kind: str, path: tuple[str, ...], before: Any, after: Any) -> Any:  # noqa: ANN401
    """`after` as a strategic patch that also takes away what only `before` has."""
    if isinstance(before, dict) and isinstance(after, dict):
        made = {name: None for name in before if name not in after}
        for name, value in after.items():
            made[name] = _with_deletions(kind, (*path, name), before.get(name), value)
        return made
    if isinstance(before, list) and isinstance(after, list):
        key = merge_key(kind, path)
        if key is not None and _are_keyed(before, key) and _are_keyed(after, key):
            old = {str(element[key]): element for element in before}
            new = {str(element[key]) for element in after}
            kept = [
                _with_deletions(kind, path, old.get(str(element[key])), element)
                for element in after
            ]
            gone = [element for name, element in old.items() if name not in new]
            return [*kept, *({"$patch": "delete", key: element[key]} for element in gone)]
    return after


def _are_keyed(elements: list[Any], key: str) -> bool:
    return all(isinstance(element, dict) and key in element for element in elements)
