"""Where the API serves a kind: the table of known kinds, and discovery for all others."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from stratus_cli.kube.kinds import BY_KIND, KindInfo
from stratus_cli.model.errors import NotFound
from stratus_cli.model.ref import Ref


class _Resource(msgspec.Struct):
    name: str = ""
    kind: str = ""
    namespaced: bool = True


class _ResourceList(msgspec.Struct):
    resources: list[_Resource] = []


_LISTED = msgspec.json.Decoder(_ResourceList)  # made on import: see kube.listing


class Resources:
    """Finds a kind's plural and scope; asks the server once per group and version."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._found: dict[tuple[str, str], KindInfo] = {}

    def of(self, kind: str, api_version: str = "") -> KindInfo:
        """Raises NotFound when no such kind is served, or it is unknown and has no version."""
        known = BY_KIND.get(kind)
        if known is not None and api_version in ("", known.api_version):
            return known
        if (kind, api_version) not in self._found:
            self._found[(kind, api_version)] = self._discover(kind, api_version)
        return self._found[(kind, api_version)]

    def path(self, ref: Ref) -> str:
        """The URL path of one object."""
        return self.of(ref.kind, ref.api_version).path(ref.namespace or None, ref.name)

    def _discover(self, kind: str, api_version: str) -> KindInfo:
        absent = NotFound(404, "NotFound", "the cluster serves no such kind", kind)
        if not api_version:
            raise absent
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            listed = _LISTED.decode(self._read(root))
        except (msgspec.DecodeError, RecursionError) as error:
            raise absent from error
        for resource in listed.resources:
            if resource.kind == kind and "/" not in resource.name:
                return KindInfo(kind, api_version, resource.name, resource.namespaced)
        raise absent
