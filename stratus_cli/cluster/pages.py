"""Reading a collection page by page (limit and continue), to its very end or with an error."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stratus_cli.cluster import answers
from stratus_cli.cluster.transport import Transport
from stratus_cli.kube.listing import Page, check_text, name_of
from stratus_cli.model.errors import ClusterAnswer

LIMIT = 500

_DECODER = msgspec.json.Decoder(Page)


def pages(http: Transport, path: str, accept: str) -> Iterator[tuple[bytes, Page]]:
    """Each page as it came, and decoded as far as its items.

    When the continue token expires (410), starts again, once, and leaves out what it gave already.
    """
    token, given, restarted = "", "", False
    while True:
        try:
            query = {"limit": str(LIMIT), **({"continue": token} if token else {})}
            data = http.read(path, query, accept=accept)
        except ClusterAnswer as error:
            if error.status != 410 or not token or restarted:
                raise
            token, restarted = "", True
            continue
        page = _decoded(data, http.where(path))
        items = page.items or []
        if restarted and given:
            page.items = [raw for raw in items if _key(raw) > given]
            data = msgspec.json.encode(page)
        if items and not restarted:
            given = _key(items[-1])
        yield data, page
        following = page.metadata.get("continue")
        if not isinstance(following, str) or not following:
            return
        if following == token:
            raise answers.unreadable(http.where(path), "the server repeats a continue token")
        token = following


def _decoded(data: bytes, where: str) -> Page:
    try:
        check_text(data)
        page = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise answers.decode_error(error, where) from error
    if not page.kind.endswith("List"):
        raise answers.unreadable(where, "the answer is not a list")
    return page


def _key(raw: msgspec.Raw) -> str:
    """Namespace and name: the order in which etcd keeps a collection."""
    try:
        return "/".join(name_of(raw))
    except msgspec.DecodeError:
        return ""
