"""What a manifest without a field means: the server's default, or the empty value of its type."""

from __future__ import annotations

from stratus_cli.kube.server_defaults import DEFAULTS
from stratus_cli.model.change import ABSENT, Json


def means_the_same(path: str, earlier: Json, present: Json) -> bool:
    """An earlier state without this field had what is there now: nothing was changed."""
    if earlier is not None and earlier is not ABSENT:
        return False
    empty = present is None or present is ABSENT or present in (0, False, "")
    return empty or present in DEFAULTS.get(path.rpartition(".")[2], ())
