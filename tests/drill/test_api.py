"""The drill's way to the API server: kinds that come later are found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratus_cli.drill.api import Api
from stratus_cli.model.errors import NotFound

GROUP = "kv.example.com"
RESOURCE = {
    "kind": "KeyValueStore",
    "name": "keyvaluestores",
    "singularName": "keyvaluestore",
    "namespaced": True,
    "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
}


class Server:
    """Discovery of a server that an operator comes to. Stands in for the transport."""

    def __init__(self) -> None:
        self.has_come = False

    def read(self, path: str, query: object = None, **_: object) -> bytes:
        preferred = {"groupVersion": f"{GROUP}/v1", "version": "v1"}
        group = {"name": GROUP, "versions": [preferred], "preferredVersion": preferred}
        answers: dict[str, Any] = {
            "/apis": {"groups": [group] if self.has_come else []},
            "/api/v1": {"resources": []},
        }
        if self.has_come:
            answers |= {f"/apis/{GROUP}": group, f"/apis/{GROUP}/v1": {"resources": [RESOURCE]}}
        if path not in answers:
            raise NotFound(404, "NotFound", "not found", path)
        return json.dumps(answers[path]).encode()


def test_a_kind_that_comes_with_its_operator_is_found() -> None:
    server = Server()
    api = Api(server)  # type: ignore[arg-type]  # reads only
    word = f"keyvaluestore.{GROUP}"
    with pytest.raises(NotFound):
        api.info(word)
    assert [info.kind for info in api.kinds] == []
    server.has_come = True
    assert api.info(word).plural == "keyvaluestores"
    assert [info.kind for info in api.kinds] == ["KeyValueStore"]
    server.has_come = False
    assert api.kinds == ()
