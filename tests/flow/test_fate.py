"""Was it made? One look at the object says, or says that nobody can know."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_cli.flow.fate import fate_of, is_passing, is_refusal
from stratus_cli.flow.lineage import Lineage
from stratus_cli.model.entry import Intent
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    RequestTimeout,
    StratusError,
)
from stratus_cli.model.ref import Ref
from tests.flow.small import SETTINGS

REF = Ref("ConfigMap", "shop", "c", "v1", "u1")
OURS = [{"manager": "stratus"}]


def item(value: str = "1", **metadata: Any) -> dict[str, Any]:
    meta = {"name": "c", "namespace": "shop", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": value}}


UPDATES = {
    "as written": (item("2", uid="u1"), True),
    "as before": (item("1", uid="u1"), False),
    "neither": (item("3", uid="u1"), None),
    "gone": (None, None),
    "another one, as written": (item("2", uid="u2"), None),
}


@pytest.mark.parametrize("name", UPDATES)
def test_an_update(name: str) -> None:
    live, fate = UPDATES[name]
    assert fate_of(REF, item("1"), item("2"), live) is fate


def test_an_unmoved_version_is_an_unmade_update() -> None:
    live = item("2", uid="u1", resourceVersion="5")
    assert fate_of(REF, item("1"), item("2"), live, "5") is False
    assert fate_of(REF, item("1"), item("2"), live, "4") is True


DELETES = {
    "gone": (None, True),
    "going": (item(uid="u1", deletionTimestamp="2026-01-01T00:00:00Z"), True),
    "made anew": (item(uid="u2"), True),
    "there": (item(uid="u1"), False),
}


@pytest.mark.parametrize("name", DELETES)
def test_a_delete(name: str) -> None:
    live, fate = DELETES[name]
    assert fate_of(REF, item(), None, live) is fate


def test_a_create() -> None:
    ref = Ref("ConfigMap", "shop", "c", "v1")
    assert fate_of(ref, None, item(), None) is False
    assert fate_of(ref, None, item(), item(uid="u1", managedFields=OURS)) is True
    assert fate_of(ref, None, item(), item("2", uid="u1", managedFields=OURS)) is None
    theirs = [{"manager": "kubectl"}]
    assert fate_of(ref, None, item(), item(uid="u1", managedFields=theirs)) is False


def test_the_servers_defaults_do_not_hide_a_create() -> None:
    ref = Ref("ConfigMap", "shop", "c", "v1")
    live = {**item(uid="u1", managedFields=OURS), "immutable": False}
    assert fate_of(ref, None, item(), live) is True


@pytest.mark.parametrize(
    ("error", "refusal", "passing"),
    [
        (Conflict(409, "Conflict", ""), True, True),
        (Forbidden(403, "Forbidden", ""), True, False),
        (ClusterAnswer(429, "TooManyRequests", ""), True, True),
        (ClusterAnswer(500, "InternalError", ""), False, True),
        (ClusterAnswer(200, "Truncated", ""), False, True),
        (RequestTimeout(0, "Timeout", ""), False, True),
        (ClusterUnreachable(""), False, True),
    ],
)
def test_which_answers_are_refusals(error: StratusError, refusal: bool, passing: bool) -> None:
    assert is_refusal(error) is refusal
    assert is_passing(error) is passing


def test_a_lineage_follows_our_recreations_only() -> None:
    def intent(uid: str, *, create: bool) -> Intent:
        from datetime import UTC, datetime

        ref = Ref("ConfigMap", "shop", "settings", "v1", uid)
        sides = (None, {}) if create else ({}, None)
        return Intent("tx", datetime(2026, 1, 1, tzinfo=UTC), 1, ref, *sides, "")

    lineage = Lineage()
    for uid, heir in (("u1", "u2"), ("u2", "u3")):
        lineage.take(intent(uid, create=False), "")
        lineage.take(intent("", create=True), heir)
    lineage.take(intent("", create=True), "u9")  # nothing of ours was deleted before
    assert lineage.is_same("u1", "u3")
    assert lineage.is_same("u1", "u1")
    assert lineage.is_same("", "u7")
    assert not lineage.is_same("u3", "u1")
    assert not lineage.is_same("u1", "u9")
    assert not Lineage({"u1": "u2", "u2": "u1"}).is_same("u1", SETTINGS.name)
