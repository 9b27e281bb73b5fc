"""The parts of Kubernetes objects that Stratus reads, as msgspec Structs (Kubernetes API v1.34).

Only fields that a rule, cause or health term uses are here; everything else in the JSON is
skipped while decoding. What is written is never made from these: see Cluster.get. Field names
are the API's (camelCase in JSON, snake_case here). A missing list decodes to ().

Here: what all have in common, Namespaces and Events. Every other kind: objects_<subject>.py.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

IntOrString = int | str
Labels = dict[str, str]


class ObjectPart(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A nested part of an object."""


class OwnerReference(ObjectPart, frozen=True):
    kind: str
    name: str
    uid: str
    api_version: str = ""
    controller: bool = False


class ManagedFieldsEntry(ObjectPart, frozen=True):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: datetime | None = None
    fields_v1: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"{}"), name="fieldsV1")


class ObjectMeta(ObjectPart, frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: Labels = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()


class TrackedMeta(ObjectMeta, frozen=True):
    """Metadata of the kinds that people change: who changed which field, and when."""

    managed_fields: tuple[ManagedFieldsEntry, ...] = ()


class KubeObject(ObjectPart, frozen=True):
    """Any object. `kind` is a class attribute because list items carry no kind in their JSON."""

    KIND = ""
    API_VERSION = "v1"

    metadata: ObjectMeta = ObjectMeta()


class LabelSelectorRequirement(ObjectPart, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(ObjectPart, frozen=True):
    match_labels: Labels = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class Condition(ObjectPart, frozen=True):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None


class ObjectReference(ObjectPart, frozen=True):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    field_path: str = ""


class NamespaceStatus(ObjectPart, frozen=True):
    phase: str = ""
    conditions: tuple[Condition, ...] = ()


class Namespace(KubeObject, frozen=True):
    KIND = "Namespace"
    metadata: TrackedMeta = TrackedMeta()
    status: NamespaceStatus = NamespaceStatus()


class EventSeries(ObjectPart, frozen=True):
    count: int = 0
    last_observed_time: datetime | None = None


class EventSource(ObjectPart, frozen=True):
    component: str = ""
    host: str = ""


class Event(KubeObject, frozen=True):
    """core/v1 Event. `last_seen` is the newest of its four time fields."""

    KIND = "Event"
    involved_object: ObjectReference = ObjectReference()
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: EventSeries | None = None
    source: EventSource = EventSource()
    reporting_component: str = ""

    @property
    def last_seen(self) -> datetime | None:
        """When it happened last, or None where the API server gave no time."""
        times = [
            self.last_timestamp,
            self.event_time,
            self.series.last_observed_time if self.series else None,
            self.metadata.creation_timestamp,
        ]
        return max((time for time in times if time is not None), default=None)
