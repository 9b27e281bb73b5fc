"""Undo: by field, in parts, again and again, and never over what somebody else wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.cli.exits import exit_code
from stratus_cli.flow.recover import accept
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.model.errors import Refused, UsageError
from stratus_cli.model.health import TransactionState
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import Report, TransactionReport
from tests.flow.small import (
    CART,
    NEW,
    NOTES,
    ROOM,
    SETTINGS,
    WEB,
    Item,
    edit,
    get,
    recorded,
    run,
    small,
    state,
)
from tests.flow.stand import Stand

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
BLOCKED, NEEDS_HUMAN = TransactionState.BLOCKED, TransactionState.NEEDS_HUMAN
SET_A = "kubectl -n shop label configmap/settings a=1"
SET_A_AGAIN = "kubectl -n shop label configmap/settings a=2 --overwrite"
SET_B = "kubectl -n shop annotate configmap/settings b=1"
DELETE_ROOM = "kubectl -n shop delete resourcequota/room"


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return small(tmp_path)


def commit(stand: Stand, *lines: str | Item, incident: str = "") -> TransactionReport:
    done = run(stand, *lines, incident=incident)
    assert done.state is COMMITTED, done.why
    return done


def take_back(
    stand: Stand, which: Selector | None = None, *, only: tuple[int, ...] = (), force: bool = False
) -> Report:
    with stand.ports() as ports:
        return undo(
            ports,
            which or Selector(last=True),
            only=only,
            force=force,
            accept_loss=True,
            observe=stand.observe,
        )


def undone(stand: Stand, which: Selector | None = None, **options: object) -> Report:
    report = take_back(stand, which, **options)  # type: ignore[arg-type]
    assert [tx.state for tx in report.transactions] == [COMMITTED], report.transactions
    return report


def test_several_steps_on_one_field_are_taken_back(stand: Stand) -> None:
    """Step 2's before is step 1's after."""
    before = state(stand.twin)
    commit(stand, SET_A, SET_A_AGAIN, SET_B)
    undone(stand)
    assert state(stand.twin) == before


def test_a_dry_run_tells_each_step_on_what_the_newer_ones_leave(stand: Stand) -> None:
    commit(stand, SET_A, SET_A_AGAIN)
    writes = stand.cluster.writes
    with stand.ports() as ports:
        report = undo(ports, Selector(last=True), dry_run=True, observe=stand.observe)
    assert [line for line in report.notes if "refused" in line] == []
    assert any("2 -> 1" in line for line in report.notes)
    assert any("-> (absent)" in line for line in report.notes)
    assert stand.cluster.writes == writes


def foretold(stand: Stand, which: Selector | None = None) -> Report:
    writes = stand.cluster.writes
    with stand.ports() as ports:
        report = undo(ports, which or Selector(last=True), dry_run=True, observe=stand.observe)
    assert stand.cluster.writes == writes
    return report


def test_a_dry_run_tells_each_transaction_on_what_the_newer_ones_leave(stand: Stand) -> None:
    commit(stand, SET_A, incident="i-1")
    commit(stand, SET_A_AGAIN, incident="i-1")
    report = foretold(stand, Selector(incident="i-1"))
    assert [line for line in report.notes if "refused" in line] == []
    assert exit_code(report, dry_run=True) == 0


def test_a_dry_run_of_what_would_be_refused_says_so_to_scripts_too(stand: Stand) -> None:
    commit(stand, SET_A)
    edit(stand.twin, SETTINGS, labels={"a": "theirs"})
    report = foretold(stand)
    assert "would be refused: somebody else changed" in report.notes[0]
    assert exit_code(report, dry_run=True) == 4


def test_an_undo_of_an_undo_of_an_undo(stand: Stand) -> None:
    before = state(stand.twin)
    tx = commit(stand, SET_A, DELETE_ROOM).id
    after = state(stand.twin)
    for wanted in (before, after, before, after):
        tx = undone(stand, Selector(tx=tx)).transactions[0].id
        assert state(stand.twin) == wanted


def test_the_last_one_is_never_an_undo(stand: Stand) -> None:
    """Whoever says it twice wants to go further back."""
    before = state(stand.twin)
    commit(stand, SET_A)
    commit(stand, DELETE_ROOM)
    undone(stand)
    undone(stand)
    assert state(stand.twin) == before
    with pytest.raises(UsageError, match="nothing that can be taken back"):
        take_back(stand)


def test_parts_are_taken_back_one_by_one_and_once(stand: Stand) -> None:
    """`--only` leaves the other steps in force, and they can be taken back later."""
    before = state(stand.twin)
    tx = commit(stand, SET_A, SET_B, DELETE_ROOM).id
    undone(stand, Selector(tx=tx), only=(3,))
    assert stand.twin.get(ROOM) is not None
    assert get(stand, SETTINGS)["metadata"]["labels"] == {"a": "1"}
    with pytest.raises(Refused, match="taken back already"):
        take_back(stand, Selector(tx=tx), only=(3,))
    undone(stand, Selector(tx=tx))
    assert state(stand.twin) == before
    with pytest.raises(Refused, match="taken back already"):
        take_back(stand, Selector(tx=tx))


def test_an_unknown_step_is_a_usage_error(stand: Stand) -> None:
    tx = commit(stand, SET_A).id
    with pytest.raises(UsageError, match="no step 7"):
        take_back(stand, Selector(tx=tx), only=(7,))


def test_force_restores_what_somebody_else_changed_and_only_that_is_lost(stand: Stand) -> None:
    commit(stand, SET_A)
    edit(stand.twin, SETTINGS, labels={"a": "theirs", "c": "theirs"})
    with pytest.raises(Refused, match="somebody else"):
        take_back(stand)
    forced = undone(stand, force=True).transactions[0].id
    assert get(stand, SETTINGS)["metadata"]["labels"] == {"c": "theirs"}
    undone(stand, Selector(tx=forced))
    assert get(stand, SETTINGS)["metadata"]["labels"] == {"a": "theirs", "c": "theirs"}


def test_force_makes_an_object_again_that_somebody_else_deleted(stand: Stand) -> None:
    before = state(stand.twin)
    commit(stand, SET_A)
    stand.twin.delete(SETTINGS, uid="")
    with pytest.raises(Refused, match="somebody else"):
        take_back(stand)
    undone(stand, force=True)
    assert state(stand.twin) == before


def test_by_incident_newest_first(stand: Stand) -> None:
    before = state(stand.twin)
    commit(stand, SET_A, incident="i-1")
    commit(stand, SET_A_AGAIN, incident="i-1")
    commit(stand, SET_B, incident="i-2")
    report = take_back(stand, Selector(incident="i-1"))
    assert [tx.state for tx in report.transactions] == [COMMITTED, COMMITTED]
    undone(stand, Selector(incident="i-2"))
    assert state(stand.twin) == before


def test_by_incident_a_refusal_further_down_does_not_hide_what_was_done(stand: Stand) -> None:
    commit(stand, SET_B, incident="i-1")
    commit(stand, SET_A, incident="i-1")
    edit(stand.twin, SETTINGS, annotations={"b": "theirs"})
    report = take_back(stand, Selector(incident="i-1"))
    assert [tx.state for tx in report.transactions] == [COMMITTED, BLOCKED]
    assert "theirs" in report.transactions[1].why
    assert not get(stand, SETTINGS)["metadata"].get("labels")


def test_what_others_put_beside_ours_is_kept(stand: Stand) -> None:
    """We made the first label; somebody adds a second: ours goes, theirs stays."""
    commit(stand, SET_A)
    edit(stand.twin, SETTINGS, labels={"theirs": "1"})
    undone(stand)
    assert get(stand, SETTINGS)["metadata"]["labels"] == {"theirs": "1"}


def test_the_revision_annotation_is_nobodys_conflict(stand: Stand) -> None:
    """A Deployment without annotations of its own still has the server's revision in them."""
    before = state(stand.twin)
    commit(stand, "kubectl -n shop annotate deployment/web note=x")
    undone(stand)
    assert state(stand.twin) == before


