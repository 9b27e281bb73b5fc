"""The scoreboard's figures, its pages, and resuming from its lines."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from stratus_cli.drill.page import document, markdown, svg, text
from stratus_cli.drill.result import Result, append, done, read
from stratus_cli.drill.score import figures


def result(name: str, verdict: str = "solved", **values: object) -> Result:
    made = Result(f"{name}/shop/a", name, "shop", "a", "service", verdict=verdict)
    for key, value in values.items():
        setattr(made, key, value)
    return made


RESULTS = [
    result("a", root_exact=True, mitigated=True, t_mitigate_s=10.0, writes=1, dq_star=1.0),
    result("b", "unsolved", root_exact=False, mitigated=False, t_mitigate_s=30.0, extra=["x|y"]),
    result("c", "skipped", why="the cluster lacks helm"),
    result("d", "error", why="the symptom did not show"),
    result("a", control="do-nothing", mitigated=False, verdict="unsolved"),
]


def test_errors_and_skips_are_no_verdict() -> None:
    """Shares are over what was judged."""
    found = figures(RESULTS[:4])
    assert (found.cases, found.judged, found.solved, found.skipped, found.errors) == (4, 2, 1, 1, 1)
    assert found.share == 0.5
    assert found.root_exact == 0.5
    assert found.mitigated_if_right == 1.0
    assert found.mitigated_if_wrong == 0.0
    assert found.t_mitigate_s == 20.0
    assert figures([]).share is None


def test_repeats_that_disagree_are_counted() -> None:
    """The same case solved once and not the other time."""
    twice = [
        result("a", repeat=1, t_mitigate_s=10.0),
        result("a", "unsolved", repeat=2, t_mitigate_s=14.0),
    ]
    found = figures(twice)
    assert found.unsteady == 1
    assert found.t_mitigate_deviation_s is not None
    assert 2.8 < found.t_mitigate_deviation_s < 2.9


def test_confidence_that_is_right_scores_well() -> None:
    """0 is perfect; sure and wrong is 1."""
    sure = [result("a", root_exact=True, confidence=1.0), result("b", root_exact=True)]
    assert figures(sure).brier == 0.0
    assert figures([result("a", root_exact=False, confidence=1.0)]).brier == 1.0
    assert figures([result("a")]).brier is None


def test_the_pages_hold_everything() -> None:
    """JSON loads, the table has the family, the chart is XML, a bar in a text breaks no table."""
    about = {"date": "2026-01-01"}
    assert json.loads(json.dumps(document(RESULTS, about)))["runs"]["do-nothing"]
    page = markdown(RESULTS, about, "lab.svg")
    assert "| service | 1/2 |" in page
    assert "x\\|y" in page
    assert "do-nothing" in page
    assert ElementTree.fromstring(svg(RESULTS)).tag.endswith("svg")
    assert text(RESULTS).startswith("1 of 3 cases solved")


def test_a_run_resumes_where_it_was_cut(tmp_path: Path) -> None:
    """Errors are run again, a torn line is passed over, the last line of a case counts."""
    lines = tmp_path / "lab.jsonl"
    for item in RESULTS:
        append(lines, item)
    append(lines, result("b", root_exact=True))
    with lines.open("a") as file:
        file.write('{"case": "e/sh')
    found = read(lines)
    assert len(found) == 5
    assert {item.fault: item.verdict for item in found if not item.control}["b"] == "solved"
    assert "d/shop/a  #1" not in done(found)
    assert "a/shop/a  #1" in done(found)
