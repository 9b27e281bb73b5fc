"""The JSON documents in a kubectl command: patches and manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping

from stratus_cli.actions.targets import NAMESPACE, ref_named
from stratus_cli.kube.custom import KIND, is_known, kind_word, word_of
from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

DEEPEST = 50  # our choice: a Deployment with every field set has some fifteen levels


def manifest_ref(
    manifest: Mapping[str, object], namespace: str, *, explicit: bool
) -> Ref | Refusal:
    """The object that a manifest is. explicit: the line names a namespace, which must be its."""
    meta = manifest.get("metadata")
    word = _kind_of(manifest)
    if not word:
        kind = f"{manifest.get('kind')} {manifest.get('apiVersion')}"
        return Refusal("kind", f"{kind!r} is not a kind that can be created")
    if not isinstance(meta, dict):
        return Refusal("manifest", "the manifest has no metadata")
    own = meta.get("namespace") or ""
    if own and (not isinstance(own, str) or not NAMESPACE.fullmatch(own)):
        return Refusal("namespace", f"{own!r} is not a namespace")
    if own and explicit and own != namespace:
        return Refusal("namespace", f"the manifest says {own}, the line {namespace}")
    return ref_named(word, str(meta.get("name") or ""), own or namespace)


def _kind_of(manifest: Mapping[str, object]) -> str:
    """A known kind; the word for a custom one, with its version; "" for neither."""
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str):
        return ""
    if kind in BY_KIND:
        return kind if is_known(kind, version) and version else ""
    word = word_of(kind, version)
    return word if KIND.fullmatch(kind) and kind_word(word) is not None else ""


def document_of(value: object) -> object:
    """The patch, as a document or as its text. Refusal when it is neither."""
    if isinstance(value, dict | list):
        return value
    if not isinstance(value, str) or not value:
        return Refusal("grammar", "patch needs -p DOCUMENT")
    try:
        document: object = json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return Refusal("patch", f"the patch is not JSON: {error}")
    return document


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def is_deep(document: object, most: int = DEEPEST) -> bool:
    """Whether a document goes deeper than any object of the API."""
    if not isinstance(document, dict | list):
        return False
    parts = document.values() if isinstance(document, dict) else document
    return most == 0 or any(is_deep(part, most - 1) for part in parts)
