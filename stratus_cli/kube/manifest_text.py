"""Manifests as text: YAML or JSON documents to plain JSON. The text is hostile data.

No tags, no aliases (a few lines of them stand for gigabytes), no dates: what JSON has not stays
text.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

LONGEST = 8 * 1024 * 1024
"""Characters of one text. Our choice: Helm's records, gzipped, are below the 1 MiB of a Secret."""


def documents(text: str) -> tuple[dict[str, Any], ...]:
    """The mappings among the documents of a text. ValueError when it is not readable."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    import yaml

    loader = _loader()
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)):
            raise ValueError("YAML aliases are not read")
        found = [item for item in yaml.load_all(text, Loader=loader) if isinstance(item, dict)]
        # Keys that are no text, NaN and the like end here.
        return tuple(json.loads(json.dumps(item, allow_nan=False)) for item in found)
    except (yaml.YAMLError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from error


@cache
def _loader() -> Any:  # noqa: ANN401  # a Loader class of yaml, in C where it is built so
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    return type("PlainLoader", (base,), {"yaml_implicit_resolvers": resolvers})
