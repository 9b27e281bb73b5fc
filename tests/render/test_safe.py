"""Whatever the cluster holds, nothing of it acts on a terminal, a chat or a document."""

from __future__ import annotations

import json
import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.render.document import document
from stratus_cli.render.formats import machine
from stratus_cli.render.markdown import incident_report
from stratus_cli.render.notification import draft
from stratus_cli.render.page import Page
from stratus_cli.render.safe import clean, count, seconds, value
from stratus_cli.render.text import report_page
from tests.render.samples import hostile_report

ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")


@given(st.text())
def test_clean_text_holds_nothing_that_acts(text: str) -> None:
    shown = clean(text, longest=None)
    assert not any(unicodedata.category(char) in ACTING for char in shown)


@given(st.text())
def test_a_page_has_one_line_for_one_line(text: str) -> None:
    page = Page()
    page.line("a", (text, "bold"), indent=2)
    assert page.text.count("\n") == 1


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 310) == "x" * 300 + "… (10 more characters)"


def test_hostile_text_in_every_text_output() -> None:
    report = hostile_report()
    outputs = [
        report_page(report, verbose=True).text,
        incident_report(document(report)),
        draft(document(report)),
        *(machine(name, document(report)) for name in ("json", "yaml", "junit", "sarif")),
    ]
    for shown in outputs:
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert not any(line.startswith("FAKE") for line in shown.splitlines())


def test_hostile_text_cannot_mention_a_channel() -> None:
    assert "@here" not in draft(document(hostile_report()))


def test_machine_formats_of_hostile_text_still_parse() -> None:
    content = document(hostile_report())
    assert json.loads(machine("json", content)) == content
    assert yaml.safe_load(machine("yaml", content)) == content


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(None, "-"), (0.42, "0.4 s"), (59.6, "60 s"), (185, "3 min 5 s"), (180, "3 min")],
)
def test_lengths_of_time(amount: float | None, shown: str) -> None:
    assert seconds(amount) == shown


def test_values_and_counts() -> None:
    assert value("") == '""'
    assert value({"b": 1, "a": None}) == '{"a": null, "b": 1}'
    assert count(1, "write") == "1 write"
    assert count(2, "entry", "entries") == "2 entries"
