"""Runbooks: reading, filling without ever making an argument of a value, lint."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.knowledge.runbook import (
    Runbook,
    default_directory,
    fill,
    lint,
    load,
    parse_runbook,
    treating,
)
from stratus_cli.model.change import Json
from stratus_cli.model.errors import UsageError
from stratus_cli.model.plan import Refusal, Risk

TEXT = """---
causes: [image-not-found]
alerts: []
risk: low
variables:
  namespace: where
  good_image: what
---
# Title

## Meaning

m

## Impact

i

## Diagnosis

d

## Mitigation

### First

```kubectl
# a comment
kubectl -n {{namespace}} set image deployment/web \\
  web={{good_image}}
```

### Second

risk: high
when: namespace, extra

```kubectl
kubectl -n {{namespace}} rollout restart deployment/web
```

## Verify

v
"""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def book(text: str = TEXT) -> Runbook:
    """A runbook of this text."""
    return parse_runbook("image-not-found", text, "book.md")


def test_reads_candidates_in_order() -> None:
    """Comments go, continued lines are joined, risk and needed facts may be overridden."""
    first, second = book().candidates
    assert first.lines == ("kubectl -n {{namespace}} set image deployment/web web={{good_image}}",)
    assert (first.risk, first.when) == (Risk.LOW, ("namespace", "good_image"))
    assert (second.risk, second.when) == (Risk.HIGH, ("namespace", "extra"))


@pytest.mark.parametrize(
    ("edit", "where", "what"),
    [
        (("---\ncauses", "causes"), "book.md:1", "front matter"),
        (("risk: low", "risk: tiny"), "book.md:1", "risk must be"),
        (("risk: high", "risk: none"), "book.md:35", "risk must be"),
        (("causes: [image-not-found]", "causes: [a"), "book.md:3", "cannot be read"),
        (("causes: [image-not-found]", "causes: 3"), "book.md:1", "list of names"),
        (("### First\n", ""), "book.md:26", "without a `### title`"),
    ],
)
def test_errors_name_file_and_line(edit: tuple[str, str], where: str, what: str) -> None:
    """What cannot be read is said with its place."""
    with pytest.raises(UsageError) as caught:
        book(TEXT.replace(*edit, 1))
    assert caught.value.where == where
    assert what in caught.value.what


def test_unclosed_block_is_an_error() -> None:
    """A block that runs to the end would swallow the rest."""
    with pytest.raises(UsageError, match="not closed"):
        book(TEXT[: TEXT.rindex("```")])


def test_load_reads_a_folder(tmp_path: Path) -> None:
    """By slug; README.md is for people; an unreadable file is named."""
    (tmp_path / "b.md").write_text(TEXT)
    (tmp_path / "a.md").write_text(TEXT)
    (tmp_path / "README.md").write_text("# How to")
    assert [item.slug for item in load(tmp_path)] == ["a", "b"]
    (tmp_path / "c.md").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"c\.md"):
        load(tmp_path)


def test_shipped_runbooks_are_found() -> None:
    """They are there, and each cause finds its own."""
    shipped = load(default_directory())
    assert len(shipped) >= 10
    assert [item.slug for item in treating(shipped, "scaled-to-zero")] == ["scaled-to-zero"]


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (("## Impact\n\ni\n\n", ""), "section Impact is missing"),
        (("{{good_image}}", "{{other}}"), "variable other is used and not declared"),
        (("{{good_image}}", "1"), "variable good_image is declared and not used"),
        (("kubectl -n {{namespace}} set", "rm -rf {{namespace}}"), "not a kubectl line"),
        (("deployment/web \\", "'deployment/web \\"), "does not split into words"),
        (("{{good_image}}", "{{Good}}"), "a variable that is not {{lower_case}}"),
        (("causes: [image-not-found]", "causes: []"), "causes:"),
        (("alerts: []", "alerts: []\nauthor: me"), "Additional properties"),
        (("# Title\n", ""), "no `# title`"),
    ],
)
def test_lint_says_what_is_wrong(edit: tuple[str, str], problem: str) -> None:
    """One problem at a time."""
    text = TEXT.replace("when: namespace, extra\n", "").replace(*edit)
    assert any(problem in item for item in lint(book(text))), lint(book(text))


def test_lint_is_content_with_a_good_one() -> None:
    """No problem where there is none."""
    assert lint(book(TEXT.replace("when: namespace, extra\n", ""))) == ()


def test_lint_lets_a_person_decide() -> None:
    """Mitigation may be prose alone; a title that announces lines which are not there may not."""
    front, _, rest = TEXT.partition("## Mitigation")
    front = front.replace("  good_image: what\n", "").replace("\nd\n", "\n{{namespace}}\n")
    verify = rest[rest.index("## Verify") :]
    assert lint(book(f"{front}## Mitigation\n\nAsk its owner.\n\n{verify}")) == ()
    titled = lint(book(f"{front}## Mitigation\n\n### First\n\nAsk its owner.\n\n{verify}"))
    assert titled == ("Mitigation has a title and no ```kubectl block",)


def test_json_argument_is_filled_leaf_by_leaf() -> None:
    """A leaf that is only a variable takes any JSON; keys are filled; -p={...} is split."""
    facts = {"key": "app", "value": None, "number": 8080, "map": {"a": "b"}}
    line = (
        """kubectl patch service/web -p='{"a": {"{{key}}": "{{value}}"},"""
        """ "n": ["{{number}}", "x{{number}}"], "m": "{{map}}"}'"""
    )
    assert fill(line, facts) == (
        "kubectl",
        "patch",
        "service/web",
        "-p",
        {"a": {"app": None}, "n": [8080, "x8080"], "m": {"a": "b"}},
    )


