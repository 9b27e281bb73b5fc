"""Images: what a registry has, and what a node holds already."""

from __future__ import annotations

import re

from stratus_cli.cluster.twin.containers import repository, tag
from stratus_cli.cluster.twin.world import Image, World

GOOD_NAME = re.compile(
    r"(?:[\w.-]+(?::\d+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


class Images:
    """The registries of a world and the images on each node."""

    def __init__(self, world: World) -> None:
        self._by_name = {_full(image.name): image for image in world.images}
        self._runs_unknown = world.unknown_images == "run"
        self._held: set[tuple[str, str]] = set()

    def find(self, name: str) -> Image | None:
        """What the registry has by this name and tag; None: not found."""
        image = self._by_name.get(_full(repository(name)))
        if image is not None and (tag(name) in image.tags or tag(name) == ""):
            return image
        return Image(name=repository(name)) if self._runs_unknown else None

    def holds(self, node: str, name: str) -> bool:
        """Whether the node pulled it before."""
        return (node, name) in self._held

    def pulled(self, node: str, name: str) -> None:
        """The node has it from now on."""
        self._held.add((node, name))


def is_valid(name: str) -> bool:
    """Whether it can be parsed as an image name."""
    return bool(GOOD_NAME.fullmatch(name))


def invalid_message(name: str) -> str:
    """kubelet's words about a name that is none."""
    return (
        f'Failed to apply default image tag "{name}": couldn\'t parse image name "{name}":'
        " invalid reference format"
    )


def not_found_message(name: str) -> str:
    """containerd's words about a name that its registry does not have."""
    full = full_name(name)
    return (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{full}": failed to'
        f' resolve reference "{full}": {full}: not found'
    )


def full_name(name: str) -> str:
    """With registry and tag, as containerd names it."""
    tagged = name if "@" in name or tag(name) in name.rpartition("/")[2] else f"{name}:latest"
    return _full(tagged)


def _full(name: str) -> str:
    head, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    if "." in head or ":" in head or head == "localhost":
        return name
    return f"docker.io/{name}"
