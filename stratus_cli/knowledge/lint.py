"""What is wrong with a runbook. Reads nothing, changes nothing.

Whether a line is in the kubectl grammar is the planner's to say; here it must split into words.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.knowledge.fill import SPREAD, VARIABLE, fill, variables_of
from stratus_cli.knowledge.runbook import SECTIONS, Runbook, RunbookCandidate
from stratus_cli.model.plan import Refusal

NAME = "^[a-z0-9]+(-[a-z0-9]+)*$"
SCHEMA = {
    "type": "object",
    "required": ["causes", "alerts", "risk", "variables"],
    "additionalProperties": False,
    "properties": {
        "causes": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"type": "string", "pattern": NAME},
        },
        "alerts": {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "string", "pattern": "^[A-Za-z0-9_]+$"},
        },
        "risk": {"enum": ["low", "medium", "high"]},
        "variables": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
            "additionalProperties": {"type": "string", "minLength": 1},
        },
    },
}


def problems(runbook: Runbook) -> tuple[str, ...]:
    """All problems, front matter first."""
    return (
        *_front_matter(runbook),
        *_sections(runbook),
        *(problem for item in runbook.candidates for problem in _candidate(item)),
        *_variables(runbook),
    )


def _front_matter(runbook: Runbook) -> Iterator[str]:
    import jsonschema

    validator = jsonschema.Draft202012Validator(SCHEMA)
    for error in validator.iter_errors(dict(runbook.front)):
        place = ".".join(str(part) for part in error.absolute_path) or "front matter"
        yield f"{place}: {error.message}"


def _sections(runbook: Runbook) -> Iterator[str]:
    if runbook.title == runbook.slug:
        yield "no `# title`"
    for name in SECTIONS:
        if not runbook.sections.get(name, "").strip():
            yield f"section {name} is missing or empty"
    present = [name for name in runbook.sections if name in SECTIONS]
    if present != [name for name in SECTIONS if name in present]:
        yield f"sections are not in the order {', '.join(SECTIONS)}"
    # Where a person must decide, Mitigation is prose alone; a titled remedy without lines is lost.
    if not runbook.candidates and "### " in runbook.sections.get("Mitigation", ""):
        yield "Mitigation has a title and no ```kubectl block"


def _candidate(candidate: RunbookCandidate) -> Iterator[str]:
    if not candidate.lines:
        yield f"candidate {candidate.title!r} has no lines"
    for line in candidate.lines:
        if not line.startswith("kubectl "):
            yield f"not a kubectl line: {line}"
        # Any text does for a variable: only the form of the line is looked at.
        lists = {name: ["x"] for name in SPREAD.findall(line)}
        words = fill(line, dict.fromkeys(variables_of(line), "x") | lists)
        if isinstance(words, Refusal):
            yield f"{words.reason}: {line}"
        if "{{" in SPREAD.sub("", VARIABLE.sub("", line)):
            yield f"a variable that is not {{{{lower_case}}}}: {line}"


def _variables(runbook: Runbook) -> Iterator[str]:
    used = {name for item in runbook.candidates for name in item.when}
    # The prose may name variables too; a person fills those by hand.
    used |= {name for text in runbook.sections.values() for name in variables_of(text)}
    for name in sorted(used - set(runbook.variables)):
        yield f"variable {name} is used and not declared"
    for name in sorted(set(runbook.variables) - used):
        yield f"variable {name} is declared and not used"
