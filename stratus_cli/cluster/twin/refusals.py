"""The API server's error answers, with its own words (Kubernetes 1.34)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stratus_cli.kube.kinds import BY_KIND
from stratus_cli.model.errors import ClusterAnswer, Conflict, Forbidden, Invalid, NotFound
from stratus_cli.model.ref import Ref


def resource(kind: str, api_version: str = "") -> str:
    """ "deployments.apps", "pods" ..."""
    info = BY_KIND.get(kind)
    if info is None:  # of a definition; its plural is hardly ever another
        return f"{kind.lower()}s.{api_version.rpartition('/')[0]}"
    return f"{info.plural}.{info.group}" if info.group else info.plural


def _of(ref: Ref) -> str:
    return resource(ref.kind, ref.api_version)


def not_found(ref: Ref) -> NotFound:
    """404: no such object."""
    return NotFound(404, "NotFound", f'{_of(ref)} "{ref.name}" not found', str(ref))


def not_served(kind: str) -> NotFound:
    """404: no such kind."""
    return NotFound(404, "NotFound", "the server could not find the requested resource", kind)


def already_exists(ref: Ref) -> Conflict:
    """409: a create of what is there."""
    text = f'{_of(ref)} "{ref.name}" already exists'
    return Conflict(409, "AlreadyExists", text, str(ref))


def stale(ref: Ref) -> Conflict:
    """409: it moved since it was read."""
    text = (
        f'Operation cannot be fulfilled on {_of(ref)} "{ref.name}": the object has been'
        " modified; please apply your changes to the latest version and try again"
    )
    return Conflict(409, "Conflict", text, str(ref))


def apply_conflict(item: Mapping[str, Any], found: Sequence[tuple[str, str, str]]) -> Conflict:
    """409: a server-side apply. found: (manager, apiVersion, field)."""
    count = "1 conflict" if len(found) == 1 else f"{len(found)} conflicts"
    manager, version, _ = found[0]
    fields = ", ".join(field for _, _, field in found)
    text = f'Apply failed with {count}: conflict with "{manager}" using {version}: {fields}'
    return Conflict(409, "Conflict", text, str(item["metadata"]["name"]))


def other_uid(ref: Ref, wanted: str, found: str) -> Conflict:
    """409: another object by the same name."""
    text = (
        f'Operation cannot be fulfilled on {_of(ref)} "{ref.name}": Precondition failed:'
        f" UID in precondition: {wanted}, UID in object meta: {found}"
    )
    return Conflict(409, "Conflict", text, str(ref))


def other_version(ref: Ref, wanted: str, found: str) -> Conflict:
    """409: a delete whose resourceVersion is not the present one."""
    text = (
        f'Operation cannot be fulfilled on {_of(ref)} "{ref.name}": Precondition failed:'
        f" ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {found}"
    )
    return Conflict(409, "Conflict", text, str(ref))


def no_disruption() -> ClusterAnswer:
    """429: an eviction that a PodDisruptionBudget has no room for (registry/core/pod/rest)."""
    text = "Cannot evict pod as it would violate the pod's disruption budget."
    return ClusterAnswer(429, "TooManyRequests", text)


def two_budgets() -> ClusterAnswer:
    """500: the eviction of a pod that more than one PodDisruptionBudget selects."""
    text = (
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not"
        " support."
    )
    return ClusterAnswer(500, "InternalError", text)


def invalid(ref: Ref, *problems: str) -> Invalid:
    """422: validation. problems: "spec.x: Required value" ..."""
    group = ref.api_version.rpartition("/")[0]
    kind = f"{ref.kind}.{group}" if group else ref.kind
    shown = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
    return Invalid(422, "Invalid", f'{kind} "{ref.name}" is invalid: {shown}', str(ref))


def forbidden(ref: Ref, why: str) -> Forbidden:
    """403: an admission plugin refused it."""
    text = f'{_of(ref)} "{ref.name}" is forbidden: {why}'
    return Forbidden(403, "Forbidden", text, str(ref))
