"""The form of rules, causes and runbooks: what a person can rely on when reading or adding one."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from stratus_cli import causes, rules
from stratus_cli.knowledge.runbook import default_directory, lint, load
from stratus_cli.kube.kinds import BY_KIND
from tests.cases.loader import cases

RULES_FOLDER = Path(rules.__file__).parent
CAUSES_FOLDER = Path(causes.__file__).parent
PREFIX = {
    "pod": "POD1",
    "workload": "WRK2",
    "service": "SVC3",
    "node": "NOD4",
    "policy": "POL5",
    "storage": "STO6",
    "scaling": "STO6",
    "network": "NET7",
    "admission": "CTL8",
    "control": "CTL8",
    "batch": "BAT9",
    "config": "BAT9",
    "traffic": "SLO0",
}
ORDER = ["POD", "WRK", "SVC", "NOD", "POL", "STO", "NET", "CTL", "BAT", "SLO"]
SHARED = ("stratus_cli.causes.case", "stratus_cli.causes.setting")
HEADINGS = ("Why it hurts:", "How we tell:", "Not this when:", "First look:")
RULE_CASES = list(cases("rules", "rule"))
CAUSE_CASES = list(cases("causes", "cause"))
RUNBOOKS = load(default_directory())


def test_every_rule_file_is_in_all() -> None:
    """ALL and the folders name the same rules."""
    files = {
        f"stratus_cli.rules.{path.parent.name}.{path.stem}"
        for path in RULES_FOLDER.glob("*/*.py")
        if path.stem != "__init__"
    }
    assert {rule.__name__ for rule in rules.ALL} == files


def test_every_cause_file_is_in_all() -> None:
    """ALL and the folder name the same causes; the id is the file's name."""
    files = {path.stem for path in CAUSES_FOLDER.glob("*.py")} - {"__init__", "case", "setting"}
    assert {cause.__name__.rpartition(".")[2] for cause in causes.ALL} == files
    for cause in causes.ALL:
        assert cause.META.id.replace("-", "_") == cause.__name__.rpartition(".")[2]


def test_codes_are_unique() -> None:
    """No code and no name stands for two rules, and ALL is in the order of subject and code."""
    for names in ([rule.META.code for rule in rules.ALL], [cause.META.id for cause in causes.ALL]):
        assert not [name for name, count in Counter(names).items() if count > 1]
    subjects = [rule.META.code[:3] for rule in rules.ALL]
    assert subjects == sorted(subjects, key=ORDER.index)


@pytest.mark.parametrize("rule", rules.ALL, ids=[rule.META.code for rule in rules.ALL])
def test_rule_form(rule: ModuleType) -> None:
    """Code, name, headings, needs and length are as agreed, and cases both ways exist."""
    folder = rule.__name__.split(".")[-2]
    meta, text = rule.META, rule.__doc__ or ""
    assert re.fullmatch(PREFIX[folder] + r"\d\d", meta.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", meta.name)
    assert text.startswith(f"{meta.code} {meta.name}: ")
    positions = [text.find(heading) for heading in HEADINGS]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert meta.needs
    assert all(kind in BY_KIND for kind in meta.needs)
    assert len(Path(rule.__file__ or "").read_text().splitlines()) <= 125
    names = [case.name for case in RULE_CASES if case.subject == meta.code]
    for start in ("fires", "quiet", "skips"):
        assert any(name.startswith(start) for name in names), f"no case {start}-..."


@pytest.mark.parametrize("cause", causes.ALL, ids=[cause.META.id for cause in causes.ALL])
def test_cause_form(cause: ModuleType) -> None:
    """How we know and Known good are said, and cases both ways and a runbook exist."""
    text = cause.__doc__ or ""
    assert "How we know:" in text
    assert "Known good:" in text
    mine = [case for case in CAUSE_CASES if case.subject == cause.META.id]
    assert any(case.body["expect"] for case in mine)
    assert any(not case.body["expect"] for case in mine)
    assert any(cause.META.id in runbook.causes for runbook in RUNBOOKS)


def test_rules_and_causes_do_not_import_each_other() -> None:
    """A rule imports no rule, a cause imports no cause and no rule."""
    for folder, allowed in ((RULES_FOLDER, ()), (CAUSES_FOLDER, SHARED)):
        for path in folder.rglob("*.py"):
            if path.stem == "__init__":
                continue
            imported = re.findall(r"^(?:from|import) (stratus_cli\.[\w.]+)", path.read_text(), re.M)
            wrong = [
                name
                for name in imported
                if name.startswith(("stratus_cli.rules", "stratus_cli.causes"))
                and name not in allowed
            ]
            assert not wrong, f"{path} imports {wrong}"


def test_cases_are_of_rules_and_causes_that_exist() -> None:
    """A case file's name is its subject, and the subject exists."""
    assert {case.subject for case in RULE_CASES} <= {rule.META.code for rule in rules.ALL}
    assert {case.subject for case in CAUSE_CASES} <= {cause.META.id for cause in causes.ALL}
    for folder, key in (("rules", "rule"), ("causes", "cause")):
        for path in (Path(__file__).parents[1] / "cases" / folder).glob("*.yaml"):
            assert f"{key}: {path.stem}\n" in path.read_text()


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=[runbook.slug for runbook in RUNBOOKS])
def test_runbook_form(runbook: object) -> None:
    """Each shipped runbook passes lint and treats causes that exist, the slug among them."""
    book = next(item for item in RUNBOOKS if item is runbook)
    assert lint(book) == ()
    known = {cause.META.id for cause in causes.ALL}
    assert set(book.causes) <= known
    assert book.slug in book.causes


def test_importing_has_no_side_effect_on_order() -> None:
    """Importing a rule twice gives the same module: nothing registers itself."""
    for rule in rules.ALL:
        assert importlib.import_module(rule.__name__) is rule
