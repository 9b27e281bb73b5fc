"""The table of exit codes, and the precedence over several incidents."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.cli import exits
from stratus_cli.model.finding import Severity
from stratus_cli.model.health import TransactionState
from stratus_cli.model.lifts import NO_REMEDY
from stratus_cli.model.plan import Candidate, Refusal
from stratus_cli.model.report import Report
from stratus_cli.model.snapshot import Gap, GapReason
from tests.render import samples

S = TransactionState
NO_WAY = Candidate("", "x", (), None, Refusal(NO_REMEDY, "nothing repairs it"))
NOTHING: dict[str, object] = {"incidents": (), "findings": ()}


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (samples.report(**NOTHING), 0),
        (samples.report(), 1),
        (samples.report(**NOTHING, gaps=(Gap("Pod", GapReason.FORBIDDEN),)), 3),
        (samples.report(**NOTHING, gaps=(Gap("Ingress", GapReason.FORBIDDEN),)), 0),
        (samples.report(**NOTHING, gaps=(Gap("prometheus", GapReason.ABSENT),)), 0),
        (samples.report(gaps=(Gap("Pod", GapReason.FORBIDDEN),)), 1),
        (samples.report("run", transactions=(samples.transaction(),)), 0),
        (samples.report("run", transactions=(samples.transaction(S.UNDONE),)), 5),
        (samples.report("run", transactions=(samples.transaction(S.BLOCKED),)), 4),
        (samples.report("run", transactions=(samples.transaction(S.NEEDS_HUMAN),)), 6),
        (samples.report("run", transactions=(samples.transaction(left_open=True),)), 6),
        (samples.report("run", candidates={"0123456789": (samples.candidate(),)}), 4),
        (samples.report("run", candidates={"0123456789": ()}), 1),
        (samples.report("run", candidates={"0123456789": (samples.refused_candidate(),)}), 4),
        (samples.report("run", candidates={"0123456789": (NO_WAY,)}), 1),
        (samples.report("run", candidates={"0123456789": (NO_WAY, samples.candidate())}), 4),
        (samples.report("plan", candidates={"0123456789": (samples.refused_candidate(),)}), 1),
        (samples.report("undo", transactions=(samples.transaction(),)), 0),
        (samples.report("undo", transactions=(samples.transaction(S.UNDONE),)), 5),
        (samples.report("recover", transactions=(samples.transaction(S.UNDONE),)), 0),
        (samples.report("recover", transactions=(samples.transaction(S.BLOCKED),)), 0),
        (samples.report("recover", transactions=(samples.transaction(left_open=True),)), 6),
    ],
)
def test_code_of_a_report(report: Report, code: int) -> None:
    assert exits.exit_code(report) == code


def test_the_last_attempt_of_an_incident_counts() -> None:
    attempts = (samples.transaction(S.UNDONE), samples.transaction(S.COMMITTED))
    assert exits.exit_code(samples.report("run", transactions=attempts)) == 0
    assert exits.exit_code(samples.report("run", transactions=attempts[::-1])) == 5


def test_the_first_in_order_of_precedence_over_incidents() -> None:
    two = (samples.incident(), samples.incident(identifier="aaaaaaaaaa"))
    ends = {S.COMMITTED: 0, S.UNDONE: 5, S.BLOCKED: 4, S.NEEDS_HUMAN: 6}
    for one, other in itertools.product(ends, ends):
        made = samples.report(
            "run",
            incidents=two,
            transactions=(
                samples.transaction(one),
                samples.transaction(other, incident_id="aaaaaaaaaa"),
            ),
        )
        assert exits.exit_code(made) == exits.worst((ends[one], ends[other]))


@given(st.lists(st.sampled_from(exits.WORST_FIRST)))
def test_worst_is_one_of_them_and_nothing_is_before_it(codes: list[int]) -> None:
    worst = exits.worst(tuple(codes))
    assert worst in codes or (not codes and worst == 0)
    order = exits.WORST_FIRST
    assert all(order.index(worst) <= order.index(code) for code in codes)


def test_fail_on_moves_the_line() -> None:
    risk = samples.report(incidents=(), findings=(samples.finding(severity=Severity.RISK),))
    assert exits.exit_code(risk) == 1
    assert exits.exit_code(risk, fail_on=Severity.DEGRADED) == 0


def test_a_dry_run_leaves_the_problems() -> None:
    made = samples.report("run", candidates={"0123456789": (samples.candidate(),)})
    assert exits.exit_code(made, dry_run=True) == 1


def test_every_code_has_a_meaning() -> None:
    assert set(exits.WORST_FIRST) <= set(exits.MEANINGS)
    assert set(exits.INTERRUPTED.values()) <= set(exits.MEANINGS)
