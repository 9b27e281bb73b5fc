"""Drafts: the remedies that runbooks know for an incident, their lines filled, before planning.

Pure. An incident with several roots needs a remedy for each; they become one draft.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from stratus_cli.knowledge.fill import Word, fill
from stratus_cli.knowledge.runbook import Runbook, RunbookCandidate, treating
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.lifts import NO_REMEDY
from stratus_cli.model.plan import Candidate, Refusal, Risk

Words = tuple[Word, ...]


@dataclass(frozen=True)
class Draft:
    """One way to repair, before it is planned."""

    runbook: str
    title: str
    lines: tuple[Words, ...]
    risk: Risk
    sources: tuple[str, ...] = ()


def drafts(incident: Incident, runbooks: Sequence[Runbook]) -> Iterator[Draft | Candidate]:
    """Drafts for all roots together: the first remedy of each, then the second of each ..."""
    per_root = [_of_root(root, runbooks) for root in incident.roots]
    for root, (usable, refused) in zip(incident.roots, per_root, strict=True):
        if not usable:
            yield from refused or _by_hand(root, runbooks)
            if len(incident.roots) > 1:
                reason = f"nothing repairs {root.title} ({root.root}), which is part of it"
                yield Candidate("", incident.title, (), None, Refusal(NO_REMEDY, reason))
            return
    columns = [usable for usable, _ in per_root]
    for row in zip_longest(*columns):
        chosen = [
            item if item is not None else column[-1]
            for item, column in zip(row, columns, strict=True)
        ]
        yield _joined(chosen)


def _of_root(root: Diagnosis, runbooks: Sequence[Runbook]) -> tuple[list[Draft], list[Candidate]]:
    usable: list[Draft] = []
    refused: list[Candidate] = []
    for runbook in treating(runbooks, root.cause):
        for remedy in runbook.candidates:
            if not _is_about(root, remedy):
                continue
            draft = _filled(root, runbook, remedy)
            if isinstance(draft, Draft):
                usable.append(draft)
            else:
                refused.append(draft)
    return usable, refused


def _is_about(root: Diagnosis, remedy: RunbookCandidate) -> bool:
    """A remedy that changes a workload is none for a root that is another object."""
    return "workload" not in remedy.when or "workload" in root.facts


def _by_hand(root: Diagnosis, runbooks: Sequence[Runbook]) -> Iterator[Candidate]:
    """Where runbooks know the cause and hold no line for this root: what a person reads."""
    for runbook in treating(runbooks, root.cause):
        reason = f"no line of it repairs {root.root}; a person has to"
        how = f"read what to do: stratus runbook show {runbook.slug}"
        yield Candidate(runbook.slug, root.title, (), None, Refusal(NO_REMEDY, reason, how))


def _filled(root: Diagnosis, runbook: Runbook, remedy: RunbookCandidate) -> Draft | Candidate:
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
    return Draft(runbook.slug, remedy.title, tuple(lines), remedy.risk, sources)


def _joined(drafts: Sequence[Draft]) -> Draft:
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


def shown(lines: Iterable[Words]) -> tuple[str, ...]:
    """The filled lines as a person would type them."""
    return tuple(
        " ".join(shlex.quote(word if isinstance(word, str) else json.dumps(word)) for word in words)
        for words in lines
    )
