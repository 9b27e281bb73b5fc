"""Custom resources: the kinds that only the cluster knows, put in place of their words.

The grammar reads "widget.example.com/a" without a cluster; which kind that is, in which version and
whether in a namespace, is known here, before anything is prepared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from stratus_cli.actions.base import Action
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.errors import ClusterAnswer
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref, ServedKind

KindOf = Callable[[str], ServedKind | None]
"""model.ports.Cluster.kind_of."""


def resolved(actions: Iterable[Action], kind_of: KindOf) -> tuple[Action, ...] | Refusal:
    """The actions, each on the kind that the cluster serves."""
    found: list[Action] = []
    for action in actions:
        ref = getattr(action, "ref", None)
        if not isinstance(ref, Ref) or "." not in ref.kind:
            found.append(action)
            continue
        known = _known(ref, kind_of)
        if isinstance(known, Refusal):
            return known
        made: Any = action  # every action is a dataclass; the Protocol cannot say so
        found.append(dataclasses.replace(made, ref=known))
    return tuple(found)


def _known(ref: Ref, kind_of: KindOf) -> Ref | Refusal:
    try:
        served = kind_of(ref.kind)
    except ClusterAnswer as error:
        return Refusal("kind", f"{ref.kind}: its kind could not be read ({error.what})", error.hint)
    if served is None:
        return Refusal(
            "kind",
            f"the cluster serves no {ref.kind!r}",
            "look for its name with kubectl api-resources",
        )
    if served.kind in BY_KIND and served.api_version != BY_KIND[served.kind].api_version:
        # A Ref tells kinds apart by their names alone.
        return Refusal("kind", f"{ref.kind} has the name of a built-in kind", "change it by hand")
    namespace = ref.namespace if served.namespaced else ""
    return Ref(served.kind, namespace, ref.name, served.api_version)
