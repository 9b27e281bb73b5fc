"""Opening a pod template to change it, and finding the containers that an action names."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stratus_cli.actions.base import LISTS, Item, Reader, pod_spec
from stratus_cli.actions.owners import made_by
from stratus_cli.actions.whole import whole
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref


@dataclass(frozen=True)
class Opened:
    """An object as read, a copy to change, and the pod spec inside that copy."""

    before: Item
    after: Item
    spec: Item


def opened(read: Reader, ref: Ref) -> Opened | Refusal:
    """The object's pod template, to be changed. Refused where another object decides it."""
    before = whole(read, ref)
    if isinstance(before, Refusal):
        return before
    after = copy.deepcopy(before)
    spec = pod_spec(after, ref.kind)
    if spec is None:
        return Refusal("kind", f"a {ref.kind} has no containers")
    return made_by(before, ref) or Opened(before, after, spec)


def named(spec: Item, names: Iterable[str], ref: Ref) -> list[tuple[str, Item]] | Refusal:
    """(path inside the pod spec, container) of each name; "*" means all, init containers too.

    So does kubectl, and the line that is shown must mean the same.
    """
    present = list(every(spec))
    found: list[tuple[str, Item]] = []
    for name in names:
        if name == "*":
            found.extend(present)
            continue
        matching = [item for item in present if item[1].get("name") == name]
        if not matching:
            known = [str(item.get("name")) for _, item in present]
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"name one of: {', '.join(known)}"
            return Refusal("container", f"{ref} has no container {name}", hint)
        found.extend(matching[:1])
    return found


def every(spec: Item) -> Iterator[tuple[str, Item]]:
    """Every container with its path, init containers last."""
    for list_name in LISTS:
        for container in spec.get(list_name) or ():
            if isinstance(container, dict):
                yield f"{list_name}[name={container.get('name')}]", container
