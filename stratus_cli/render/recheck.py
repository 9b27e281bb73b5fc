"""How a person re-checks what Stratus says: evidence as kubectl lines to type.

The lines are for reading and pasting; nothing runs them. Every name is quoted for a shell.
"""

from __future__ import annotations

import json
import re
import shlex

from stratus_cli.kube.by_hand import namespace_of, target_of
from stratus_cli.model.finding import Evidence

_KEYED = re.compile(r"\[(\w+)=([^\],]+)(?:,[^\]]*)?\]")
_QUOTED = re.compile(r'\["([^"]+)"\]')


def kubectl_for(evidence: Evidence) -> str:
    """The line that reads this evidence again, or "" where kubectl cannot."""
    target = target_of(evidence.ref)
    where = namespace_of(evidence.ref)
    if evidence.source == "object":
        if not evidence.field:
            return f"kubectl{where} get {target}"
        path = shlex.quote("{." + jsonpath(evidence.field) + "}")
        return f"kubectl{where} get {target} -o jsonpath={path}"
    if evidence.source == "event":
        about = shlex.quote(f"involvedObject.name={evidence.ref.name}")
        return f"kubectl{where} get events --field-selector {about}"
    if evidence.source == "log":
        container, _, rest = evidence.field.partition(" ")
        previous = " --previous" if "previous" in rest else ""
        chosen = f" -c {shlex.quote(container)}" if container else ""
        return f"kubectl{where} logs {shlex.quote(evidence.ref.name)}{chosen}{previous}"
    return ""


def jsonpath(field: str) -> str:
    """A field path as kubectl's JSONPath writes it."""

    def keyed(match: re.Match[str]) -> str:
        name, wanted = match.groups()
        shown = wanted if wanted.isdigit() else json.dumps(wanted)
        return f"[?(@.{name}=={shown})]"

    quoted = _QUOTED.sub(lambda match: "." + match[1].replace(".", "\\."), field)
    return _KEYED.sub(keyed, quoted)
