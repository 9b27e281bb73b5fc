"""Former owners of fields: recorded by name, and put back without touching anybody else's."""

from __future__ import annotations

from typing import Any

from stratus_cli.kube.field_owners import appliers_of, given_back, owners_of

Item = dict[str, Any]
APP = 'k:{"name":"app"}'


def entry(manager: str, fields: Item, operation: str = "Update", **more: str) -> Item:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }


def item(*entries: Item) -> Item:
    return {"metadata": {"name": "web", "managedFields": list(entries)}}


def image(*more: str) -> Item:
    fields: Item = {".": {}, "f:image": {}, **{key: {} for key in more}}
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": {APP: fields}}}}}


IMAGE = "spec.template.spec.containers[name=app].image"


def test_only_the_fields_in_question_are_recorded() -> None:
    """And their owners' names; statuses never."""
    live = item(
        entry("ci", image("f:env"), "Apply"),
        entry("hpa", {"f:spec": {"f:replicas": {}}}),
        entry("kubelet", {"f:status": {"f:a": {}}}, subresource="status"),
    )
    [found] = owners_of(live, [IMAGE])
    tree = {"f:spec": {"f:template": {"f:spec": {"f:containers": {APP: {"f:image": {}}}}}}}
    assert found["manager"] == "ci"
    assert found["fieldsV1"] == tree
    assert [one["manager"] for one in owners_of(live, [""])] == ["ci", "hpa"]
    assert owners_of(live, ["spec.paused"]) == ()


def test_they_get_it_back() -> None:
    """Into the entry that is still there; ours goes when nothing is left in it."""
    before = item(entry("ci", image("f:env"), "Apply"))
    former = owners_of(before, [IMAGE])
    taken = image("f:env")
    del taken["f:spec"]["f:template"]["f:spec"]["f:containers"][APP]["f:image"]
    ours = {"f:spec": {"f:template": {"f:spec": {"f:containers": {APP: {"f:image": {}}}}}}}
    live = item(entry("ci", taken, "Apply"), entry("stratus", ours))
    assert given_back(live, [IMAGE], former, "stratus") == before["metadata"]["managedFields"]
    assert given_back(before, [IMAGE], former, "stratus") is None


def test_an_entry_that_went_is_made_again() -> None:
    """With its time as it was."""
    before = item(entry("ci", {"f:spec": {"f:replicas": {}}}))
    former = owners_of(before, ["spec.replicas"])
    ours = {"f:spec": {"f:replicas": {}, "f:paused": {}}}
    made = given_back(item(entry("stratus", ours)), ["spec.replicas"], former, "stratus")
    assert made == [
        entry("stratus", {"f:spec": {"f:paused": {}}}),
        *before["metadata"]["managedFields"],
    ]


def test_what_we_do_not_own_is_left_alone() -> None:
    """Somebody else took it over meanwhile."""
    former = owners_of(item(entry("ci", {"f:spec": {"f:replicas": {}}})), ["spec.replicas"])
    live = item(entry("bob", {"f:spec": {"f:replicas": {}}}))
    assert given_back(live, ["spec.replicas"], former, "stratus") is None


def test_a_field_without_owner_has_none_again() -> None:
    """We leave nothing of ours behind."""
    live = item(entry("stratus", {"f:spec": {"f:replicas": {}}}))
    assert given_back(live, ["spec.replicas"], (), "stratus") == []


def test_an_atomic_field_is_owned_as_a_whole() -> None:
    """Two edits inside it are one field to the server."""
    whole = {"f:spec": {"f:selector": {}}}
    paths = ["spec.selector.app", "spec.selector.tier"]
    former = owners_of(item(entry("ci", whole)), paths)
    assert given_back(item(entry("stratus", whole)), paths, former, "stratus") == [
        entry("ci", whole)
    ]


def test_who_applied_a_field() -> None:
    """Only server-side applies, by name."""
    live = item(entry("ci", image(), "Apply"), entry("edit", {"f:spec": {"f:replicas": {}}}))
    assert list(appliers_of(live, [IMAGE, "spec.replicas"], "stratus")) == [("ci", IMAGE)]


def test_strange_entries_are_nobody() -> None:
    """A cluster's data may be of any shape."""
    for strange in (None, 7, [7, {}, {"fieldsV1": "x"}], [{"fieldsV1": {"f:spec": 7}}]):
        live = {"metadata": {"name": "web", "managedFields": strange}}
        assert owners_of(live, ["spec.replicas"]) == ()
        assert given_back(live, ["spec.replicas"], (), "stratus") is None
