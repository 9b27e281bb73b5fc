"""A plan for a pull request: all that its digest covers, and no text of the cluster acts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from stratus_cli.flow.planfile import digest_of
from stratus_cli.model.change import Change, Reversibility
from stratus_cli.model.plan import Plan
from stratus_cli.model.ref import Ref
from stratus_cli.render.plan_file import as_markdown, file_page
from stratus_cli.render.plan_markdown import plan_markdown
from tests.render import samples

MARKDOWN = MarkdownIt("commonmark").enable("table")
PLAIN = {"text", "code_inline", "strong_open", "strong_close"}
NASTY = st.lists(
    st.sampled_from(
        ["```", "`", "|", "\n", "\r", "\t", "<b>", "&lt;", "[x](http://e)", "![x](y)", "# ", "- "]
        + ["@alice", "~~~", "***", "\\", "\x1b[2J", "\u202e", "a", " ", "1. ", "> ", "---"]
    ),
    max_size=8,
).map("".join)


def hostile(text: str, value: str | None = None) -> Plan:
    """The sample plan with this text wherever the cluster or a person could put one.

    value: in the changed field, where a text of several lines is a diff of several lines.
    """
    value = text if value is None else value
    plan = samples.plan()
    ref = Ref("Deployment", "shop", f"cart{text}", "apps/v1")
    change = Change(ref, samples.manifest(f"a{value}"), samples.manifest(f"b{value}"))
    step = replace(
        plan.steps[0],
        kubectl=f"kubectl {text}",
        change=change,
        depends=(f"spec.{text}",),
        uid=f"u{text}",
        confirmed=False,
        unconfirmed=f"because {text}",
    )
    return replace(
        plan,
        title=f"t{text}",
        candidate=f"c{text}",
        runbook=f"r{text}",
        cluster=replace(plan.cluster, context=f"x{text}", server=f"s{text}", uid=f"i{text}"),
        steps=(step,),
        targets=(ref,),
        blast_radius=(ref,),
        stops=(ref,),
        success=f"s{text}",
        notes=(f"n{text}",),
        sources=(f"s{text}",),
    )


def blocks(plan: Plan) -> list[str]:
    return [token.type for token in MARKDOWN.parse(plan_markdown(plan, "d"))]


@given(NASTY)
def test_no_text_forms_markup(text: str) -> None:
    """Headings, fences, tables and lists are as in a plan of harmless text; nothing is a link."""
    page = plan_markdown(hostile(text), "d")
    tokens = MARKDOWN.parse(page)
    assert [token.type for token in tokens] == blocks(hostile(""))
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= PLAIN
    assert not any(ord(char) < 0x20 and char != "\n" for char in page)
    assert "\u202e" not in page
    running = [
        child.content for token in tokens for child in token.children or () if child.type == "text"
    ]
    assert not any("@alice" in words for words in running)


@given(NASTY)
def test_no_text_acts_on_the_terminal(text: str) -> None:
    one_line = text.replace("\n", "")
    page = file_page(hostile(text, one_line), "plan.yaml", samples.AT).text
    harmless = file_page(hostile(""), "plan.yaml", samples.AT).text
    assert len(page.splitlines()) == len(harmless.splitlines())
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_reviewer_sees_all_that_binds() -> None:
    plan = samples.plan()
    text = as_markdown(plan, "my plan.yaml")
    for wanted in (
        "`uid-1`",
        "`u-cart`",
        "2025-03-01 13:00:00 UTC",
        f"`{digest_of(plan)}`",
        "`shop/Service/cart`",
        "| Risk | low |",
        "POD104 is gone",
        f"- {samples.IMAGE}: registry/app:9.9",
        f"+ {samples.IMAGE}: registry/app:1.0",
        "kubectl -n shop set image deployment cart cart=registry/app:9.9",
        "Helm owns it",
        f"stratus mitigate --plan 'my plan.yaml' --digest {digest_of(plan)}",
    ):
        assert wanted in text


def test_what_cannot_be_taken_back_is_marked() -> None:
    plan = samples.plan()
    change = replace(plan.steps[0].change, reversibility=Reversibility.COMPENSABLE)
    marked = replace(plan, steps=(replace(plan.steps[0], change=change),))
    assert "**compensable**" in plan_markdown(marked, "d")
    assert "compensable" in file_page(marked, "p", samples.AT).text


def test_a_long_value_is_whole() -> None:
    """A reviewer approves what is written, not its first 300 characters."""
    plan = samples.plan()
    change = Change(samples.CART, samples.manifest("a"), samples.manifest("x" * 900 + "THE-END"))
    made = replace(plan, steps=(replace(plan.steps[0], change=change),))
    assert "THE-END" in plan_markdown(made, "d")
