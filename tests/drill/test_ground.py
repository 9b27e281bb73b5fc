"""The drill's own namespaces: what goes with an app."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from stratus_cli.drill.api import Api
from stratus_cli.drill.ground import LABEL, Ground
from stratus_cli.drill.install import Access
from stratus_cli.model.ref import Ref
from tests.drill.test_case import VirtualClock
from tests.drill.test_injection import Quiet, item

ASKED = 3


class Slow:
    """A cluster of volumes, each of which is still there for a few looks after its deletion."""

    def __init__(self, *volumes: dict[str, Any]) -> None:
        self.volumes = {volume["metadata"]["name"]: volume for volume in volumes}
        self.looks: dict[str, int] = {}

    def ref(self, text: str, _space: str) -> Ref:
        space, kind, name = text.split("/")
        return Ref(kind, space, name, "v1")

    def items(self, kind: str, _space: str | None) -> list[dict[str, Any]]:
        return [*self.volumes.values()] if kind == "PersistentVolume" else []

    def get(self, ref: Ref) -> dict[str, Any] | None:
        if self.looks.get(ref.name):
            self.looks[ref.name] -= 1
            if not self.looks[ref.name]:
                del self.volumes[ref.name]
        return self.volumes.get(ref.name)

    def delete(self, ref: Ref) -> None:
        self.looks[ref.name] = ASKED


def test_what_an_app_has_outside_is_gone_when_it_is_removed(tmp_path: Path) -> None:
    """Installed again before that, a volume would be taken for made and go a moment later."""
    ours = item("PersistentVolume", "", "drill-shop-data", labels={LABEL: "drill-shop"})
    theirs = item("PersistentVolume", "", "drill-hotel-data", labels={LABEL: "drill-hotel"})
    api = Slow(ours, theirs)
    ground = Ground(cast(Api, api), VirtualClock(), Quiet(), Access("", ""), keys=tmp_path)
    ground.remove("shop")
    assert list(api.volumes) == ["drill-hotel-data"]
