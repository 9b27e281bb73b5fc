"""Reading the object that an action is about, and what an action may rely on in its shape.

A cluster's data may be of any shape (custom admission, old versions, hostile servers). What an
action walks through is checked here once, so that a strange object is refused and never a crash.
"""

from __future__ import annotations

from typing import Any

from stratus_cli.actions.base import LISTS, POD_SPEC, Item, Reader, missing
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


def whole(read: Reader, ref: Ref) -> Item | Refusal:
    """The object as it is; Refusal when it is absent or not shaped as the API says."""
    item = read.get(ref)
    if item is None:
        return missing(ref)
    wrong = misshapen(item, ref.kind)
    if wrong:
        return Refusal("shape", f"{wrong} of {ref} is not what the API says it is")
    return item


def misshapen(item: Item, kind: str) -> str:
    """The first field that is not shaped as the API says, or ""."""
    if not isinstance(item, dict):
        return "the document"
    meta = item.get("metadata")
    if not isinstance(meta, dict):
        return "metadata"
    if _marks(meta):
        return _marks(meta)
    for name in ("ownerReferences", "finalizers"):
        if not isinstance(meta.get(name) or [], list):
            return f"metadata.{name}"
    if any(not isinstance(owner, dict) for owner in meta.get("ownerReferences") or ()):
        return "metadata.ownerReferences"
    if not isinstance(item.get("spec", {}), dict):
        return "spec"
    return _template(item, kind)


def _marks(meta: Any) -> str:  # noqa: ANN401  # JSON from a cluster
    if not isinstance(meta or {}, dict):
        return "metadata"
    for name in ("labels", "annotations"):
        if not isinstance((meta or {}).get(name) or {}, dict):
            return f"metadata.{name}"
    return ""


def _template(item: Item, kind: str) -> str:
    node: Any = item
    walked = []
    for name in POD_SPEC.get(kind, ()):
        walked.append(name)
        node = node.get(name)
        if not isinstance(node, dict):
            return ".".join(walked)
        if name == "template":
            wrong = _marks(node.get("metadata"))
            if wrong:
                return ".".join((*walked, wrong))
    return _containers(node, ".".join(walked)) if walked else ""


def _containers(spec: Item, path: str) -> str:
    for name in LISTS:
        containers = spec.get(name)
        if not isinstance(containers, list | None):
            return f"{path}.{name}"
        for container in containers or ():
            if not isinstance(container, dict) or not isinstance(container.get("name"), str):
                return f"{path}.{name}"
            if not isinstance(container.get("env"), list | None):
                return f"{path}.{name}[name={container['name']}].env"
            resources = container.get("resources") or {}
            if not isinstance(resources, dict) or any(
                not isinstance(resources.get(part) or {}, dict) for part in ("limits", "requests")
            ):
                return f"{path}.{name}[name={container['name']}].resources"
    return ""
