"""The loop: one incident after another, one candidate after another, and every way to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stratus_cli.cli.exits import exit_code
from stratus_cli.flow.run import RunRequest, run
from stratus_cli.journal.file import read_entries
from stratus_cli.journal.replay import transactions
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.errors import ClusterUnreachable, Refused
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Cluster, Limits
from stratus_cli.model.ref import Ref
from stratus_cli.model.report import Report
from stratus_cli.model.snapshot import Snapshot
from tests.flow.remedies import runbooks
from tests.flow.stand import CART, RUNBOOKS, Decided, Stand
from tests.flow.worlds import NEVER_PUSHED, app, broken_image, patched, set_box, world

COMMITTED, UNDONE = TransactionState.COMMITTED, TransactionState.UNDONE
BLOCKED = TransactionState.BLOCKED
CATALOG = Ref("Deployment", "shop", "catalog", "apps/v1")


def go(stand: Stand, **fields: object) -> Report:
    fields = {"scope": ("shop",), "runbooks": RUNBOOKS, **fields}
    with stand.ports() as ports:
        return run(ports, RunRequest(**fields))  # type: ignore[arg-type]  # fields of the request


def states(report: Report) -> list[TransactionState]:
    return [tx.state for tx in report.transactions]


def edit(cluster: Cluster, ref: Ref, image: str) -> None:
    """Somebody else sets an image."""
    item = cluster.get(ref)
    assert item is not None
    item["spec"]["template"]["spec"]["containers"][0]["image"] = image
    cluster.replace(item)


# Controls: nothing to do, nothing written


def test_a_healthy_cluster_is_left_alone(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, world(app("cart")))
    report = go(stand)
    assert not report.transactions
    assert stand.cluster.writes == 0
    assert exit_code(report) == 0


def test_a_rollout_in_progress_is_left_alone(tmp_path: Path) -> None:
    slow = {"START_DELAY_S": "20"}
    text = world(
        app("cart", replicas=3, env=slow), [set_box("cart", 100, image="stratus/app:2")], settle=110
    )
    stand = Stand.make(tmp_path, text)
    report = go(stand)
    assert stand.cluster.writes == 0
    assert exit_code(report) == 0


def test_a_pod_that_was_killed_once_is_left_alone(tmp_path: Path) -> None:
    import json

    stand = Stand.make(tmp_path, world(app("cart", replicas=2)))
    (page,) = stand.twin.list_pages("Pod", "shop")
    name = json.loads(page)["items"][0]["metadata"]["name"]
    stand.twin.delete(Ref("Pod", "shop", name, "v1"), uid="")
    stand.twin.advance(1)
    report = go(stand)
    assert stand.cluster.writes == 0
    assert exit_code(report) == 0


# The answers of a person


def test_no_writes_nothing(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.operator.choices = [Decided("stop")]
    report = go(stand)
    assert stand.cluster.writes == 0
    assert not report.transactions
    assert exit_code(report) == 4


def test_a_dry_run_writes_nothing_and_asks_nobody(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    before = stand.spec()
    report = go(stand, dry_run=True)
    assert stand.cluster.writes == 0
    assert not stand.operator.seen
    assert stand.spec() == before
    (made,) = report.candidates.values()
    assert made[0].plan is not None
    assert exit_code(report, dry_run=True) == 1


def test_next_goes_to_the_next_candidate(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.operator.choices = [Decided("next"), Decided("yes")]
    report = go(stand, runbooks=runbooks(tmp_path, "stratus/app:2", "stratus/app:1"))
    assert states(report) == [COMMITTED]
    assert [plan.candidate for plan in stand.operator.seen] == [
        "Set stratus/app:2",
        "Set stratus/app:1",
    ]


def test_next_past_the_last_one_is_declined(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.operator.choices = [Decided("next"), Decided("next"), Decided("next")]
    report = go(stand)
    assert stand.cluster.writes == 0
    assert exit_code(report) == 4


def test_edited_lines_are_planned_and_shown_again(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    line = "kubectl -n shop set image deployment/cart app=stratus/app:2"
    stand.operator.choices = [Decided("edit", (line,)), Decided("yes")]
    report = go(stand)
    assert [plan.title for plan in stand.operator.seen][1:] == ["edited by hand"]
    assert states(report) == [COMMITTED]
    (made,) = report.candidates.values()
    assert report.transactions[0].plan in [item.plan for item in made]
    assert line in stand.operator.seen[1].steps[0].kubectl


@pytest.mark.parametrize(
    "line",
    ["kubectl -n shop exec cart -- rm -rf /", "kubectl delete namespace shop", "ls; rm x", ""],
)
def test_edited_lines_that_are_refused_are_said_and_asked_again(tmp_path: Path, line: str) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.operator.choices = [Decided("edit", (line,)), Decided("stop")]
    report = go(stand)
    first, second = stand.operator.seen
    assert first == second
    assert any("these lines cannot be planned" in text for text in stand.progress.said)
    assert stand.cluster.writes == 0
    assert exit_code(report) == 4


# One candidate after another


def test_after_a_roll_back_the_next_candidate_is_tried(tmp_path: Path) -> None:
    """And the report says what the failed attempt taught."""
    stand = Stand.make(tmp_path, broken_image())
    books = runbooks(tmp_path, "stratus/app:gone", "stratus/app:1")
    report = go(stand, runbooks=books)
    assert states(report) == [UNDONE, COMMITTED]
    (lessons,) = report.learnt.values()
    assert "Set stratus/app:gone: UNDONE" in lessons[0]
    assert exit_code(report) == 0
    plans = [item.plan for made in report.candidates.values() for item in made]
    assert all(tx.plan in plans for tx in report.transactions)


@pytest.mark.parametrize("attempts", [1, 2])
def test_no_more_attempts_than_allowed(tmp_path: Path, attempts: int) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.limits = Limits(watch_s=0.0, max_attempts=attempts)
    before = stand.spec()
    books = runbooks(tmp_path, "stratus/app:a", "stratus/app:b", "stratus/app:c")
    report = go(stand, runbooks=books)
    assert states(report) == [UNDONE] * attempts
    assert stand.spec() == before
    assert exit_code(report) == 5


def test_the_next_plan_says_what_was_tried(tmp_path: Path) -> None:
    """Whoever is asked again reads why the last idea came to nothing; so does the journal."""
    stand = Stand.make(tmp_path, broken_image())
    report = go(stand, runbooks=runbooks(tmp_path, "stratus/app:gone", "stratus/app:1"))
    first, second = stand.operator.seen
    assert not any(note.startswith("tried: ") for note in first.notes)
    (tried,) = (note for note in second.notes if note.startswith("tried: "))
    why = report.transactions[0].why
    assert tried == f"tried: Set stratus/app:gone: UNDONE because {why}"
    recorded = transactions(read_entries(tmp_path / "journal.jsonl"))
    assert tried in recorded[1].plan["notes"]


def test_what_was_not_tried_is_said(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.limits = Limits(watch_s=0.0, max_attempts=1)
    report = go(stand, runbooks=runbooks(tmp_path, "stratus/app:a", "stratus/app:b"))
    assert states(report) == [UNDONE]
    (note,) = (text for text in report.notes if "--max-attempts" in text)
    assert "1 candidate was not tried" in note


def test_the_planner_is_told_what_failed(tmp_path: Path) -> None:
    """A model proposes again after a roll-back, knowing what came of its first idea."""

    class Model:
        def __init__(self) -> None:
            self.learnt: list[tuple[str, ...]] = []

        def propose(
            self,
            incident: Incident,
            snap: Snapshot,
            runbooks: Sequence[str],
            learnt: Sequence[str],
        ) -> tuple[tuple[str, ...], ...]:
            self.learnt.append(tuple(learnt))
            tag = "1" if learnt else "wrong"
            return ((f"kubectl -n shop set image deployment/cart app=stratus/app:{tag}",),)

    stand, model = Stand.make(tmp_path, broken_image()), Model()
    with stand.ports() as ports:
        report = run(replace(ports, planner=model), RunRequest(scope=("shop",)))
    assert states(report) == [UNDONE, COMMITTED]
    assert model.learnt[0] == ()
    assert "UNDONE" in model.learnt[1][0]


@pytest.mark.parametrize("budget", [100.0, 150.0, 200.0])
def test_the_budget_ends_the_attempts_with_time_to_roll_back(tmp_path: Path, budget: float) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.limits = Limits(watch_s=0.0, budget_s=budget)
    before, began = stand.spec(), stand.reading().clock.monotonic()
    books = runbooks(tmp_path, "stratus/app:a", "stratus/app:b", "stratus/app:c")
    report = go(stand, runbooks=books)
    assert set(states(report)) == {UNDONE}
    assert stand.reading().clock.monotonic() - began <= budget
    assert stand.spec() == before
    assert any("budget" in note for note in report.notes)


def test_without_time_for_an_attempt_none_is_begun(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.limits = Limits(watch_s=0.0, budget_s=5.0)
    report = go(stand)
    assert stand.cluster.writes == 0
    assert any("budget" in note for note in report.notes)
    assert exit_code(report) != 0


# The cluster moves


def test_a_change_since_the_plan_is_planned_and_shown_once_more(tmp_path: Path) -> None:
    """Somebody edits the object while the question is open."""
    stand = Stand.make(tmp_path, broken_image())
    _meanwhile(stand, lambda: edit(stand.twin, CART, "stratus/app:other"), times=1)
    report = go(stand)
    assert states(report) == [BLOCKED, COMMITTED]
    assert len(stand.operator.seen) == 2
    first, second = (plan.steps[0].change.before for plan in stand.operator.seen)
    assert first != second
    assert exit_code(report) == 0


def test_a_second_change_is_given_up(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    tags = iter("abcdefgh")
    _meanwhile(stand, lambda: edit(stand.twin, CART, f"stratus/app:{next(tags)}"), times=9)
    report = go(stand)
    assert states(report) == [BLOCKED, BLOCKED]
    assert stand.cluster.writes == 0
    assert exit_code(report) == 4


def _meanwhile(stand: Stand, act: object, *, times: int) -> None:
    """Something happens each time a plan is shown, at most so often."""
    operator = stand.operator
    left = [times]

    class Slow(type(operator)):  # type: ignore[misc]  # the stand's own operator
        def approve(self, plan: Plan, incident: Incident | None) -> Decided:
            if left[0]:
                left[0] -= 1
                act()  # type: ignore[operator]
                stand.twin.advance(20)
            return super().approve(plan, incident)  # type: ignore[no-any-return]

    stand.operator = Slow()


def test_an_incident_that_heals_while_it_is_asked_about_is_not_touched(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    _meanwhile(stand, lambda: edit(stand.twin, CART, "stratus/app:1"), times=1)
    report = go(stand)
    assert stand.cluster.writes == 0
    assert states(report) == [BLOCKED]
    assert "gone by itself" in report.transactions[0].why


# Several incidents


def test_incidents_are_repaired_one_after_another(tmp_path: Path) -> None:
    text = world(
        [*app("cart"), *app("catalog")],
        [
            set_box("cart", 30, image=NEVER_PUSHED),
            patched("Service", "catalog", 500, {"spec": {"selector": {"app": "katalog"}}}),
        ],
        settle=560,
    )
    stand = Stand.make(tmp_path, text)
    report = go(stand)
    assert states(report) == [COMMITTED, COMMITTED]
    assert len({tx.incident for tx in report.transactions}) == 2
    assert not stand.look().incidents
    assert exit_code(report) == 0


def test_what_came_to_nothing_is_tried_again_after_another_repair(tmp_path: Path) -> None:
    """What held it up may be gone with the other incident."""
    text = world(
        [*app("cart"), *app("catalog")],
        [
            set_box("cart", 30, image=NEVER_PUSHED),
            patched("Service", "catalog", 500, {"spec": {"selector": {"app": "katalog"}}}),
        ],
        settle=560,
    )
    stand = Stand.make(tmp_path, text)
    stand.cluster.faults = {1: "error"}
    report = go(stand)
    assert states(report) == [BLOCKED, COMMITTED, COMMITTED]
    assert report.transactions[0].incident == report.transactions[2].incident
    assert not stand.look().incidents
    assert exit_code(report) == 0


def test_an_incident_healed_by_then_is_not_touched(tmp_path: Path) -> None:
    """Each incident gets a fresh look: while the first was repaired, somebody healed the second."""
    text = world(
        [*app("cart"), *app("catalog")],
        [
            set_box("cart", 30, image=NEVER_PUSHED),
            patched("Service", "catalog", 500, {"spec": {"selector": {"app": "katalog"}}}),
        ],
        settle=560,
    )
    stand = Stand.make(tmp_path, text)
    first = stand.look().incidents[0].roots[0].root

    def heal(ref: Ref) -> None:
        if first.name == "cart":
            service = stand.twin.get(Ref("Service", "shop", "catalog", "v1"))
            assert service is not None
            service["spec"]["selector"] = {"app": "catalog"}
            stand.twin.replace(service)
        else:
            edit(stand.twin, CART, "stratus/app:1")

    stand.cluster.before_write = heal
    report = go(stand)
    assert states(report) == [COMMITTED]
    assert len(stand.operator.seen) == 1
    assert [item.id for item in report.incidents] == [report.transactions[0].incident]
    assert exit_code(report) == 0


def test_only_the_asked_incident_is_repaired(tmp_path: Path) -> None:
    text = broken_image(*app("lost", image="stratus/app:gone"))
    stand = Stand.make(tmp_path, text)
    (mine,) = (item for item in stand.look().incidents if item.roots[0].root == CART)
    report = go(stand, incident=mine.id[:6])
    assert [tx.incident for tx in report.transactions] == [mine.id]
    assert [item.id for item in report.incidents] == [mine.id]


# After the commit


def test_a_late_regression_is_undone_and_the_next_candidate_tried(tmp_path: Path) -> None:
    """It was well for the verdict and fell over ten seconds later: both are in the report."""
    stand = Stand.make(tmp_path, broken_image(replicas=2))
    stand.limits = Limits(watch_s=60.0)
    faulty = stand.spec()
    hidden = [False]

    def press(ref: Ref) -> None:
        hidden[0] = True

    stand.cluster.before_write = press
    _later(stand, 12, lambda: _scale(stand, "cart", 1))
    report = go(stand, first_only=True)
    assert report.transactions[0].state is UNDONE
    assert "late regression" in report.transactions[0].why
    late = report.transactions[1]
    assert late.state is COMMITTED
    recorded = transactions(read_entries(tmp_path / "journal.jsonl"))
    assert recorded[0].undone_by == recorded[1].id == late.id
    item = stand.twin.get(CART)
    assert item is not None
    assert isinstance(faulty, dict)
    template = faulty["spec"]["template"]
    assert item["spec"]["template"] == template
    assert any("regressed after the commit" in entry.what for entry in report.timeline)


def _scale(stand: Stand, name: str, replicas: int) -> None:
    item = stand.twin.get(Ref("Deployment", "shop", name, "apps/v1"))
    assert item is not None
    item["spec"]["replicas"] = replicas
    stand.twin.replace(item)


def _later(stand: Stand, seconds: float, act: object) -> None:
    """Something happens so long after the watch began."""
    said, begun = stand.progress, [0.0]
    clock = stand.reading().clock

    class Hearing(type(said)):  # type: ignore[misc]  # the stand's own progress
        def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
            super().waiting(what, elapsed_s, limit_s)
            if what.startswith("nothing to get worse"):
                begun[0] = begun[0] or clock.monotonic()
                if clock.monotonic() - begun[0] >= seconds and begun[0] > 0:
                    begun[0] = float("inf")
                    act()  # type: ignore[operator]

    stand.progress = Hearing()


def test_an_interrupt_in_the_watch_keeps_the_commit(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())
    stand.limits = Limits(watch_s=60.0)

    def press() -> None:
        stand.interrupt.requested = True

    _later(stand, 5, press)
    report = go(stand)
    assert states(report) == [COMMITTED]
    assert any("the commit is kept" in text for text in stand.progress.said)


# Interrupts and errors


@pytest.mark.parametrize("stage", ["Detection", "Diagnosis", "Mitigation", "Validation"])
def test_an_interrupt_in_any_stage_leaves_everything_as_before(tmp_path: Path, stage: str) -> None:
    stand = Stand.make(tmp_path, broken_image())
    before, said = stand.spec(), stand.progress

    class Hearing(type(said)):  # type: ignore[misc]  # the stand's own progress
        def stage(self, name: str) -> None:
            super().stage(name)
            if name == stage:
                stand.interrupt.requested = True

    stand.progress = Hearing()
    report = go(stand)
    assert stand.spec() == before
    assert COMMITTED not in states(report)
    assert all(not tx.open for tx in report.transactions)


def test_an_error_before_the_first_transaction_is_raised(tmp_path: Path) -> None:
    stand = Stand.make(tmp_path, broken_image())

    class Nobody:
        def approve(self, plan: Plan, incident: Incident | None) -> Decided:
            raise Refused("there is no terminal")

        def confirm(self, question: str) -> bool:
            return False

    stand.operator = Nobody()  # type: ignore[assignment]
    with pytest.raises(Refused):
        go(stand)
    assert stand.cluster.writes == 0


def test_an_error_after_a_commit_keeps_the_report(tmp_path: Path) -> None:
    """The API server goes away between two incidents: what was done is still told."""
    text = broken_image(*app("lost", image="stratus/app:gone"))
    stand = Stand.make(tmp_path, text)
    gone = [False]
    stand.cluster.before_write = lambda ref: None
    listed = stand.cluster.list_pages

    def pages(kind: str, namespace: str | None) -> object:
        if gone[0]:
            raise ClusterUnreachable("no answer", "the server")
        return listed(kind, namespace)

    stand.cluster.list_pages = pages  # type: ignore[method-assign, assignment]
    said = stand.progress

    class Hearing(type(said)):  # type: ignore[misc]  # the stand's own progress
        def note(self, text: str) -> None:
            super().note(text)
            gone[0] = gone[0] or text.startswith("COMMITTED")

    stand.progress = Hearing()
    report = go(stand)
    assert COMMITTED in states(report)
    assert any("no answer" in note for note in report.notes)
