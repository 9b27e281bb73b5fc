"""What an action is: a typed intention that gives changes, computed on whole objects as read.

`prepare` reads and never writes. It changes only the fields it is about; the rest goes through
untouched. What cannot be done is a Refusal with the check's name, never an exception.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from stratus_cli.kube.custom import is_known, word_of
from stratus_cli.kube.diff import diff
from stratus_cli.kube.fields import segments
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.kube.paths import render_path, value_at
from stratus_cli.model.change import ABSENT, Change, Reversibility
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ref import Ref

Item = dict[str, Any]

POD_SPEC = {
    **dict.fromkeys((*WORKLOADS, "ReplicaSet", "Job"), ("spec", "template", "spec")),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "Pod": ("spec",),
}
"""Where a kind keeps its pod spec."""
LISTS = ("containers", "initContainers")
"""A pod spec's lists of containers that a template may hold."""


class Reader(Protocol):
    """Whole objects as they are, or as the plan's earlier steps leave them."""

    def get(self, ref: Ref) -> Item | None:
        """The complete object, or None when it is absent."""

    def list(self, kind: str, namespace: str) -> list[Item]:
        """Every object of the kind, complete."""

    def now(self) -> datetime:
        """When the plan is made, for values that stand for a moment."""

    def seal(self, value: bytes) -> str:
        """What stands for a value of a Secret (model.ports.Cluster.seal)."""


@dataclass(frozen=True)
class Prepared:
    """One change to one object. kubectl: the line that makes it by hand.

    depends: paths whose values in change.before the change rests on. notes: what a reviewer must
    know of it.
    """

    change: Change
    kubectl: str
    depends: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Action(Protocol):
    """A typed intention. KIND names it for good."""

    KIND: ClassVar[str]

    def prepare(self, read: Reader) -> tuple[Prepared, ...] | Refusal:
        """The changes it needs now, or why there are none."""


def update(
    before: Item,
    after: Item,
    ref: Ref,
    kubectl: str,
    *,
    also: Iterable[str] = (),
) -> tuple[Prepared, ...] | Refusal:
    """An update of one object. also: further paths that it rests on."""
    edits = diff(before, after)
    if not edits:
        return Refusal("no change", f"{ref} is so already", "nothing to do")
    rests = (path for edit in edits for path in _elements(before, edit.path))
    depends = dict.fromkeys((*(edit.path for edit in edits), *rests, *also))
    change = Change(identified(ref, before), before, after, Reversibility.REVERSIBLE)
    return (Prepared(change, kubectl, tuple(depends)),)


def _elements(before: Item, path: str) -> Iterator[str]:
    """The keys of the list elements that a path goes through: they must still be there."""
    parts = segments(path)
    for length in range(1, len(parts)):
        part = parts[length - 1]
        if isinstance(part, Mapping):
            for name in part:
                found = render_path((*parts[:length], name))
                if value_at(before, found) is not ABSENT:
                    yield found


def identified(ref: Ref, item: Item) -> Ref:
    """The ref with the api version and uid of the object that was read."""
    meta = item.get("metadata") or {}
    version = str(item.get("apiVersion") or ref.api_version)
    return Ref(ref.kind, ref.namespace, ref.name, version, str(meta.get("uid", "")))


def missing(ref: Ref) -> Refusal:
    """The object that an action is about is not there."""
    return Refusal("exists", f"there is no {ref}", "look at its name and namespace")


def pod_spec(item: Item, kind: str) -> Item | None:
    """The pod spec inside an object, as a part of it; None where the kind has none."""
    node: Any = item
    for name in POD_SPEC.get(kind, ()):
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) and kind in POD_SPEC else None


def pod_spec_path(kind: str) -> str:
    """Its path, with a dot at the end."""
    return ".".join(POD_SPEC[kind]) + "."


def line(*words: str, ref: Ref | None = None) -> str:
    """A kubectl line, each word quoted for a shell. ref: its namespace is put first."""
    where = ("-n", ref.namespace) if ref is not None and ref.namespace else ()
    return shlex.join(("kubectl", *where, *words))


def target(ref: Ref) -> str:
    """ "deployment/web", as kubectl takes it; of a custom resource with version and group."""
    if is_known(ref.kind, ref.api_version) or not ref.api_version:
        return f"{ref.kind.lower()}/{ref.name}"
    return f"{word_of(ref.kind, ref.api_version)}/{ref.name}"
