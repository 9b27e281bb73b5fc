"""Planning: a runbook's lines, filled and parsed, become a plan of typed changes for an incident.

Reads only; a dry run changes nothing. A candidate that cannot be a plan says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import zip_longest

from stratus_cli.actions import kubectl
from stratus_cli.actions.base import Prepared
from stratus_cli.flow.blast import (
    UNITS,
    blast_radius,
    config_map_consumers,
    roots_of,
    units_of,
)
from stratus_cli.flow.confirm import confirm
from stratus_cli.flow.policy import owned, owner_notes, protected
from stratus_cli.flow.reader import PlanReader
from stratus_cli.health.measure import unit_of
from stratus_cli.knowledge.fill import Word, fill
from stratus_cli.knowledge.runbook import Runbook, RunbookCandidate, treating
from stratus_cli.kube.diff import diff
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.normal import fields_digest
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.known_good import MASK
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.change import Change, Reversibility
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.errors import ClusterAnswer, StratusError
from stratus_cli.model.plan import Candidate, Plan, Refusal, Risk, Step
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref

VALID_FOR = timedelta(hours=24)  # our choice: a working day for a review; fields are re-read anyway
SETTLED_FACTS = ("source",)

Words = tuple[Word, ...]


@dataclass(frozen=True)
class _Draft:
    """One way to repair, before it is planned."""

    runbook: str
    title: str
    lines: tuple[Words, ...]
    risk: Risk
    sources: tuple[str, ...] = ()


def candidates(
    incident: Incident,
    graph: Graph,
    ports: Ports,
    runbooks: Sequence[Runbook],
    *,
    learnt: Sequence[str] = (),
) -> tuple[Candidate, ...]:
    """The candidates for an incident, in the order in which they would be tried."""
    found: list[Candidate] = []
    for draft in _drafts(incident, runbooks):
        made = (
            draft if isinstance(draft, Candidate) else _candidate(draft, incident, graph, ports)
        )
        if made.kubectl not in {item.kubectl for item in found if item.plan is not None}:
            found.append(made)
    found.extend(_proposed(incident, graph, ports, runbooks, learnt))
    return tuple(found)


def plan_from_lines(
    lines: Sequence[str],
    ports: Ports,
    graph: Graph,
    namespace: str,
    incident: Incident | None = None,
    *,
    title: str = "typed by hand",
) -> Candidate:
    """A plan for kubectl text that a person or a model wrote."""
    actions: list[kubectl.Action] = []
    for line in lines:
        parsed = kubectl.parse_line(line, namespace)
        if isinstance(parsed, Refusal):
            return Candidate("", title, tuple(lines), None, parsed)
        actions.extend(parsed)
    draft = _Draft("", title, (), Risk.MEDIUM)
    return _planned(draft, actions, tuple(lines), incident, graph, ports)


def _drafts(
    incident: Incident, runbooks: Sequence[Runbook]
) -> Iterator[_Draft | Candidate]:
    """Drafts for all roots together: the first remedy of each, then the second of each ..."""
    per_root = [_of_root(root, runbooks) for root in incident.roots]
    for root, (usable, refused) in zip(incident.roots, per_root, strict=True):
        if not usable:
            yield from refused
            if len(incident.roots) > 1:
                reason = f"nothing repairs {root.title} ({root.root}), which is part of it"
                yield Candidate("", incident.title, (), None, Refusal("remedy", reason))
            return
    columns = [usable for usable, _ in per_root]
    for row in zip_longest(*columns):
        chosen = [
            item if item is not None else column[-1]
            for item, column in zip(row, columns, strict=True)
        ]
        yield _joined(chosen)


def _of_root(
    root: Diagnosis, runbooks: Sequence[Runbook]
) -> tuple[list[_Draft], list[Candidate]]:
    usable: list[_Draft] = []
    refused: list[Candidate] = []
    for runbook in treating(runbooks, root.cause):
        for remedy in runbook.candidates:
            draft = _filled(root, runbook, remedy)
            if isinstance(draft, _Draft):
                usable.append(draft)
            else:
                refused.append(draft)
    return usable, refused


def _filled(root: Diagnosis, runbook: Runbook, remedy: RunbookCandidate) -> _Draft | Candidate:
    missing = [name for name in remedy.when if name not in root.facts]
    if missing:
        meanings = [runbook.variables.get(name, name) for name in missing]
        refusal = Refusal(
            "known-good value",
            f"nothing says: {'; '.join(meanings)}",
            "give a recording taken when all was well: --known-good RECORDING",
        )
        return Candidate(runbook.slug, remedy.title, remedy.lines, None, refusal)
    lines: list[Words] = []
    for line in remedy.lines:
        words = fill(line, root.facts)
        if isinstance(words, Refusal):
            return Candidate(runbook.slug, remedy.title, remedy.lines, None, words)
        lines.append(words)
    source = root.facts.get("source")
    sources = (str(source),) if source else ()
    return _Draft(runbook.slug, remedy.title, tuple(lines), remedy.risk, sources)


def _joined(drafts: Sequence[_Draft]) -> _Draft:
    first = drafts[0]
    lines: list[Words] = []
    for draft in drafts:
        lines.extend(line for line in draft.lines if line not in lines)
    return replace(
        first,
        title="; ".join(dict.fromkeys(draft.title for draft in drafts)),
        lines=tuple(lines),
        risk=max((draft.risk for draft in drafts), key=list(Risk).index),
        sources=tuple(dict.fromkeys(source for draft in drafts for source in draft.sources)),
    )


def _proposed(
    incident: Incident,
    graph: Graph,
    ports: Ports,
    runbooks: Sequence[Runbook],
    learnt: Sequence[str],
) -> Iterator[Candidate]:
    """What the model proposes, through the same grammar; its failure changes nothing."""
    if ports.planner is None:
        return
    texts = [f"# {item.title}\n" + "\n".join(item.sections.values()) for item in runbooks]
    try:
        proposals = ports.planner.propose(incident, graph.snap, texts, learnt)
    except StratusError:
        return  # the agent has said so itself
    namespace = incident.roots[0].root.namespace or "default"
    for lines in proposals:
        yield plan_from_lines(
            lines, ports, graph, namespace, incident, title="proposed by the model"
        )


def _candidate(draft: _Draft, incident: Incident, graph: Graph, ports: Ports) -> Candidate:
    namespace = incident.roots[0].root.namespace or "default"
    actions: list[kubectl.Action] = []
    for words in draft.lines:
        parsed = kubectl.parse(words, namespace)
        if isinstance(parsed, Refusal):
            return Candidate(draft.runbook, draft.title, _shown(draft.lines), None, parsed)
        actions.extend(parsed)
    return _planned(draft, actions, _shown(draft.lines), incident, graph, ports)


def _planned(
    draft: _Draft,
    actions: Iterable[kubectl.Action],
    lines: tuple[str, ...],
    incident: Incident | None,
    graph: Graph,
    ports: Ports,
) -> Candidate:
    """Prepare each action on what the earlier ones leave, confirm, rehearse."""
    reader = PlanReader(ports.cluster, ports.clock)
    steps: list[Step] = []
    notes: list[str] = []
    for action in actions:
        try:
            prepared = action.prepare(reader)
            refusal = prepared if isinstance(prepared, Refusal) else None
            for item in () if isinstance(prepared, Refusal) else prepared:
                step = _step(item, reader, ports, notes)
                if isinstance(step, Refusal):
                    refusal = step
                    break
                steps.append(step)
        except ClusterAnswer as error:
            refusal = Refusal("read", f"{error.what}: {error.where}", error.hint)
        if refusal is not None:
            return Candidate(draft.runbook, draft.title, lines, None, refusal)
    shown = tuple(step.kubectl for step in steps)
    if len(steps) > ports.limits.max_writes:
        refusal = Refusal(
            "bounds",
            f"{len(steps)} writes are more than {ports.limits.max_writes} in one transaction",
            "split it, or raise --max-writes (at most 20)",
        )
        return Candidate(draft.runbook, draft.title, shown, None, refusal)
    plan = _plan(draft, tuple(steps), tuple(notes), incident, graph, ports)
    return _rehearsed(Candidate(draft.runbook, draft.title, shown, plan), graph, ports)


def _step(
    prepared: Prepared, reader: PlanReader, ports: Ports, notes: list[str]
) -> Step | Refusal:
    change = prepared.change
    before = change.before or {}
    refusal = (
        protected(change.ref, ports.policy)
        or owned(change.ref, before)
        or _credential(change)
        or _irreversible(change)
    )
    if refusal is not None:
        return refusal
    word = confirm(prepared, ports.cluster, depends_on_earlier=reader.is_planned(change.ref))
    if isinstance(word, Refusal):
        return word
    reader.take(change)
    notes.extend(note for note in owner_notes(change.ref, before) if note not in notes)
    return Step(
        kubectl=prepared.kubectl,
        change=change,
        depends=prepared.depends,
        digest=fields_digest(before, prepared.depends),
        uid=str((before.get("metadata") or {}).get("uid", "")),
        confirmed=not word,
        unconfirmed=word,
    )


def _credential(change: Change) -> Refusal | None:
    """A value that looks like a credential may not be journaled, so it may not be changed."""
    redactor = Redactor(b"")  # only whether it masks is asked, never with what
    before, after = change.before, change.after
    if before is None or after is None:
        item = after if before is None else before
        looks = redactor.masks(dict(item or {}))
        paths = [str(change.ref)] if looks else []
    else:
        old, new = redactor.item(dict(before)), redactor.item(dict(after))
        edits = diff(before, after)
        paths = [
            edit.path
            for edit in edits
            if value_at(old, edit.path) != edit.before or value_at(new, edit.path) != edit.after
        ]
    if not paths and not (after is not None and MASK in str(after) and MASK not in str(before)):
        return None
    return Refusal(
        "credential",
        f"{', '.join(paths) or change.ref} looks like a credential, which is never journaled",
        "make this change by hand, or keep the value in a Secret",
    )


def _irreversible(change: Change) -> Refusal | None:
    if change.reversibility is not Reversibility.IRREVERSIBLE:
        return None
    return Refusal("irreversible", f"{change.ref} could not be put back", "make it by hand")


def _plan(
    draft: _Draft,
    steps: tuple[Step, ...],
    notes: tuple[str, ...],
    incident: Incident | None,
    graph: Graph,
    ports: Ports,
) -> Plan:
    now = ports.clock.now()
    identity = ports.cluster.identity()
    changed = [step.change.ref for step in steps]
    targets = units_of(graph, incident) if incident else _changed_units(graph, changed)
    roots = roots_of(graph, incident) if incident else ()
    shown = tuple(step.kubectl for step in steps)
    key = "\n".join([identity.uid, incident.id if incident else "", *shown, str(now)])
    return Plan(
        id=f"p-{hashlib.sha256(key.encode()).hexdigest()[:8]}",
        incident=incident.id if incident else "",
        title=draft.title,
        runbook=draft.runbook,
        candidate=draft.title,
        cluster=identity,
        steps=steps,
        targets=targets,
        roots=roots,
        blast_radius=blast_radius(graph, [step.change for step in steps]),
        risk=draft.risk,
        success=_success(roots, targets),
        created_at=now,
        expires_at=now + VALID_FOR,
        notes=(*notes, *_kind_notes(graph, steps)),
        sources=draft.sources,
    )


def _changed_units(graph: Graph, changed: Iterable[Ref]) -> tuple[Ref, ...]:
    units = {unit_of(graph, ref) for ref in changed}
    return tuple(sorted(ref for ref in units if ref.kind in UNITS))


def _success(roots: tuple[tuple[str, Ref], ...], targets: tuple[Ref, ...]) -> str:
    if not roots:
        return "no unit is worse than before"
    rules = ", ".join(dict.fromkeys(rule for rule, _ in roots))
    named = ", ".join(dict.fromkeys(str(ref) for ref in targets or (ref for _, ref in roots)))
    return f"{rules} gone, better and nothing else worse: {named}"


def _kind_notes(graph: Graph, steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        change = step.change
        if change.ref.kind == "ConfigMap" and change.operation == "update":
            names = sorted(
                item.metadata.name for item in config_map_consumers(graph, change.ref)
            )
            if names:
                yield f"read by {', '.join(names)}; values taken by env need a restart to be seen"
        if change.reversibility is Reversibility.COMPENSABLE:
            yield f"{change.ref}: its effect can be made good, not undone"


def _rehearsed(candidate: Candidate, graph: Graph, ports: Ports) -> Candidate:
    """Run it on the twin first; what it knows for certain refuses the plan."""
    plan = candidate.plan
    if plan is None or ports.rehearsal is None or not ports.policy.rehearse:
        return candidate
    refusals, unknown = ports.rehearsal.rehearse(plan, graph.snap)
    if refusals:
        return replace(candidate, plan=None, refusal=refusals[0])
    return replace(candidate, plan=replace(plan, notes=(*plan.notes, *unknown)))


def _shown(lines: Iterable[Words]) -> tuple[str, ...]:
    import json
    import shlex

    return tuple(
        " ".join(
            shlex.quote(word if isinstance(word, str) else json.dumps(word)) for word in words
        )
        for words in lines
    )
