"""SARIF 2.1.0, for code scanning views: one result per root cause and per loose finding."""

from __future__ import annotations

import json
from typing import Any

from stratus_cli import __version__

_LEVEL = {"outage": "error", "degraded": "error", "risk": "warning", "hygiene": "note"}


def render(document: dict[str, Any]) -> str:
    """Objects are logical locations: a cluster has no files."""
    results = [
        _result(
            root["cause"],
            item["severity"],
            f"{item['title']}: {root['field'] or root['ref']} is {root['observed']}"
            + (f", expected {root['expected']}" if root["expected"] is not None else ""),
            root["ref"],
            item["id"],
        )
        for item in document["incidents"]
        for root in item["roots"]
    ]
    results += [
        _result(item["rule"], item["severity"], item["message"], item["ref"], "")
        for item in document["findings"]
    ]
    rules = sorted({result["ruleId"] for result in results})
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "stratus",
                        "version": __version__,
                        "rules": [{"id": rule} for rule in rules],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [
                            {
                                "level": "warning",
                                "message": {"text": f"not read: {gap['subject']}, {gap['reason']}"},
                            }
                            for gap in document["gaps"]
                        ],
                    }
                ],
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _result(rule: str, severity: str, text: str, ref: str, incident: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": rule,
        "level": _LEVEL[severity],
        "message": {"text": text},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": ref, "kind": "resource"}]}],
        "partialFingerprints": {"stratus/ref": f"{rule} {ref}"},
    }
    if incident:
        result["properties"] = {"incident": incident}
    return result
