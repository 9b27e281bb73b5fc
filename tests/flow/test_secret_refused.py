"""What is refused about Secrets, by which check, and that nothing was written then."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stratus_cli.cluster.recorded import RecordedCluster
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.planfile import document, dump, load
from stratus_cli.flow.record import record
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.redact import Redactor
from stratus_cli.model.errors import PlanRefused, Refused
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Candidate
from stratus_cli.model.ref import Ref
from tests.fakes.faulty import FaultyCluster
from tests.flow.secret_stand import (
    DB,
    NEW,
    OLD,
    OTHER,
    PLANTED,
    RENAME,
    SET,
    USER,
    bytes_of,
    executed,
    planned,
    pre_images,
    secret,
    stand_with_secrets,
    undone,
)
from tests.flow.small import world
from tests.flow.stand import SHOP, Stand

COMMITTED, NEEDS_HUMAN = TransactionState.COMMITTED, TransactionState.NEEDS_HUMAN
CODED = base64.b64encode(NEW.encode()).decode()


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return stand_with_secrets(tmp_path)


def patch(document: Any, form: str = "strategic", name: str = "db") -> str:
    return f"kubectl -n shop patch secret/{name} --type={form} -p '{json.dumps(document)}'"


def check_of(made: Candidate) -> str:
    assert made.plan is None
    assert made.refusal is not None
    assert not [value for value in (*PLANTED, CODED) if value in repr(made)]
    return made.refusal.check


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (patch({"data": {"password": CODED}}), {"password": NEW, "user": USER}),
        (patch({"data": {"password": None}}, "merge"), {"user": USER}),
        (patch({"stringData": {"a.b": NEW}}), {"password": OLD, "user": USER, "a.b": NEW}),
        (
            patch([{"op": "copy", "from": "/data/user", "path": "/data/u"}], "json"),
            {"password": OLD, "user": USER, "u": USER},
        ),
        (
            patch(
                [
                    {"op": "test", "path": "/stringData/user", "value": USER},
                    {"op": "replace", "path": "/data/user", "value": CODED},
                    {"op": "remove", "path": "/data/password"},
                    {"op": "add", "path": "/stringData", "value": {"k": OTHER}},
                ],
                "json",
            ),
            {"user": NEW, "k": OTHER},
        ),
        (
            patch({"data": {"password": {"secretKeyRef": {"name": "cache", "key": "token"}}}}),
            {"password": OTHER, "user": USER},
        ),
    ],
)
def test_every_way_to_change_keys(stand: Stand, line: str, wanted: dict[str, str]) -> None:
    """All patch types; set, remove, copy within and from another Secret; and back."""
    before = bytes_of(stand)
    done = executed(stand, line)
    assert done.state is COMMITTED, done.why
    assert bytes_of(stand)["db"] == wanted
    assert undone(stand, done.id).state is COMMITTED
    assert bytes_of(stand)["db"] == before["db"]


@pytest.mark.parametrize(
    ("line", "check"),
    [
        (patch({"metadata": {"labels": {"a": NEW}}}), "secret"),
        (patch({"data": None}), "secret"),
        (patch({"data": {"k": NEW}}), "secret"),  # not base64
        (patch({"data": {"k": "«secret:0123456789ab»"}}), "secret"),
        (patch({"stringData": {"k": "«secret:0123456789ab»"}}), "secret"),
        (patch({"stringData": {"k": [NEW]}}), "secret"),
        (patch({"stringData": {f"{NEW}/k": NEW}}), "secret"),
        (patch({"data": {"k": {"secretKeyRef": {"name": "none", "key": "k"}}}}), "secret"),
        (patch([{"op": "replace", "path": "", "value": {"data": NEW}}], "json"), "secret"),
        (patch([{"op": "move", "from": "/type", "path": "/data/k"}], "json"), "secret"),
        (patch([{"op": "remove", "path": "/data/none"}], "json"), "patch"),
        (patch([{"op": "test", "path": "/data/user", "value": CODED}], "json"), "patch"),
        (patch({"stringData": {"user": USER}}), "no change"),
        (patch({"stringData": {"k": NEW}}, name="none"), "exists"),
        (patch({"stringData": {"k": NEW}}, name="fixed"), "immutable"),
        (patch({"stringData": {"k": NEW}}, name="robot"), "owner"),
        (f'kubectl -n shop patch secret/db \'{{"stringData":{{"k":"{NEW}"}}}}\'', "grammar"),
        (f"kubectl -n shop patch secret/db --nope '{NEW}'", "flag"),
        (f'kubectl -n shop patch secret/db -p \'{{"k": "{NEW}\'', "patch"),
    ],
)
def test_what_cannot_be_is_refused_without_a_value(stand: Stand, line: str, check: str) -> None:
    stand.twin.create({**secret("fixed", k=OLD), "immutable": True})
    stand.twin.create({**secret("robot", k=OLD), "type": "helm.sh/release.v1"})
    before = bytes_of(stand)
    assert check_of(planned(stand, line)) == check
    assert bytes_of(stand) == before


def test_a_pre_image_is_not_changed(stand: Stand) -> None:
    executed(stand, SET)
    [name] = pre_images(stand)
    assert check_of(planned(stand, patch({"data": {"password": None}}, name=name))) == "secret"


def test_reading_values_can_be_switched_off(tmp_path: Path) -> None:
    """Then no key can be changed, and the refusal says what would lift it."""
    twin = Twin(world(), read_secrets=False)
    stand = Stand(twin, FaultyCluster(twin), tmp_path)
    twin.create(secret("db", password=OLD))
    made = planned(stand, SET)
    assert check_of(made) == "read-secrets"
    assert made.refusal is not None
    assert "read-secrets = true" in made.refusal.lift


def test_a_recording_has_no_values(stand: Stand, tmp_path: Path) -> None:
    """Planned on a recording it is refused, too."""
    file = tmp_path / "seen"
    content = record(stand.reading(), SHOP, compressed=False)
    assert not [value for value in PLANTED if value.encode() in content]
    file.write_bytes(content)
    ports = replace(stand.reading(), cluster=RecordedCluster(str(file)))
    made = plan_from_lines([SET], ports, Graph(stand.observe()), "shop")
    assert check_of(made) == "read-secrets"


def test_who_may_not_create_a_secret_is_refused(stand: Stand) -> None:
    """By the check for permission, which names the verb."""
    may_not(stand, "create", lambda ref: ref.name.startswith("stratus-pre-"))
    made = planned(stand, SET)
    assert check_of(made) == "permission"
    assert made.refusal is not None
    assert "the verb create on Secret in shop" in made.refusal.lift


def test_who_may_not_create_a_secret_cannot_undo(stand: Stand) -> None:
    """What the undo overwrites could not be kept."""
    done = executed(stand, SET)
    before = bytes_of(stand)
    may_not(stand, "create", lambda ref: ref.kind == "Secret")
    with pytest.raises(Refused, match="may not create a Secret"):
        undone(stand, done.id)
    assert bytes_of(stand) == before


def may_not(stand: Stand, verb: str, which: Any) -> None:
    class Limited(FaultyCluster):
        def allowed(self, asked: str, ref: Ref) -> bool | None:
            return not (asked == verb and which(ref))

    stand.cluster = Limited(stand.twin)


def test_a_plan_file_carries_no_value(stand: Stand) -> None:
    """A given value is refused; a rename is written, read and executed by another process."""
    given = planned(stand, SET).plan
    renamed = planned(stand, RENAME).plan
    assert given is not None
    assert renamed is not None
    with pytest.raises(PlanRefused, match="may not carry a Secret's value"):
        dump(given)
    text = dump(renamed)
    assert not [value for value in PLANTED if value in text]
    stand.twin.forget()
    with stand.ports() as ports:
        done = execute_plan(load(text), ports, stand.observe)
    assert done.state is COMMITTED, done.why
    assert bytes_of(stand)["db"] == {"pass": OLD, "user": USER}


def test_a_plan_file_of_another_machine(stand: Stand) -> None:
    """Whose digests are other ones: executed all the same, unless the Secret has changed."""
    made = planned(stand, RENAME).plan
    assert made is not None
    text = dump(made)
    stand.twin.forget(Redactor(b"another machine"))
    plan = load(text)
    write(stand, "theirs", "x-planted-theirs")
    with stand.ports() as ports:
        assert execute_plan(plan, ports, stand.observe).state is TransactionState.BLOCKED
    made = planned(stand, RENAME).plan
    assert made is not None
    text = dump(made)
    stand.twin.forget(Redactor(b"a third machine"))
    with stand.ports() as ports:
        done = execute_plan(load(text), ports, stand.observe)
    assert done.state is COMMITTED, done.why
    assert bytes_of(stand)["db"] == {"pass": OLD, "user": USER, "theirs": "x-planted-theirs"}
    assert undone(stand, done.id).state is COMMITTED
    assert bytes_of(stand)["db"]["password"] == OLD


def test_a_forged_plan_file_with_a_value_is_refused(stand: Stand) -> None:
    """Even with the right digest."""
    made = planned(stand, RENAME).plan
    assert made is not None
    keep, change = made.steps
    after = {**(change.change.after or {}), "data": {"pass": CODED}}
    forged = replace(
        made, steps=(keep, replace(change, change=replace(change.change, after=after)))
    )
    with pytest.raises(PlanRefused, match="may not carry a Secret's value"):
        load(json.dumps(document(forged)))


def test_somebody_else_set_our_key(stand: Stand) -> None:
    """The undo is refused and shows digests of all three; another key of theirs is kept."""
    done = executed(stand, SET)
    write(stand, "theirs", "x-planted-theirs")
    write(stand, "password", "y-planted-theirs")
    before = bytes_of(stand)
    with pytest.raises(Refused, match="somebody else changed") as caught:
        undone(stand, done.id)
    assert "planted" not in str(caught.value)
    assert bytes_of(stand) == before
    write(stand, "password", NEW)
    assert undone(stand, done.id).state is COMMITTED
    assert bytes_of(stand)["db"] == {"password": OLD, "user": USER, "theirs": "x-planted-theirs"}


def write(stand: Stand, key: str, value: str) -> None:
    item = stand.twin.get(DB)
    assert item is not None
    item["data"][key] = base64.b64encode(value.encode()).decode()
    stand.twin.replace(item)


@pytest.mark.parametrize("forged", [False, True])
def test_without_its_pre_image_nothing_is_undone(stand: Stand, forged: bool) -> None:
    """Gone, or made again by somebody with other values: the digests tell."""
    done = executed(stand, SET)
    [name] = pre_images(stand)
    ref = Ref("Secret", "shop", name, "v1")
    item = stand.twin.get(ref)
    assert item is not None
    stand.twin.delete(ref, uid=item["metadata"]["uid"])
    if forged:
        stand.twin.create({**item, "data": {"password": CODED}})
    before = bytes_of(stand)
    with pytest.raises(Refused, match="pre-image of shop/Secret/db is gone"):
        undone(stand, done.id)
    assert bytes_of(stand) == before


def test_a_pre_image_is_not_taken_back_alone(stand: Stand) -> None:
    done = executed(stand, SET)
    with pytest.raises(Refused, match="step 1 holds what taking back step 2 needs"):
        undone(stand, done.id, only=(1,))
    assert undone(stand, done.id, only=(2,)).state is COMMITTED
    assert bytes_of(stand)["db"] == {"password": OLD, "user": USER}


def test_what_is_not_put_back_keeps_its_pre_image(stand: Stand) -> None:
    """The way back is refused by the server: a human gets it, with the value still there."""
    broken = "kubectl -n shop set image deployment/web app=stratus/app:never"
    stand.cluster.faults = {4: "forbidden"}  # the Secret goes back first
    done = executed(stand, SET, broken)
    assert done.state is NEEDS_HUMAN
    [name] = pre_images(stand)
    assert bytes_of(stand)[name] == {"password": OLD}
    assert not [value for value in PLANTED if value in repr(done)]
