"""Having an image on a node before a container starts (pkg/kubelet/images/image_manager.go)."""

from __future__ import annotations

from collections.abc import Callable, Generator

from stratus_cli.cluster.twin import images as names
from stratus_cli.cluster.twin.containers import Container
from stratus_cli.cluster.twin.images import Images
from stratus_cli.cluster.twin.timeline import Timeline

Say = Callable[[str, str, str, Container], None]
"""Records an event: type, reason, message, container."""


class Puller:
    """One pod's images: pulls, back-off, and the reason a container waits for when it fails."""

    def __init__(self, node: str, images: Images, timeline: Timeline, say: Say) -> None:
        self._node = node
        self._images = images
        self._timeline = timeline
        self._say = say

    def ensure(self, container: Container) -> Generator[float, None, bool]:
        """Have the image on the node, or say why not."""
        image = str(container.spec.get("image", ""))
        policy = container.spec.get("imagePullPolicy", "IfNotPresent")
        held = self._images.holds(self._node, image)
        if not names.is_valid(image):
            text = names.invalid_message(image)
            self._say("Warning", "InspectFailed", text, container)
            return self._no_image(container, "InvalidImageName", text)
        if held and policy != "Always":
            text = f'Container image "{image}" already present on machine'
            self._say("Normal", "Pulled", text, container)
            return True
        if policy == "Never":
            text = f'Container image "{image}" is not present with pull policy of Never'
            self._say("Warning", "ErrImageNeverPull", text, container)
            return self._no_image(container, "ErrImageNeverPull", text)
        now = self._timeline.now_s
        if now - container.pull.updated_s < container.pull.length_s:
            return self._still_no_image(container, image)
        return (yield from self._pull(container, image))

    def _still_no_image(self, container: Container, image: str) -> bool:
        text = f'Back-off pulling image "{image}"'
        self._say("Normal", "BackOff", text, container)
        return self._no_image(container, "ImagePullBackOff", f"{text}: {container.pull_error}")

    def _pull(self, container: Container, image: str) -> Generator[float, None, bool]:
        self._say("Normal", "Pulling", f'Pulling image "{image}"', container)
        found = self._images.find(image)
        yield found.pull_s if found else 0.3
        if found is None:
            trouble = names.not_found_message(image)
            self._say("Warning", "Failed", f'Failed to pull image "{image}": {trouble}', container)
            now = self._timeline.now_s
            container.pull.next(now, now)
            container.pull_error = f"ErrImagePull: {trouble}"
            return self._no_image(container, "ErrImagePull", trouble)
        self._images.pulled(self._node, image)
        took = f"{round(found.pull_s * 1000)}ms"
        self._say(
            "Normal",
            "Pulled",
            f'Successfully pulled image "{image}" in {took} ({took} including waiting). Image'
            f" size: {found.size} bytes.",
            container,
        )
        return True

    def _no_image(self, container: Container, reason: str, text: str) -> bool:
        container.waiting = (reason, text)
        self._say("Warning", "Failed", f"Error: {reason}", container)
        return False
