"""Where Stratus keeps its files: the XDG base folders, and files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stratus_cli.model.errors import UsageError


def config_folder(env: Mapping[str, str]) -> Path:
    """$XDG_CONFIG_HOME/stratus, by default ~/.config/stratus."""
    return _folder(env, "XDG_CONFIG_HOME", ".config")


def state_folder(env: Mapping[str, str]) -> Path:
    """$XDG_STATE_HOME/stratus, by default ~/.local/state/stratus."""
    return _folder(env, "XDG_STATE_HOME", ".local/state")


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write a file so that a full disk or a crash leaves the former one in place."""
    data = content.encode() if isinstance(content, str) else content
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise UsageError(
            f"cannot write the file ({error.strerror})",
            str(path),
            "Nothing was written there. Free some space or name another file with --out.",
        ) from error


def redaction_key(env: Mapping[str, str]) -> bytes:
    """The key of the digests that stand for secret values; made at first use, mode 0600.

    Kept so that the same secret has the same digest in two recordings of one person.
    """
    path = state_folder(env) / "redaction.key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
            if len(key) >= 16:
                return key
            handle = os.open(path, os.O_WRONLY | os.O_TRUNC, 0o600)
        key = os.urandom(32)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
        return key
    except OSError as error:
        raise UsageError(
            f"cannot keep the redaction key ({error.strerror})",
            str(path),
            "Set XDG_STATE_HOME to a folder that you can write to.",
        ) from error


def _folder(env: Mapping[str, str], variable: str, default: str) -> Path:
    root = env.get(variable, "")
    return (Path(root) if root.startswith("/") else Path.home() / default) / "stratus"
