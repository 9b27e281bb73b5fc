"""A change as one kubectl line that a person could type; the inverse of a plan's step, above all.

The lines are for reading and pasting; nothing runs them. Every name is quoted for a shell.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any

from stratus_cli.kube.custom import word_of
from stratus_cli.kube.diff import diff, of_whole_values
from stratus_cli.kube.for_good import is_for_good
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.kube.paths import with_value
from stratus_cli.model.change import ABSENT, Change, FieldEdit, Json
from stratus_cli.model.ref import Ref

_ELEMENT = re.compile(r"\]$")


def inverse_of(change: Change) -> str:
    """The line that takes this change back, or that nothing does."""
    if is_for_good(change.ref.kind, change.before, change.after):
        return f"(none: a deleted {change.ref.kind} cannot be put back as it was)"
    return kubectl_of_change(change.inverse())


def kubectl_of_change(change: Change) -> str:
    """One line that makes this change by hand; good for an inverse, which no runbook wrote."""
    target, where = target_of(change.ref), namespace_of(change.ref)
    if change.after is None:
        return f"kubectl{where} delete {target}"
    if change.before is None:
        return f"kubectl{where} create -f -   # the manifest is in the journal"
    edits = of_whole_values(diff(change.before, change.after), change.before, change.after)
    if not edits:
        return f"kubectl{where} get {target}   # nothing to change"
    return _short(change.ref, edits) or _patch(change.ref, edits)


def _short(ref: Ref, edits: tuple[FieldEdit, ...]) -> str:
    """The special verbs of kubectl, where one says it all."""
    target, where = target_of(ref), namespace_of(ref)
    if len(edits) == 1 and edits[0].path == "spec.replicas" and isinstance(edits[0].after, int):
        return f"kubectl{where} scale {target} --replicas={edits[0].after}"
    image = re.compile(r"spec\.template\.spec\.(?:initC|c)ontainers\[name=([^\]]+)\]\.image")
    matches = [image.fullmatch(edit.path) for edit in edits]
    if all(matches) and all(isinstance(edit.after, str) for edit in edits):
        pairs = (
            shlex.quote(f"{match[1]}={edit.after}")
            for match, edit in zip(matches, edits, strict=True)
            if match
        )
        return f"kubectl{where} set image {target} {' '.join(pairs)}"
    return ""


def patch_of(edits: Iterable[FieldEdit]) -> dict[str, Any]:
    """A strategic merge patch: list elements are named by their keys, absent fields are null."""
    patch: dict[str, Any] = {}
    for edit in edits:
        wanted = edit.after
        if wanted is ABSENT:
            wanted = None
            if _ELEMENT.search(edit.path) and "=" in edit.path.rpartition("[")[2]:
                patch = with_value(patch, f"{edit.path}.$patch", "delete")
                continue
        patch = with_value(patch, edit.path, wanted)
    return patch


def _patch(ref: Ref, edits: tuple[FieldEdit, ...]) -> str:
    patch = patch_of(edits)
    # Of a custom resource every list is one value, and the server takes no strategic patch.
    strategic = _has_list(patch) and (ref.kind in BY_KIND or not ref.api_version)
    kind = "" if strategic else " --type=merge"
    text = shlex.quote(json.dumps(patch, separators=(",", ":"), ensure_ascii=False))
    return f"kubectl{namespace_of(ref)} patch {target_of(ref)}{kind} -p {text}"


def _has_list(item: Json) -> bool:
    if isinstance(item, dict):
        return any(_has_list(part) for part in item.values())
    return isinstance(item, list)


def target_of(ref: Ref) -> str:
    """The kind and name of the object; of a custom kind with version and group."""
    is_custom = ref.kind not in BY_KIND and ref.api_version
    kind = word_of(ref.kind, ref.api_version) if is_custom else ref.kind.lower()
    return f"{kind} {shlex.quote(ref.name)}"


def namespace_of(ref: Ref) -> str:
    """The flag -n with a blank before it, or ""."""
    return f" -n {shlex.quote(ref.namespace)}" if ref.namespace else ""
