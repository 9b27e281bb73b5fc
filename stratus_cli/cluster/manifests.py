"""A folder of manifests, as it was checked out: plain YAML and JSON files, nothing is rendered.

Files that hold no plain manifests (templates, kustomizations, values) are left out; what looks like
a manifest and cannot be read is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stratus_cli.kube.manifest_text import documents
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.errors import UsageError

SUFFIXES = (".yaml", ".yml", ".json")
MOST_FILES = 2000  # our choice: beyond it the folder is not one of manifests
LARGEST_B = 4 * 1024 * 1024
_TEMPLATE = "{{"


def _read(path: Path) -> tuple[dict[str, Any], ...]:
    if path.stat().st_size > LARGEST_B:
        raise ValueError("it is too large")
    text = path.read_text(encoding="utf-8")
    return documents(text) if _TEMPLATE not in text else ()


class ManifestFolder:
    """Implements model.release.Declared. UsageError when there is no such folder."""

    def __init__(self, path: str, redactor: Redactor) -> None:
        self._root = Path(path)
        self._redactor = redactor
        self.unread: list[str] = []
        if not self._root.is_dir():
            raise UsageError(
                "there is no such folder of manifests", path, "Name one with --manifests."
            )

    def documents(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(path below the folder, manifest), in the order of the paths."""
        self.unread.clear()
        for path in self._files():
            where = path.relative_to(self._root).as_posix()
            try:
                found = _read(path)
            except (OSError, ValueError) as error:
                self.unread.append(f"{where}: {error}")
                continue
            for item in found:
                if isinstance(item.get("apiVersion"), str) and item.get("kind") != "Secret":
                    yield where, self._redactor.item(item)

    def _files(self) -> list[Path]:
        """Hidden folders and links are not followed."""
        found: list[Path] = []
        for folder, names, files in os.walk(self._root):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                path = Path(folder) / name
                if path.suffix in SUFFIXES and not name.startswith(".") and not path.is_symlink():
                    found.append(path)
            if len(found) > MOST_FILES:
                raise UsageError(
                    f"more than {MOST_FILES} files of manifests",
                    str(self._root),
                    "Name a smaller folder.",
                )
        return found
