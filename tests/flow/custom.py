"""Custom resources for tests: definitions, and objects of them."""

from __future__ import annotations

from typing import Any

Item = dict[str, Any]
OPEN = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def definition(kind: str, group: str, *versions: str, plural: str = "", scope: str = "") -> Item:
    """A CustomResourceDefinition that takes any object; the last version is stored."""
    plural = plural or f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope or "Namespaced",
            "names": {
                "kind": kind,
                "plural": plural,
                "singular": kind.lower(),
                "listKind": f"{kind}List",
            },
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == versions[-1],
                    "schema": OPEN,
                }
                for name in versions
            ],
        },
    }


def custom(api_version: str, kind: str, name: str, spec: Item, namespace: str = "shop") -> Item:
    """One object."""
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}
