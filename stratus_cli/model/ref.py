"""Which object is meant: Ref, and which cluster: ClusterIdentity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """One Kubernetes object. Text form "namespace/Kind/name"; cluster-scoped: "/Kind/name".

    uid and api_version do not take part in equality: a re-created object is still the one that
    a person calls by this name. Where identity matters (preconditions) uid is compared explicitly.
    """

    kind: str
    namespace: str
    name: str
    api_version: str = field(default="", compare=False)
    uid: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"

    @property
    def short(self) -> str:
        """ "Kind/name", for lines whose namespace is already known."""
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read the text form. Raises ValueError when it has not exactly three parts."""
        namespace, kind, name = text.split("/", 2)
        return cls(kind=kind, namespace=namespace, name=name)


class ServedKind(NamedTuple):
    """Where a cluster serves a kind. plural: as in the URL."""

    kind: str
    api_version: str
    plural: str
    namespaced: bool


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """The cluster a report, plan or journal is about.

    uid: uid of the kube-system namespace, or "ca:" + digest of CA and server where unreadable.
    """

    uid: str
    context: str
    server: str
    user: str
    version: str = ""
