"""JUnit XML for CI: one case per incident and per finding that no cause explains."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from stratus_cli.render.safe import clean


def render(document: dict[str, Any]) -> str:
    """An incident that was repaired is a passed case; one that is left is a failure."""
    cases = [_incident(item) for item in document["incidents"]]
    cases += [_finding(item) for item in document["findings"]]
    cases += [_gap(item) for item in document["gaps"]]
    if not cases:
        cases = [_case("stratus", "nothing wrong")]
    suite = ElementTree.Element(
        "testsuite",
        name=f"stratus {document['command']}",
        timestamp=document["taken_at"],
        tests=str(len(cases)),
        failures=str(sum(1 for case in cases if case.find("failure") is not None)),
        skipped=str(sum(1 for case in cases if case.find("skipped") is not None)),
    )
    suite.extend(cases)
    ElementTree.indent(suite)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, "unicode") + "\n"
    )


def _incident(item: dict[str, Any]) -> ElementTree.Element:
    root = item["roots"][0] if item["roots"] else {"cause": "unknown", "ref": ""}
    case = _case(root["cause"], f"{item['title']} ({root['ref']})")
    if item["outcome"] != "COMMITTED":
        lines = [
            f"{part['ref']} {part['field']}: {part['observed']} (expected {part['expected']})"
            for part in item["roots"]
        ]
        lines += [f"{part['rule']} {part['ref']}: {part['message']}" for part in item["symptoms"]]
        _add(case, "failure", f"{item['severity']}: {item['title']}", lines)
    return case


def _finding(item: dict[str, Any]) -> ElementTree.Element:
    case = _case(item["rule"], f"{item['message']} ({item['ref']})")
    if item["severity"] != "hygiene":
        _add(case, "failure", f"{item['severity']}: {item['message']}", [item["ref"]])
    return case


def _gap(item: dict[str, Any]) -> ElementTree.Element:
    case = _case("gap", f"{item['subject']} {item['namespace']}".strip())
    _add(case, "skipped", f"not read: {item['reason']}", [item["detail"]])
    return case


def _case(group: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=f"stratus.{clean(group)}", name=clean(name))


def _add(case: ElementTree.Element, tag: str, message: str, lines: list[str]) -> None:
    child = ElementTree.SubElement(case, tag, message=clean(message))
    child.text = "\n".join(clean(line) for line in lines)
