"""What a model is shown of an incident: one bounded text, and the numbered facts it may cite.

Shows only what the Snapshot holds, which the observing adapter has masked. All of it is hostile:
each fact is one line without control characters, inside a fence that no text in it can close.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratus_cli.agents.scene import facts
from stratus_cli.knowledge.search import words
from stratus_cli.kube.graph import Graph
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.finding import Evidence
from stratus_cli.model.snapshot import Snapshot

# Characters. Some four make a token; 60,000 fit the window of every model in use.
MOST_FACTS = 36_000
MOST_RUNBOOKS = 14_000
MOST_OF_ONE_RUNBOOK = 5_000
MOST_OF_A_SECTION = 4_000
LONGEST_LINE = 400
MOST_NAMES = 80


@dataclass(frozen=True)
class View:
    """text: fenced, for the prompt. facts: E1 is facts[0]. begin, end: the fence's lines."""

    text: str
    facts: tuple[Evidence, ...]
    begin: str
    end: str


def view(
    incident: Incident, snap: Snapshot, runbooks: Sequence[str], learnt: Sequence[str] = ()
) -> View:
    """The text for one incident. learnt: what was tried before in this run, and what came of it."""
    cited, lines = _numbered(facts(incident, Graph(snap)))
    numbers = {_key(fact): f"E{number}" for number, fact in enumerate(cited, 1)}
    body = [
        line_of(f"Incident {incident.id}, severity {incident.severity.label}: {incident.title}"),
        *_section("Causes found without you", (_cause(x, numbers) for x in incident.roots)),
        *_section("Causes thought less likely", (_cause(x, numbers) for x in incident.rivals)),
        *_section("Symptoms", _symptoms(incident, numbers)),
        *_section("Tried before in this run", learnt),
        *_section("Could not be read", (f"{x.subject}: {x.reason.value}" for x in snap.gaps)),
        *_section("Objects in the namespace", _names(incident, snap)),
        "Facts:",
        *lines,
        "Runbooks:",
        *_runbooks(incident, runbooks),
    ]
    text = "\n".join(body)
    # Nobody can write this token into the text, since it depends on the whole text.
    token = hashlib.sha256(text.encode()).hexdigest()[:16]
    begin, end = f"<<<DATA {token}", f"DATA {token}>>>"
    return View(f"{begin}\n{text}\n{end}", cited, begin, end)


def line_of(text: object, longest: int = LONGEST_LINE) -> str:
    """One line: what is not printable becomes a space; cut when long, saying so."""
    shown = "".join(char if char.isprintable() else " " for char in str(text)[: longest + 1])
    return shown if len(str(text)) <= longest else f"{shown[:longest]}… (cut)"


def _numbered(found: Iterator[Evidence]) -> tuple[tuple[Evidence, ...], list[str]]:
    """The facts that fit, each once, and their lines."""
    seen: set[tuple[str, str, str, str]] = set()
    kept: list[Evidence] = []
    lines: list[str] = []
    room = MOST_FACTS
    for fact in found:
        if _key(fact) in seen:
            continue
        seen.add(_key(fact))
        kind = "" if fact.source == "object" else f"{fact.source} "
        line = line_of(f"E{len(kept) + 1} {kind}{fact.ref} {fact.field} = {fact.value}")
        room -= len(line) + 1
        if room < 0:
            lines.append("(more facts are left out)")
            break
        kept.append(fact)
        lines.append(line)
    return tuple(kept), lines


def _key(fact: Evidence) -> tuple[str, str, str, str]:
    return (fact.source, str(fact.ref), fact.field, fact.value)


def _section(title: str, items: Sequence[str] | Iterator[str]) -> Iterator[str]:
    lines = [line_of(f"- {item}") for item in items]
    if not lines:
        return
    yield f"{title}:"
    room = MOST_OF_A_SECTION
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            yield "- (more are left out)"
            return
        yield line


def _cause(item: Diagnosis, numbers: dict[tuple[str, str, str, str], str]) -> str:
    cited = " ".join(numbers[_key(x)] for x in item.evidence if _key(x) in numbers)
    expected = line_of(item.expected or "(nothing says)", 80)
    return (
        f"cause {item.cause}, ref {item.root}, field {item.field or '(the object itself)'}, "
        f"observed {line_of(item.observed, 80)}, expected {expected}, "
        f"confidence {item.confidence:.2f}, evidence {cited or 'none'}: {item.title}"
    )


def _symptoms(incident: Incident, numbers: dict[tuple[str, str, str, str], str]) -> Iterator[str]:
    for item in incident.symptoms:
        cited = " ".join(numbers[_key(x)] for x in item.evidence if _key(x) in numbers)
        yield f"{item.rule} {item.severity.label} {item.ref}: {item.message} [{cited}]"


def _names(incident: Incident, snap: Snapshot) -> Iterator[str]:
    """What there is, so that a missing object or a near miss of a name can be seen."""
    namespaces = {ref.namespace for ref in incident.targets} | {incident.roots[0].root.namespace}
    for kind in sorted(snap.objects):
        names = [
            item.metadata.name
            for item in snap.objects[kind]
            if item.metadata.namespace in namespaces
        ]
        if names:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            yield f"{kind}: {' '.join(names[:MOST_NAMES])}{more}"


def _runbooks(incident: Incident, texts: Sequence[str]) -> Iterator[str]:
    """The runbooks nearest to the incident by their words, as far as there is room."""
    about = " ".join(
        (
            incident.title,
            *(f"{item.cause} {item.title}" for item in (*incident.roots, *incident.rivals)),
            *(symptom.message for symptom in incident.symptoms),
        )
    )
    room = MOST_RUNBOOKS
    for text in _ranked(about, texts):
        lines = [f"| {line_of(line)}" for line in text[:MOST_OF_ONE_RUNBOOK].splitlines()]
        room -= sum(len(line) + 1 for line in lines)
        if room < 0:
            return
        yield from lines


def _ranked(about: str, texts: Sequence[str]) -> list[str]:
    """By the rarity of the words they share with the incident; a title's words count thrice."""
    sets = [frozenset(words(text)) for text in texts]
    titles = [frozenset(words(text.partition("\n")[0])) for text in texts]
    wanted = frozenset(words(about))

    def score(index: int) -> float:
        return sum(
            (3 if word in titles[index] else 1)
            * math.log((len(sets) + 1) / sum(word in other for other in sets))
            for word in wanted & sets[index]
        )

    return [texts[index] for index in sorted(range(len(texts)), key=score, reverse=True)]
