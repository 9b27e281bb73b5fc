"""Variables that a container has twice with different values. kubelet lets the last one count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stratus_cli.model.objects_pod import Container


def twice(container: Container) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(name, positions in env), in the order of the first position.

    A variable that builds on its own earlier value, PATH=$(PATH):/opt, is meant to stand twice.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(container.env):
        places[item.name].append(index)
    for name, found in places.items():
        values = [(container.env[index].value, container.env[index].value_from) for index in found]
        builds = any(f"$({name})" in value for value, _ in values)
        if any(value != values[0] for value in values) and not builds:
            yield name, tuple(found)