def test_an_element_comes_back_to_its_place(stand: Stand) -> None:
    """The order of env is part of the pod template's hash, and of what $(NAME) sees."""
    before = state(stand.twin)
    commit(
        stand,
        "kubectl -n shop set image deployment/cart app=stratus/app:1",
        "kubectl -n shop set env deployment/cart A-",
    )
    undone(stand)
    assert state(stand.twin) == before


def test_a_created_object_that_somebody_else_filled_is_not_deleted(stand: Stand) -> None:
    commit(stand, NEW)
    edit(stand.twin, NOTES, labels={"theirs": "1"})
    with pytest.raises(Refused, match="somebody else"):
        take_back(stand)
    undone(stand, force=True)
    assert stand.twin.get(NOTES) is None


@pytest.mark.parametrize(
    ("key", "is_theirs"),
    [
        ("example.com/note", True),
        ("kubectl.kubernetes.io/last-applied-configuration", True),
        ("note", True),
        ("pv.kubernetes.io/bind-completed", False),
        ("endpoints.kubernetes.io/last-change-trigger-time", False),
    ],
)
def test_an_annotation_of_a_controller_on_a_created_object_is_nobodys(
    stand: Stand, key: str, *, is_theirs: bool
) -> None:
    commit(stand, NEW)
    edit(stand.twin, NOTES, annotations={key: "1"})
    if is_theirs:
        with pytest.raises(Refused, match="somebody else"):
            take_back(stand)
    else:
        undone(stand)
        assert stand.twin.get(NOTES) is None


