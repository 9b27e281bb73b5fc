"""Planning: a runbook's lines, filled and parsed, become a plan of typed changes for an incident.

Reads only; a dry run changes nothing. A candidate that cannot be a plan says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from stratus_cli.actions import kubectl
from stratus_cli.actions.secret_line import shown_lines, without_values
from stratus_cli.flow.blast import (
    UNITS,
    blast_radius,
    roots_of,
    units_of,
)
from stratus_cli.flow.drafts import Draft, drafts, shown
from stratus_cli.flow.steps import Steps, steps_of
from stratus_cli.flow.stops import stopped
from stratus_cli.knowledge.runbook import Runbook
from stratus_cli.kube.alerts import unit_of
from stratus_cli.kube.diff import diff
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.normal import digest
from stratus_cli.model.change import Absent, JsonObject, Reversibility
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.errors import StratusError
from stratus_cli.model.plan import Candidate, Plan, Refusal, Risk, Step
from stratus_cli.model.ports import Ports
from stratus_cli.model.ref import Ref

VALID_FOR = timedelta(hours=24)  # our choice: a working day for a review; fields are re-read anyway


def candidates(
    incident: Incident,
    graph: Graph,
    ports: Ports,
    runbooks: Sequence[Runbook],
    *,
    learnt: Sequence[str] = (),
) -> tuple[Candidate, ...]:
    """The candidates for an incident, in the order in which they would be tried.

    Two ways to the same end are one candidate: what failed once need not be tried in other words.
    """
    found: list[Candidate] = []
    effects: set[object] = set()
    for made in _made(incident, graph, ports, runbooks, learnt):
        effect = effect_of(made.plan) if made.plan is not None else made.kubectl
        if effect not in effects:
            effects.add(effect)
            found.append(made)
    return tuple(found)


def effect_of(plan: Plan) -> frozenset[tuple[Ref, str, str]]:
    """What the plan makes of which fields: equal for plans that do the same in other words."""
    first: dict[Ref, JsonObject | None] = {}
    last: dict[Ref, JsonObject | None] = {}
    for step in plan.steps:
        first.setdefault(step.change.ref, step.change.before)
        last[step.change.ref] = step.change.after
    return frozenset(effect for ref in first for effect in _effects(ref, first[ref], last[ref]))


def _effects(
    ref: Ref, before: JsonObject | None, after: JsonObject | None
) -> Iterator[tuple[Ref, str, str]]:
    if before is None or after is None:
        yield ref, "", "" if after is None else digest(after)
        return
    for edit in diff(before, after):
        absent = isinstance(edit.after, Absent)
        yield ref, edit.path, "" if absent else json.dumps(edit.after, sort_keys=True)


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
            return Candidate("", title, shown_lines((line,)), None, without_values(parsed, line))
        actions.extend(parsed)
    draft = Draft("", title, (), Risk.MEDIUM)
    return _planned(draft, actions, shown_lines(lines), incident, graph, ports)


def _made(
    incident: Incident,
    graph: Graph,
    ports: Ports,
    runbooks: Sequence[Runbook],
    learnt: Sequence[str],
) -> Iterator[Candidate]:
    for draft in drafts(incident, runbooks):
        if isinstance(draft, Candidate):
            yield draft
        else:
            yield _candidate(draft, incident, graph, ports)
    yield from _proposed(incident, graph, ports, runbooks, learnt)


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


def _candidate(draft: Draft, incident: Incident, graph: Graph, ports: Ports) -> Candidate:
    namespace = incident.roots[0].root.namespace or "default"
    actions: list[kubectl.Action] = []
    for words in draft.lines:
        parsed = kubectl.parse(words, namespace)
        if isinstance(parsed, Refusal):
            return Candidate(draft.runbook, draft.title, _shown(draft), None, parsed)
        actions.extend(parsed)
    return _planned(draft, actions, _shown(draft), incident, graph, ports)


def _shown(draft: Draft) -> tuple[str, ...]:
    return shown_lines(shown(draft.lines))


def _planned(
    draft: Draft,
    actions: Iterable[kubectl.Action],
    lines: tuple[str, ...],
    incident: Incident | None,
    graph: Graph,
    ports: Ports,
) -> Candidate:
    """Prepare, confirm, rehearse."""
    made = steps_of(actions, ports, graph)
    if isinstance(made, Refusal):
        return Candidate(draft.runbook, draft.title, lines, None, made)
    written = tuple(step.kubectl for step in made.steps)
    plan = _plan(draft, made, incident, graph, ports)
    return _rehearsed(Candidate(draft.runbook, draft.title, written, plan), graph, ports)


def _plan(
    draft: Draft,
    made: Steps,
    incident: Incident | None,
    graph: Graph,
    ports: Ports,
) -> Plan:
    steps = made.steps
    now = ports.clock.now()
    identity = ports.cluster.identity()
    changed = [step.change.ref for step in steps]
    targets = units_of(graph, incident) if incident else _changed_units(graph, changed)
    roots = roots_of(graph, incident) if incident else ()
    lines = (step.kubectl for step in steps)
    key = "\n".join([identity.uid, incident.id if incident else "", *lines, str(now)])
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
        stops=stopped(graph, incident, [step.change for step in steps]),
        risk=Risk.HIGH if _makes_anew(steps) or _for_good(steps) else draft.risk,
        success=_success(roots, targets),
        created_at=now,
        expires_at=now + VALID_FOR,
        notes=(*made.notes, *_kind_notes(steps)),
        sources=draft.sources,
    )


def _makes_anew(steps: Sequence[Step]) -> bool:
    """Whether an object is deleted and created again."""
    gone = {step.change.ref for step in steps if step.change.after is None}
    return any(step.change.before is None and step.change.ref in gone for step in steps)


def _for_good(steps: Iterable[Step]) -> bool:
    return any(step.change.reversibility is Reversibility.IRREVERSIBLE for step in steps)


def _changed_units(graph: Graph, changed: Iterable[Ref]) -> tuple[Ref, ...]:
    units = {unit_of(graph, ref) for ref in changed}
    return tuple(sorted(ref for ref in units if ref.kind in UNITS))


def _success(roots: tuple[tuple[str, Ref], ...], targets: tuple[Ref, ...]) -> str:
    if not roots:
        return "no unit is worse than before"
    rules = ", ".join(dict.fromkeys(rule for rule, _ in roots))
    named = ", ".join(dict.fromkeys(str(ref) for ref in targets or (ref for _, ref in roots)))
    return f"{rules} gone, better and nothing else worse: {named}"


def _kind_notes(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        change = step.change
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
