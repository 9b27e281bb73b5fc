"""A short draft for the incident channel, from a report document. A person sends it."""

from __future__ import annotations

from typing import Any

from stratus_cli.render.safe import clean, seconds

_SAY = {
    "COMMITTED": "repaired",
    "UNDONE": "tried, no better, rolled back",
    "BLOCKED": "not touched (refused)",
    "NEEDS_HUMAN": "NOT fully restored, a person is needed",
    "OPEN": "transaction left OPEN",
    None: "not touched yet",
}


def draft(document: dict[str, Any]) -> str:
    """A few plain lines: what, where, why, state, next."""
    cluster = clean(document["cluster"]["context"] or document["cluster"]["uid"])
    if not document["incidents"]:
        return f"[{cluster}] {clean(document['answer'])}\n"
    blocks = [_incident(incident, document, cluster) for incident in document["incidents"]]
    return "\n".join(blocks)


def _incident(incident: dict[str, Any], document: dict[str, Any], cluster: str) -> str:
    lines = [f"[{cluster}] {incident['severity'].upper()}: {_plain(incident['title'])}"]
    for root in incident["roots"]:
        expected = "" if root["expected"] is None else f", expected {_plain(root['expected'])}"
        where = f"{root['ref']} {root['field']}".strip()
        lines.append(f"Cause: {_plain(where)} is {_plain(root['observed'])}{expected}.")
    affected = sorted({item["ref"] for item in incident["symptoms"]})
    if affected:
        more = f" and {len(affected) - 4} more" if len(affected) > 4 else ""
        lines.append(f"Affected: {_plain(', '.join(affected[:4]))}{more}.")
    mttr = document["timing"]["mttr_s"]
    took = f" in {seconds(mttr)}" if mttr is not None and incident["outcome"] == "COMMITTED" else ""
    lines.append(f"State: {_SAY[incident['outcome']]}{took}.")
    attempts = [tx for tx in document["transactions"] if tx["incident"] == incident["id"]]
    if incident["outcome"] == "COMMITTED":
        lines.append(f"Undo: stratus undo {attempts[-1]['id']}")
    elif incident["outcome"] is None:
        lines.append(f"Next: stratus mitigate --incident {incident['id']}")
    return "\n".join(lines) + "\n"


def _plain(text: object) -> str:
    """No mention (@), channel or link syntax of chat programs comes from the cluster."""
    return clean(text, longest=160).replace("@", "(at)").replace("<", "(").replace(">", ")")
