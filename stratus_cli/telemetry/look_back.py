"""How far back an alert looks, from the text of its rule. Pure.

An alert whose look-back reaches behind a change says nothing about it. Where a rule rests on
recorded series (names with a colon), how far those look back is not in it: then nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stratus_cli.model.snapshot import AlertRule
from stratus_cli.telemetry.prometheus_api import DEFAULT_INTERVAL_S, Group, seconds

RANGE = re.compile(r"\[\s*(\w+)\s*(:?)")
OFFSET = re.compile(r"\boffset\s+(\w+)")
TEXT = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`")
RECORDED = re.compile(r"[A-Za-z_]\w*:[\w:]+")


def alert_rules(groups: Iterable[Group]) -> Iterator[AlertRule]:
    """Those whose look-back is known. Of two with one name the one that looks further back."""
    found: dict[str, AlertRule] = {}
    unknown: set[str] = set()
    for group in groups:
        interval = group.interval or DEFAULT_INTERVAL_S
        for rule in group.rules:
            back = look_back_s(rule.query) if rule.type == "alerting" else None
            if back is None:
                unknown.add(rule.name)
                continue
            former = found.get(rule.name)
            total = back + rule.duration
            if former is None or former.look_back_s < total:
                found[rule.name] = AlertRule(rule.name, total, interval)
    yield from (found[name] for name in sorted(found) if name not in unknown)


def look_back_s(text: str) -> float | None:
    """Seconds between the oldest sample that an expression reads and its evaluation."""
    plain = TEXT.sub("", text)
    ranges = [(seconds(span), bool(sub)) for span, sub in RANGE.findall(plain)]
    if RECORDED.search(RANGE.sub("", plain)):
        return None
    spans = [span for span, _ in ranges]
    # A subquery's range comes on top of what it is evaluated over.
    longest = sum(spans) if any(sub for _, sub in ranges) else max(spans, default=0.0)
    offset = sum(seconds(span) for span in OFFSET.findall(plain))
    return longest + offset
