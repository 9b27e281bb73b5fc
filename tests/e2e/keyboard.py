"""Keyboard: a person who types commands against the bed, in a namespace of their own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from stratus_cli.cli.app import main
from stratus_cli.cli.wiring import Wiring
from tests.cli.stage import Outcome, Typed
from tests.cluster.bed import Bed


class Keyboard:
    """folder: where state, config and plans are."""

    def __init__(self, bed: Bed, namespace: str, folder: Path) -> None:
        self.bed, self.namespace, self.folder = bed, namespace, folder

    def run(self, *words: str, typed: str | None = None) -> Outcome:
        """One command. typed: the answers on a terminal; None: no terminal."""
        env = {
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        out, err = io.StringIO(), io.StringIO()
        answers = io.StringIO() if typed is None else Typed(typed)
        where = ("--kubeconfig", str(self.bed.kubeconfig), "-n", self.namespace)
        code = main([*words, *where], wiring=Wiring(env, answers, out, err))
        return Outcome(code, out.getvalue(), err.getvalue())

    def items(self, resource: str) -> list[dict[str, Any]]:
        """The raw objects of a resource of the core group in the namespace."""
        found = self.bed.api("GET", f"/api/v1/namespaces/{self.namespace}/{resource}")["items"]
        assert isinstance(found, list)
        return found

    def names(self, resource: str) -> list[str]:
        """Their names, sorted."""
        return sorted(item["metadata"]["name"] for item in self.items(resource))
