"""Make an object as a manifest says (kubectl apply). Reversible.

Where it is absent it is created. Where it is there: fields of the manifest are set, fields that the
last applied manifest had and this one has not are removed, everything else stays.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from stratus_cli.actions.base import Item, Prepared, Reader, update
from stratus_cli.actions.fixed import forbidden
from stratus_cli.actions.manifest import LAST_APPLIED, creatable, created, shown
from stratus_cli.actions.owners import decided_elsewhere
from stratus_cli.actions.whole import misshapen
from stratus_cli.kube.diff import diff
from stratus_cli.kube.lists import FREE_MAPS, keyed, merge_key
from stratus_cli.kube.merge import DIRECTIVE, strategic
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class ApplyObject:
    """manifest: the whole object as it is wanted."""

    KIND: ClassVar[str] = "apply-object"
    ref: Ref
    manifest: dict[str, Any]

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """One creation, or one update of the fields that differ."""
        made = creatable(self.ref, self.manifest)
        if isinstance(made, Refusal):
            return made
        text = shown("apply", self.ref, self.manifest)
        before = read.get(self.ref)
        if before is None:
            made["metadata"]["annotations"] = {
                **(made["metadata"].get("annotations") or {}),
                LAST_APPLIED: _written(self.manifest),
            }
            return created(self.ref, made, text)
        wrong = misshapen(before, self.ref.kind)
        if wrong:
            return Refusal("shape", f"{wrong} of {self.ref} is not what the API says it is")
        try:
            after = self._applied(before, made)
        except (ValueError, TypeError, AttributeError) as error:
            return Refusal("manifest", f"the manifest does not fit {self.ref}: {error}")
        refusal = forbidden(before, after) or decided_elsewhere(
            before, [edit.path for edit in diff(before, after)], self.ref, read
        )
        return refusal or update(before, after, self.ref, text)

    def _applied(self, before: Item, made: Item) -> Item:
        earlier = _last_applied(before)
        patch = copy.deepcopy(made)
        _remove_dropped(self.ref.kind, (), earlier, patch)
        after = strategic(before, patch, self.ref.kind)
        if earlier != self.manifest:
            marks = dict(after["metadata"].get("annotations") or {})
            after["metadata"]["annotations"] = {**marks, LAST_APPLIED: _written(self.manifest)}
        return after


def _last_applied(item: Item) -> Item:
    text = (item["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        found = {}
    if not isinstance(found, dict):
        return {}
    return found


def _remove_dropped(
    kind: str, names: tuple[str, ...], earlier: Mapping[str, Any], patch: Item
) -> None:
    """Say in the patch that what only the earlier manifest has must go."""
    for name, value in earlier.items():
        path = (*names, name)
        if name not in patch:
            if path in (("status",), ("metadata", "namespace")):
                continue
            ours = isinstance(value, Mapping) and name in FREE_MAPS
            # kubectl takes the whole map, and with it the labels that others put beside ours.
            patch[name] = dict.fromkeys(value) if ours else None
        elif isinstance(value, Mapping) and isinstance(patch[name], dict):
            _remove_dropped(kind, path, value, patch[name])
        elif isinstance(value, list) and isinstance(patch[name], list):
            _remove_elements(kind, path, value, patch[name])


def _remove_elements(
    kind: str, path: tuple[str, ...], earlier: list[Any], patch: list[Any]
) -> None:
    key = merge_key(kind, path)
    old = keyed(earlier, (key,)) if key else None
    new = keyed(patch, (key,)) if key else None
    if key is None or old is None or new is None:
        return
    for place, element in old.items():
        if place in new:
            _remove_dropped(kind, path, element, new[place])
        else:
            patch.append({key: element[key], DIRECTIVE: "delete"})


def _written(manifest: Mapping[str, Any]) -> str:
    """As kubectl writes it."""
    return json.dumps(manifest, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
