"""One field's value as it may be shown: a credential is erased, wherever the value was read.

What comes from a list is masked on its way in. A single object that a transaction reads is not,
since it is written back whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratus_cli.kube.fields import Inside, segments
from stratus_cli.kube.redact import Eraser
from stratus_cli.model.change import ABSENT, Json


def told(path: str, value: Json) -> Json:
    """The value at a field path, without credentials. ABSENT and None stay.

    What a value is called may stand in its own name (`data.password`), in the name of the entry
    that it belongs to (`env[name=PASSWORD].value`), or inside it.
    """
    if value is ABSENT or value is None:
        return value
    last, entry = _ending(path)
    return Eraser().item({**entry, last: value})[last]


def _ending(path: str) -> tuple[str, Mapping[str, str]]:
    """The name of the value, and what else names the entry it is part of."""
    try:
        *before, last = segments(path) or ("",)
    except ValueError:
        return path, {}
    if isinstance(last, Mapping):
        return "", {}
    entry = before[-1] if before and isinstance(before[-1], Mapping) else {}
    if isinstance(last, Inside):
        last = last.pointer.rpartition("/")[2]
    name = last if isinstance(last, str) else ""
    return name, {key: str(item) for key, item in entry.items() if key != name}
