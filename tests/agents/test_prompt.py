"""Prompts: shipped, with exactly the placeholders that are filled."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_cli.agents.errors import PromptError
from stratus_cli.agents.prompt import default_directory, load

COMMON = {"incident", "fence_begin", "fence_end", "schema", "most"}
WANTED = {"diagnoser": COMMON, "planner": COMMON | {"most_lines"}}


@pytest.mark.parametrize("role", WANTED)
def test_the_shipped_prompts_take_what_their_agents_give(role: str) -> None:
    """And a value is put in as it is, braces and all."""
    prompt = load(role, {name: f"<{name} {{most}}>" for name in WANTED[role]})
    assert "<incident {most}>" in prompt.user
    assert "<schema {most}>" in prompt.system
    assert "incident" not in prompt.system.replace("one incident", "")


def test_every_shipped_prompt_has_a_role() -> None:
    """No file is left over."""
    assert {path.stem for path in default_directory().glob("*.md")} == set(WANTED)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# R\n## System\n{a} {b}\n## Request\n", "without a value: \\['b'\\]"),
        ("# R\n## System\n## Request\n", "without a placeholder: \\['a'\\]"),
        ("# R\n## Request\n{a}", "the sections System and Request"),
        (None, "cannot be read"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, text: str | None, why: str) -> None:
    """A prompt is never sent half filled."""
    if text is not None:
        (tmp_path / "role.md").write_text(text)
    with pytest.raises(PromptError, match=why):
        load("role", {"a": "1"}, tmp_path)