def test_manifest_becomes_one_structured_word() -> None:
    """`-f {{manifest}}`."""
    assert fill("kubectl create -f {{manifest}}", {"manifest": {"kind": "x"}}) == (
        "kubectl",
        "create",
        "-f",
        {"kind": "x"},
    )


def test_spread_makes_one_word_per_name() -> None:
    """Only where the author wrote {{*names}}, and only of names."""
    line = "kubectl annotate {{*names}} a=b"
    assert fill(line, {"names": ["rs/a", "rs/b"]}) == ("kubectl", "annotate", "rs/a", "rs/b", "a=b")
    for bad in ([], ["--all"], ["a\nb"], "rs/a", [1]):
        assert isinstance(fill(line, {"names": bad}), Refusal)


@pytest.mark.parametrize("value", ["--all", "-n", "", "a\x1b[2J", "a\nb", None, ["x"], {"a": 1}])
def test_values_that_would_be_something_else_are_refused(value: Json) -> None:
    """A flag, nothing, control characters, or a structure inside a word."""
    assert isinstance(fill("kubectl get {{x}} b{{x}}", {"x": value}), Refusal)


def test_unknown_variable_is_a_refusal() -> None:
    """It names the variable and says what would lift it."""
    refusal = fill("kubectl get {{x}}", {})
    assert isinstance(refusal, Refusal)
    assert refusal.check == "variable"
    assert "x" in refusal.reason


@given(st.dictionaries(st.sampled_from(["a", "b"]), JSON))
def test_a_value_never_becomes_another_argument(facts: dict[str, Any]) -> None:
    """As many words as the line has, and none a flag that the line does not have."""
    line = 'kubectl -n {{a}} patch thing/{{b}} -p \'{"x": {"{{a}}": "{{b}}"}}\' k={{a}}'
    words = fill(line, facts)
    if isinstance(words, Refusal):
        return
    assert len(words) == len(shlex.split(line))
    flags = [word for word in words if isinstance(word, str) and word.startswith("-")]
    assert flags == ["-n", "-p"]
