"""Whose trouble a caller's errors are: those of what it calls, as far as the graph of calls shows.

Pure. A caller that answers errors, or slowly, because a callee does, is a victim of it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from stratus_cli.kube.graph import Graph
from stratus_cli.kube.slo import ACCUSING
from stratus_cli.model.finding import Finding
from stratus_cli.model.ref import Ref


def nearest(graph: Graph, owner: Ref, known: Container[Ref]) -> Ref | None:
    """The first of these that it calls, directly or through others; itself first of all."""
    if owner in known:
        return owner
    return next((ref for ref in graph.calls.downstream(owner) if ref in known), None)


def folded(graph: Graph, by_owner: Mapping[Ref, list[Finding]]) -> dict[Ref, list[Finding]]:
    """The findings by owner, those of mere callers with what they call.

    A caller is one whose findings only accuse it, and that calls an accused one which does not
    call it: in a circle nobody is a mere caller.
    """
    down = {ref: graph.calls.downstream(ref) for ref in by_owner}
    moved: dict[Ref, Ref] = {}
    for ref in sorted(by_owner):
        if all(finding.rule in ACCUSING for finding in by_owner[ref]):
            deepest = [other for other in by_owner if other in down[ref] and ref not in down[other]]
            if deepest:
                moved[ref] = max(deepest, key=lambda other: (down[ref][other], str(other)))
    kept: dict[Ref, list[Finding]] = {}
    for ref in sorted(by_owner, key=lambda ref: ref in moved):
        end = ref
        while end in moved:  # ends: each step goes down, and never back
            end = moved[end]
        kept.setdefault(end, []).extend(by_owner[ref])
    return kept
