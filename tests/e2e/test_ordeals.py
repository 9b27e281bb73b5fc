"""kill -9, Ctrl-C, two at once, full disks, a lost API server: nothing is lost, nothing worse."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster.bed import Bed
from tests.cluster.lone import LoneApi, lone_api
from tests.e2e import ordeals
from tests.e2e.ordeals import RECORDS, STAGES, WAY_BACK, Case, Cases, Witness
from tests.e2e.tales import Chapter
from tests.e2e.ward import Ward, continued, stopped
from tests.scenarios.command import ended
from tests.scenarios.lab import Lab, awaited
from tests.turns import module_of, turn_of

ORDEALS: dict[str, Callable[[Ward], Cases]] = {
    "mitigation": ordeals.killed_in_a_mitigation,
    "undo": ordeals.killed_in_an_undo,
    "way back": ordeals.killed_on_the_way_back,
    "two": ordeals.two_at_once,
    "lost": ordeals.lost_lock,
    "dead": ordeals.dead_holder,
    "disks": ordeals.disks,
}
HERE = "tests/e2e/test_ordeals.py"
AT_ONCE = 3  # each is a process after another, and the machine may have two cores
LONGEST_S = 300.0
Read = Callable[[str, str], Case]
JUDGED = RECORDS.index("judged") + 1


@pytest.fixture(scope="module")
def read(
    bed: Bed, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Read]:
    """A case of an ordeal; those whose turn it is begin at once."""
    asked = {turn_of(item) for item in request.session.items if module_of(item) == HERE}
    folder = tmp_path_factory.mktemp("ordeals")

    def lived(name: str) -> Cases:
        with bed.namespace() as namespace:
            home = folder / namespace
            home.mkdir()
            ward = Ward(bed.api, bed.kubeconfig, namespace, home)
            ward.setup()
            return ORDEALS[name](ward)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun: dict[str, Future[Cases]] = {
            name: pool.submit(lived, name) for name in ORDEALS if name in asked
        }

        def case(ordeal: str, name: str) -> Case:
            return begun[ordeal].result(timeout=LONGEST_S)[name]

        yield case


@pytest.fixture(scope="module")
def stage(lab: Lab) -> Callable[[str], Chapter]:
    """What became of Ctrl-C at a stage."""
    told = lab.tale("interrupted", ordeals.interrupted)

    def chapter(name: str) -> Chapter:
        chapters = awaited(told)
        assert isinstance(chapters, dict)
        found = chapters[name]
        assert isinstance(found, Chapter)
        return found

    return chapter


@pytest.fixture(scope="module")
def lone(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneApi]:
    """An API server that may be killed."""
    if not bed.is_own:
        pytest.skip("a cluster by STRATUS_TEST_CONTEXT has no API server that may be killed")
    with lone_api(tmp_path_factory.mktemp("lone")) as made:
        yield made


@pytest.fixture
def ward(lone: LoneApi, tmp_path: Path) -> Ward:
    """A ward on it."""
    name = f"t-{os.urandom(4).hex()}"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    lone.api("POST", "/api/v1/namespaces", space)
    made = Ward(lone.api, lone.kubeconfig, name, tmp_path)
    made.setup()
    return made


@pytest.mark.turn("api server killed")
@pytest.mark.parametrize(
    ("place", "code", "state"),
    [("record-3", 4, "BLOCKED"), ("record-4", 5, "UNDONE"), ("record-6", 0, "COMMITTED")],
)
def test_the_api_server_is_killed_and_comes_back(
    place: str, code: int, state: str, lone: LoneApi, ward: Ward
) -> None:
    """Between intent and write, between two writes, and while it settles: waited for each time."""
    witness = Witness(ward)
    with witness.case("killed") as outcomes, stopped(witness.stratus, ward.execute(), place) as it:
        lone.stop()
        os.kill(it.pid, signal.SIGCONT)
        lone.up()
        outcomes.append(ended(it))
    case = witness.cases["killed"]
    assert case.outcomes[0].code == code, str(case.outcomes[0])
    assert case.states == [state]
    assert (case.after == case.before) is (state != "COMMITTED")


@pytest.mark.turn("api server away")
def test_the_api_server_stays_away(lone: LoneApi, ward: Ward) -> None:
    """Left open after a minute of trying, with exit code 6; recover closes it afterwards."""
    witness = Witness(ward)
    with witness.case("gone") as outcomes:
        with stopped(witness.stratus, ward.execute(), "record-4") as it:
            lone.stop()
            outcomes.append(continued(it))
        lone.up()
        outcomes.append(witness.run(*ward.words("recover")))
    case = witness.cases["gone"]
    left, recovered = case.outcomes
    assert left.code == 6, str(left)
    assert "recover" in left.out + left.err
    assert recovered.code == 0, str(recovered)
    assert case.states == ["UNDONE"]
    assert case.after == case.before


@pytest.mark.turn("mitigation")
@pytest.mark.parametrize("number", range(1, len(RECORDS) + 1))
def test_killed_at_each_record_of_a_mitigation(number: int, read: Read) -> None:
    """Before the verdict all is as before; from the verdict on it is committed."""
    case = read("mitigation", f"{number}")
    crash, recovered = case.outcomes
    assert crash.code == -9, str(crash)
    assert recovered.code == 0, str(recovered)
    assert case.types[:number] == list(RECORDS[:number])
    kept = number >= JUDGED
    wrote = "done" in RECORDS[:number]
    assert case.states == ["COMMITTED" if kept else "UNDONE" if wrote else "BLOCKED"]
    assert (case.after == case.before) is not kept


@pytest.mark.turn("undo")
@pytest.mark.parametrize("number", range(1, len(RECORDS) + 1))
def test_killed_at_each_record_of_an_undo(number: int, read: Read) -> None:
    """Before the verdict the repair is still there; from it on everything is as before it."""
    case = read("undo", f"{number}")
    crash, recovered = case.outcomes
    assert crash.code == -9, str(crash)
    assert recovered.code == 0, str(recovered)
    assert case.types[:number] == list(RECORDS[:number])
    kept = number >= JUDGED
    wrote = "done" in RECORDS[:number]
    assert case.states == ["COMMITTED" if kept else "UNDONE" if wrote else "BLOCKED"]
    assert (case.after == case.before) is not kept


@pytest.mark.turn("way back")
@pytest.mark.parametrize("number", range(len(WAY_BACK) + 1))
def test_killed_on_the_way_back(number: int, read: Read) -> None:
    """Recovery goes on where the roll-back stopped."""
    case = read("way back", f"{number}")
    crash, recovered = case.outcomes
    assert crash.code == -9, str(crash)
    assert recovered.code == 0, str(recovered)
    wanted = (*RECORDS[:JUDGED], *WAY_BACK)
    assert case.types[: JUDGED + number] == list(wanted[: JUDGED + number])
    assert case.states == ["UNDONE"]
    assert case.after == case.before


@pytest.mark.turn("interrupted")
@pytest.mark.parametrize("name", [*STAGES, "question"])
def test_ctrl_c_at_each_stage(name: str, stage: Callable[[str], Chapter]) -> None:
    """Nothing is changed; once it is committed, only the watch ends."""
    chapter = stage(name)
    if name == "watch":
        assert chapter.last.code == 0, str(chapter.last)
        assert chapter.states == ["COMMITTED"]
        assert chapter.changed
        assert stage("undo").last.code == 0
        return
    assert chapter.last.code == 130, str(chapter.last)
    assert not chapter.changed
    assert set(chapter.states) <= {"BLOCKED", "UNDONE"}
    intents = [entry for entry in chapter.entries if entry["type"] == "intent"]
    assert bool(intents) is (name in ("write", "settling"))


@pytest.mark.turn("two")
def test_a_second_engineer_is_told_who_where_and_since_when(read: Read) -> None:
    """And writes nothing; the first one goes on and commits."""
    first, second = read("two", "first"), read("two", "same namespace")
    [outcome] = second.outcomes
    assert outcome.code == 4, str(outcome)
    assert first.more["holder"]["holderIdentity"] in outcome.err
    assert first.more["holder"]["acquireTime"] in outcome.err
    assert second.entries == []
    assert second.after == second.before
    [outcome] = first.outcomes
    assert outcome.code == 0, str(outcome)
    assert first.states == ["COMMITTED"]


@pytest.mark.turn("two")
def test_a_second_process_with_the_same_journal_is_told_who_has_it(read: Read) -> None:
    """Its process, and since when."""
    case = read("two", "same journal")
    [outcome] = case.outcomes
    assert outcome.code == 4, str(outcome)
    assert f"(process {read('two', 'first').more['pid']}) since 2" in outcome.err
    assert case.after == case.before


@pytest.mark.turn("lost")
def test_a_holder_that_lost_its_lock_writes_nothing_more(read: Read) -> None:
    """Not even the way back; recover waits for the lock, then puts everything back."""
    case = read("lost", "lost")
    lost, refused, recovered = case.outcomes
    assert lost.code == 6, str(lost)
    assert "mallory tx-9" in lost.err
    assert case.more["left"] == case.more["between"] != case.before
    assert refused.code == 6, str(refused)
    assert "mallory tx-9" in refused.out
    assert recovered.code == 0, str(recovered)
    assert case.states == ["UNDONE"]
    assert case.after == case.before


@pytest.mark.turn("dead")
def test_a_killed_holders_lock_is_taken_over(read: Read) -> None:
    """Refused until it has run out; what the next one wrote stays when the first recovers."""
    following, killed = read("dead", "next"), read("dead", "killed")
    *refused, taken = following.outcomes
    assert refused
    assert all("somebody else is writing here" in outcome.err for outcome in refused)
    assert taken.code == 0, str(taken)
    assert [outcome.code for outcome in killed.outcomes] == [-9, 0], str(killed.outcomes[-1])
    assert killed.states == ["UNDONE"]
    assert {name for name in killed.after if killed.after[name] != killed.before[name]} == {"three"}


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted by root")


@needs_root
@pytest.mark.turn("disks")
def test_without_room_for_every_record_nothing_is_written(read: Read) -> None:
    """One clear line, and no transaction."""
    case = read("disks", "no room")
    [outcome] = case.outcomes
    assert outcome.code == 4, str(outcome)
    assert "No space left on device" in outcome.err
    assert case.entries == []
    assert case.after == case.before


@needs_root
@pytest.mark.turn("disks")
def test_a_disk_that_fills_after_the_intent_stops_nothing(read: Read) -> None:
    """Room for every record was made before the first write."""
    case = read("disks", "full after the intent")
    assert case.outcomes[0].code == 0, str(case.outcomes[0])
    assert case.types == list(RECORDS)
    assert case.states == ["COMMITTED"]


@needs_root
@pytest.mark.turn("disks")
def test_a_journal_that_cannot_go_on_leaves_nothing_that_recover_cannot_close(read: Read) -> None:
    """It fails between intent and done: the transaction is left open, and said."""
    case = read("disks", "limit after the intent")
    left, recovered = case.outcomes
    assert left.code == 6, str(left)
    assert "recover" in left.out + left.err
    assert recovered.code == 0, str(recovered)
    assert case.states == ["UNDONE"]
    assert case.after == case.before


@needs_root
@pytest.mark.turn("disks")
def test_a_read_only_journal_can_be_read_and_nothing_is_written(read: Read) -> None:
    """Writing commands are refused in one line."""
    case = read("disks", "read-only")
    *writing, reading = case.outcomes
    for outcome in writing:
        assert outcome.code == 4, str(outcome)
        assert "Read-only file system" in outcome.err
    assert reading.code == 0, str(reading)
    assert case.after == case.before