def test_an_object_made_anew_by_somebody_else_is_not_ours(stand: Stand) -> None:
    """Same name, same content, another uid."""
    commit(stand, NEW, SET_A)
    for ref in (NOTES, SETTINGS):
        item = get(stand, ref)
        stand.twin.delete(ref, uid=item["metadata"]["uid"])
        stand.twin.create(item)
    with pytest.raises(Refused, match="somebody else"):
        take_back(stand, only=(1,))
    with pytest.raises(Refused, match="somebody else"):
        take_back(stand, only=(2,))


def test_an_inverse_follows_an_object_through_our_own_recreations(stand: Stand) -> None:
    """Labelled, then deleted: what is made again has another uid, and the label goes too."""
    before = state(stand.twin)
    first = commit(stand, "kubectl -n shop label resourcequota/room a=1").id
    second = commit(stand, DELETE_ROOM).id
    undone(stand, Selector(tx=second))
    undone(stand, Selector(tx=first))
    assert state(stand.twin) == before


def test_a_pod_that_was_replaced_is_not_put_back(stand: Stand) -> None:
    commit(stand, "kubectl -n shop set image deployment/cart app=stratus/app:1")
    pod = stand.twin.peek("Pod", "shop")[-1]["metadata"]["name"]
    commit(stand, f"kubectl -n shop delete pod/{pod}")
    [_, told] = foretold(stand).notes
    assert "its controller makes another one" in told
    undone(stand)
    assert stand.twin.get(Ref("Pod", "shop", pod, "v1")) is None


