"""Lexical search over runbooks (BM25), for `explain` and for what agents are given to read.

Ranks by words alone; no index is kept, since there are tens of texts and not thousands.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from stratus_cli.knowledge.runbook import Runbook

# Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009: usual
# values for saturation and for length.
SATURATION = 1.2
LENGTH = 0.75
NAME_WEIGHT = 3  # words of title, causes and alerts say what a runbook is about

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def search(query: str, runbooks: Sequence[Runbook], limit: int = 3) -> tuple[Runbook, ...]:
    """The runbooks that answer the query best, best first; none that shares no word with it."""
    documents = [Counter(_words_of(item)) for item in runbooks]
    if not documents:
        return ()
    average = sum(document.total() for document in documents) / len(documents)
    wanted = set(words(query))
    scored = [
        (_score(wanted, document, documents, average), item)
        for document, item in zip(documents, runbooks, strict=True)
    ]
    ranked = sorted(scored, key=lambda pair: (-pair[0], pair[1].slug))
    return tuple(item for score, item in ranked[:limit] if score > 0)


def words(text: str) -> list[str]:
    """Lower-case words; CamelCase names of Kubernetes reasons are taken apart as well."""
    found = []
    for token in re.findall(r"[A-Za-z0-9]+", text):
        parts = [part.lower() for part in _WORD.findall(token)]
        found.extend(parts if len(parts) == 1 else [token.lower(), *parts])
    return found


def _words_of(runbook: Runbook) -> list[str]:
    names = " ".join((runbook.title, *runbook.causes, *runbook.alerts))
    return words(names) * NAME_WEIGHT + words(" ".join(runbook.sections.values()))


def _score(
    wanted: set[str], document: Counter[str], documents: Sequence[Counter[str]], average: float
) -> float:
    length = 1 - LENGTH + LENGTH * document.total() / average
    score = 0.0
    for word in sorted(wanted):
        count = document[word]
        having = sum(1 for other in documents if word in other)
        rarity = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
        score += rarity * count * (SATURATION + 1) / (count + SATURATION * length)
    return score
