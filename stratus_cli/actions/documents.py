"""The documents in a kubectl command: patches (JSON) and manifests (JSON or YAML)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

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


def manifests_of(value: object) -> list[dict[str, Any]] | Refusal:
    """The manifests of `-f`: a document, or its text in JSON or YAML. A List gives its items."""
    documents = _loaded(value) if isinstance(value, str) else [value]
    if isinstance(documents, Refusal):
        return documents
    found: list[dict[str, Any]] = []
    for document in documents:
        if not isinstance(document, dict):
            return Refusal(
                "flag",
                "files and addresses are not read",
                "give the manifest itself: -f MANIFEST, in one word",
            )
        if is_deep(document) or not _is_json(document):
            reason = f"more than {DEEPEST} levels, or a value that JSON has not (a date?)"
            return Refusal("manifest", f"the manifest has {reason}", "put it into quotes")
        items = document.get("items") if document.get("kind") == "List" else [document]
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            return Refusal("manifest", "the items of the List are no manifests")
        found.extend(items)
    return found or Refusal("manifest", "there is no manifest in it")


def _loaded(text: str) -> list[object] | Refusal:
    """The documents of a text. JSON is YAML too, in all that a manifest needs."""
    import yaml

    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            # A few lines of them stand for gigabytes.
            return Refusal("manifest", "the manifest has YAML aliases", "write it out")
        return [part for part in yaml.safe_load_all(text) if part is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())[:200]
        return Refusal("manifest", f"the manifest is neither JSON nor YAML: {problem}")


def _is_json(node: object) -> bool:
    if isinstance(node, dict):
        return all(isinstance(key, str) and _is_json(part) for key, part in node.items())
    if isinstance(node, list):
        return all(map(_is_json, node))
    if isinstance(node, float):
        return math.isfinite(node)
    return node is None or isinstance(node, str | int)


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