@pytest.mark.parametrize("fault", ["timeout-applied", "error-applied", "unreachable-applied"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_undo_survives_lost_answers(stand: Stand, fault: str, number: int) -> None:
    """Also of a create and of a delete."""
    before = state(stand.twin)
    commit(stand, SET_A, DELETE_ROOM, NEW)
    stand.cluster.faults = {stand.cluster.writes + number: fault}
    undone(stand)
    assert state(stand.twin) == before


@pytest.mark.parametrize("fault", ["timeout-lost", "forbidden", "error", "unreachable"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_undo_that_fails_is_taken_back_itself(stand: Stand, fault: str, number: int) -> None:
    commit(stand, SET_A, DELETE_ROOM, NEW)
    after = state(stand.twin)
    stand.cluster.faults = {stand.cluster.writes + number: fault}
    report = take_back(stand)
    wanted = BLOCKED if number == 1 else UNDONE
    assert report.transactions[0].state is wanted, report.transactions[0].why
    assert state(stand.twin) == after
    undone(stand)


def test_somebody_who_writes_during_an_undo_is_not_overwritten(stand: Stand) -> None:
    commit(stand, SET_A, SET_B)
    done = []

    def drift(ref: Ref) -> None:
        if not done:
            done.append(ref)
            edit(stand.twin, SETTINGS, labels={"a": "theirs"})

    stand.cluster.after_write = drift  # step 2 is back; step 1 meets theirs
    report = take_back(stand)
    assert report.transactions[0].state is UNDONE, report.transactions[0].why
    meta = get(stand, SETTINGS)["metadata"]
    assert meta["labels"] == {"a": "theirs"}
    assert meta["annotations"]["b"] == "1"


def test_a_defect_in_an_undo_still_closes_it(stand: Stand) -> None:
    """Anything raised between the writes rolls back."""
    commit(stand, SET_A, SET_B)
    after = state(stand.twin)
    done = []

    def fail(ref: Ref) -> None:
        if not done:
            done.append(ref)
            raise KeyError("boom")

    stand.cluster.after_write = fail
    report = take_back(stand)
    assert report.transactions[0].state is UNDONE
    assert "boom" in report.transactions[0].why
    assert state(stand.twin) == after


def test_an_interrupt_takes_the_undo_back(stand: Stand) -> None:
    commit(stand, SET_A, SET_B)
    after = state(stand.twin)

    def press(ref: Ref) -> None:
        stand.interrupt.requested = True

    stand.cluster.before_write = press
    assert take_back(stand).transactions[0].state is UNDONE
    assert state(stand.twin) == after


def test_what_needs_a_human_is_not_written_to_until_accepted(stand: Stand) -> None:
    first = commit(stand, SET_A).id

    def theirs(ref: Ref) -> None:
        edit(stand.twin, SETTINGS, annotations={"b": "theirs"})
        stand.interrupt.requested = True

    stand.cluster.after_write = theirs
    left = run(stand, SET_B, "kubectl -n shop label deployment/web x=y")
    assert left.state is NEEDS_HUMAN
    stand.cluster.after_write = lambda ref: None
    stand.interrupt.requested = False
    with pytest.raises(Refused, match="nobody accepted"):
        take_back(stand, Selector(tx=first))
    with stand.ports() as ports:
        accept(ports, left.id)
    undone(stand, Selector(tx=first))
    assert get(stand, SETTINGS)["metadata"]["annotations"]["b"] == "theirs"


def test_a_failed_repair_restores_its_fault_exactly(stand: Stand) -> None:
    """What was journaled of a roll-back names the same steps."""
    before = state(stand.twin)
    done = run(
        stand,
        "kubectl -n shop set image deployment/web app=stratus/app:never",
        "kubectl -n shop set image deployment/web app=stratus/app:neither",
        "kubectl -n shop scale deployment/cart --replicas=2",
    )
    assert done.state is UNDONE, done.why
    assert state(stand.twin) == before
    (tx,) = recorded(stand)
    assert [item.step for item in tx.intents if item.rollback] == [3, 2, 1]
    assert {item.ref for item in tx.intents} == {WEB, CART}


def test_a_refusal_shows_where_two_long_values_differ(stand: Stand) -> None:
    """Cut after eighty characters, theirs and ours would read the same."""
    probe = (
        '{"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2, "timeoutSeconds": 9}'
    )
    box = '{"name": "app", "livenessProbe": ' + probe + "}"
    patch = '{"spec": {"template": {"spec": {"containers": [' + box + "]}}}}"
    commit(stand, f"kubectl -n shop patch deployment/web -p '{patch}'")
    item = get(stand, WEB)
    item["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["timeoutSeconds"] = 7
    stand.twin.replace(item)
    with pytest.raises(
        Refused, match=r"livenessProbe\.timeoutSeconds was \(absent\), we wrote 9, now 7"
    ):
        take_back(stand)


def test_a_refusal_shows_no_credential_that_somebody_else_wrote(stand: Stand) -> None:
    """Ours and theirs are both shown, and theirs was read by name, unmasked."""
    planted = "planted-51c2-hunter2"
    commit(stand, "kubectl -n shop set env deployment/web UPSTREAM=http://cart/")
    item = get(stand, WEB)
    env = item["spec"]["template"]["spec"]["containers"][0]["env"]
    next(entry for entry in env if entry["name"] == "UPSTREAM")["value"] = (
        f"http://app:{planted}@cart/"
    )
    stand.twin.replace(item)
    with pytest.raises(Refused, match="we wrote http://cart/, now http://app:«secret") as told:
        take_back(stand)
    assert planted not in str(told.value)
