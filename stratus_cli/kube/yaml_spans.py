"""YAML with the span of each value. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stratus_cli.kube.spans import DEEPEST, Node, finite
from stratus_cli.model.change import Json


def read_yaml(text: str) -> Node:
    """A YAML map or list. ValueError: it is none, or one place may stand for several."""
    import yaml

    try:
        # libyaml's is ten times faster; the wheel on some machines is without it.
        events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return _YamlReader(events, text).document()
    except yaml.YAMLError as error:
        raise ValueError(f"it is neither JSON nor YAML: {error}") from error


class _YamlReader:
    """Nodes from a parser's events."""

    def __init__(self, events: Iterator[Any], text: str) -> None:
        import yaml

        self._yaml = yaml
        self._events = iter(events)
        self._text = text
        self._resolver = yaml.SafeLoader("")

    def document(self) -> Node:
        kinds = self._yaml
        for event in self._events:
            if isinstance(event, kinds.DocumentStartEvent):
                break
        else:
            raise ValueError("it is empty")
        node = self._node(next(self._events), 0)
        if node.children is None:
            raise ValueError("it is a text, not a document of fields")
        if any(isinstance(event, kinds.DocumentStartEvent) for event in self._events):
            raise ValueError("it is several documents")
        return node

    def _node(self, event: Any, depth: int) -> Node:  # noqa: ANN401  # yaml has no types
        kinds = self._yaml
        if depth > DEEPEST:
            raise ValueError(f"it has more than {DEEPEST} levels")
        if isinstance(event, kinds.AliasEvent) or event.anchor is not None:
            raise ValueError("it has anchors, so one place may stand for several")
        if event.tag is not None:
            raise ValueError(f"it has the tag {event.tag}")
        if isinstance(event, kinds.ScalarEvent):
            return self._scalar(event)
        is_list = isinstance(event, kinds.SequenceStartEvent)
        children: dict[str, Node] = {}
        end = event.end_mark.index
        while True:
            event_in = next(self._events)
            if isinstance(event_in, kinds.MappingEndEvent | kinds.SequenceEndEvent):
                end = event_in.end_mark.index
                break
            key = str(len(children))
            if not is_list:
                key = self._key(event_in, children)
                event_in = next(self._events)
            children[key] = self._node(event_in, depth + 1)
        return Node(event.start_mark.index, end, None, children, is_list=is_list, is_yaml=True)

    def _key(self, event: Any, children: Mapping[str, Node]) -> str:  # noqa: ANN401  # see _node
        if not isinstance(event, self._yaml.ScalarEvent) or event.anchor or event.tag:
            raise ValueError("a key is not a plain text")
        key = str(event.value)
        if key in children:
            raise ValueError(f"the key {key!r} is there twice")
        if key == "<<":
            raise ValueError("it merges maps")
        return key

    def _scalar(self, event: Any) -> Node:  # noqa: ANN401  # see _node
        style = event.style or ""
        value = event.value if style else self._plain(event.value)
        start, end = event.start_mark.index, event.end_mark.index
        return Node(start, end, value, None, style=style, is_yaml=True)

    def _plain(self, text: str) -> Json:
        """As the safe loader reads it; dates stay the text that they are."""
        resolve: Any = self._resolver.resolve  # yaml has no types
        tag = resolve(self._yaml.ScalarNode, text, (True, False))
        if tag in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"):
            return text
        node = self._yaml.ScalarNode(tag, text)
        try:
            value = self._resolver.construct_object(node)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{text[:20]!r} cannot be read: {error}") from error
        return finite(value, text)
