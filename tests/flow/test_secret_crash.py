"""A process dies at each write of a Secret's change, of its undo and of their ways back.

Whoever recovers is another process: it knows no value but those that the cluster holds.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.recover import open_transactions, recover
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.redact import LAST_APPLIED
from stratus_cli.model.health import TransactionState
from stratus_cli.model.report import TransactionReport
from tests.fakes.faulty import FAULTS, Crash, FaultyCluster
from tests.flow.secret_stand import (
    DB,
    PLANTED,
    RENAME,
    SET,
    bytes_of,
    executed,
    planned,
    pre_images,
    stand_with_secrets,
    undone,
)
from tests.flow.small import SETTINGS, entries, get
from tests.flow.stand import Stand

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
BLOCKED = TransactionState.BLOCKED
BREAK_WEB = "kubectl -n shop set image deployment/web app=stratus/app:never"
WHEN = pytest.mark.parametrize("when", ["before", "after"])


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return stand_with_secrets(tmp_path)


def die(stand: Stand, number: int, when: str, *lines: str) -> None:
    plan = planned(stand, *lines).plan
    assert plan is not None
    stand.cluster.faults = {stand.cluster.writes + number: f"crash-{when}"}
    with pytest.raises(Crash), stand.ports() as ports:
        execute_plan(plan, ports, stand.observe)
    reborn(stand)


def reborn(stand: Stand) -> None:
    stand.cluster = FaultyCluster(stand.twin)
    stand.twin.forget()


def recovered(stand: Stand, mode: str = "rollback") -> TransactionReport:
    with stand.ports() as ports:
        (report,) = recover(ports, mode, stand.observe).transactions
    assert not report.open, report.why
    assert not open_transactions(entries(stand))
    return report


@WHEN
@pytest.mark.parametrize("number", [1, 2])
def test_a_change_is_rolled_back(stand: Stand, number: int, when: str) -> None:
    """Between the pre-image and the Secret as well; nothing of ours is left."""
    before = bytes_of(stand)
    die(stand, number, when, SET)
    report = recovered(stand)
    assert report.state is (BLOCKED if (number, when) == (1, "before") else UNDONE), report.why
    assert bytes_of(stand) == before


@WHEN
@pytest.mark.parametrize("number", [1, 2])
def test_a_rename_is_finished(stand: Stand, number: int, when: str) -> None:
    """Its values are in the cluster."""
    die(stand, number, when, RENAME)
    assert recovered(stand, "finish").state is COMMITTED
    assert "pass" in bytes_of(stand)["db"]
    assert len(pre_images(stand)) == 1


def test_a_given_value_died_with_its_process(stand: Stand) -> None:
    """What nobody knows any more is not written: it is rolled back."""
    before = bytes_of(stand)
    die(stand, 1, "after", SET)
    report = recovered(stand, "finish")
    assert report.state is UNDONE
    assert "is not known here" in report.why
    assert bytes_of(stand) == before


@WHEN
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_crashed_way_back_goes_on(stand: Stand, number: int, when: str) -> None:
    """The third write breaks a workload, so all are taken back; that dies, too."""
    before = bytes_of(stand)
    die(stand, 3 + number, when, SET, BREAK_WEB)
    assert recovered(stand).state is UNDONE
    assert bytes_of(stand) == before


@WHEN
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_crashed_undo_is_taken_back(stand: Stand, number: int, when: str) -> None:
    """Its own pre-image, the Secret, the old pre-image: the given values are there again."""
    assert executed(stand, SET).state is COMMITTED
    after = bytes_of(stand)
    reborn(stand)
    stand.cluster.faults = {number: f"crash-{when}"}
    with pytest.raises(Crash), stand.ports() as ports:
        undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    reborn(stand)
    report = recovered(stand)
    assert report.state is (BLOCKED if (number, when) == (1, "before") else UNDONE), report.why
    assert bytes_of(stand) == after


def test_what_kubectl_applied_is_still_there(stand: Stand) -> None:
    """The journal has the annotation as a digest; a recovery neither loses nor writes that."""
    item = stand.twin.get(DB)
    assert item is not None
    item["metadata"]["annotations"] = {LAST_APPLIED: '{"data":{"password":"planted"}}'}
    stand.twin.replace(item)
    die(stand, 2, "after", RENAME)
    assert recovered(stand).state is UNDONE
    [found] = [it for it in stand.twin.peek("Secret", "shop") if it["metadata"]["name"] == "db"]
    assert found["metadata"]["annotations"] == item["metadata"]["annotations"]


def test_a_credential_beside_the_change_does_no_harm(stand: Stand) -> None:
    """It is masked in the journal; whoever recovers does not take the mask for its value."""
    item = get(stand, SETTINGS)
    item["data"]["password"] = "planted-beside"
    stand.twin.replace(item)
    die(stand, 1, "after", "kubectl -n shop label configmap/settings a=1")
    assert recovered(stand).state is UNDONE
    found = get(stand, SETTINGS)
    assert found["data"] == item["data"]
    assert "a" not in (found["metadata"].get("labels") or {})


# A 403 is a word of the server's before it stores anything (flow.fate.is_refusal).
KINDS_OF_FAULT = [
    f"{kind}-{when}"
    for kind in FAULTS
    if kind not in ("interrupt", "conflict")
    for when in ("before", "applied")
    if (kind, when) != ("forbidden", "applied")
]


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],
)
@given(
    faults=st.dictionaries(st.integers(1, 12), st.sampled_from(KINDS_OF_FAULT), max_size=3),
    line=st.sampled_from([SET, RENAME]),
    breaks=st.booleans(),
    takes_back=st.booleans(),
)
def test_no_value_is_ever_lost_or_told(
    tmp_path_factory: pytest.TempPathFactory,
    faults: dict[int, str],
    line: str,
    breaks: bool,
    takes_back: bool,
) -> None:
    """Whatever fails: each value from before is in the cluster, and none is anywhere else."""
    stand = stand_with_secrets(tmp_path_factory.mktemp("tale"))
    before = bytes_of(stand)
    made = planned(stand, line, *([BREAK_WEB] if breaks else []))
    assert made.plan is not None
    stand.cluster.faults = faults
    told: list[object] = [made]
    try:
        with stand.ports() as ports:
            report = execute_plan(made.plan, ports, stand.observe)
            told.append(report)
        if takes_back and report.state is COMMITTED:
            told.append(undone(stand, report.id))
    except Crash:
        pass
    check_kept(stand, before)
    reborn(stand)
    with stand.ports() as ports:
        told.append(recover(ports, "rollback", stand.observe))
    assert not open_transactions(entries(stand))
    check_kept(stand, before)
    told.append(stand.progress.said)
    check_untold(stand, told)


def check_kept(stand: Stand, before: dict[str, dict[str, str]]) -> None:
    """Every value from before is in some Secret."""
    here = {value for values in bytes_of(stand).values() for value in values.values()}
    assert {value for values in before.values() for value in values.values()} <= here


def check_untold(stand: Stand, told: list[object]) -> None:
    """No planted value in a file, in what was said or in a report, in clear text or base64."""
    texts = [repr(told)]
    texts += [path.read_text() for path in stand.folder.rglob("*") if path.is_file()]
    for value in PLANTED:
        coded = base64.b64encode(value.encode()).decode()
        assert not [text for text in texts if value in text or coded in text]
