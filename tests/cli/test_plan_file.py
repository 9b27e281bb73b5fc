"""A plan file as a person uses it: written, shown, executed, and each refusal in its own words."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stratus_cli.flow.planfile import digest_of, dump, from_body, load
from stratus_cli.model.ref import Ref
from tests.cli.stage import Outcome, Stage, check_golden

JOURNAL = ("--journal", "journal.jsonl")
CART = Ref("Deployment", "shop", "cart", "apps/v1")
SCHEMA = json.loads(
    importlib.resources.files("stratus_cli.render").joinpath("plan.schema.json").read_text()
)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The demo's shop, with the plan of its repair in plan.yaml."""
    monkeypatch.chdir(tmp_path)
    made = Stage(tmp_path)
    assert made.run("plan", "-n", "shop", "--out", "plan.yaml").code == 1
    return made


def mitigate(stage: Stage, *more: str) -> Outcome:
    return stage.run("mitigate", "--plan", "plan.yaml", "--auto", "-n", "shop", *JOURNAL, *more)


def forged(change: Any) -> None:
    """plan.yaml with another content and the digest that fits it."""
    path = Path("plan.yaml")
    content = yaml.safe_load(path.read_text())
    content.pop("digest")
    change(content)
    path.write_text(dump(from_body(content)))


def refused(stage: Stage, outcome: Outcome, word: str) -> None:
    """Exit 4, the reason in its first line of answer, and nothing written."""
    assert outcome.code == 4, outcome.err
    told = outcome.out + outcome.err
    assert word in told
    assert stage.run("detect", "-n", "shop").code == 1


def test_shown_as_text_and_for_a_pull_request(stage: Stage) -> None:
    for name, more in (("plan-show", ()), ("plan-show-markdown", ("-o", "markdown"))):
        outcome = stage.run("plan", "show", "plan.yaml", *more)
        assert outcome.code == 0
        check_golden(name, outcome.transcript(" ".join(["stratus plan show plan.yaml", *more])))


def test_shown_as_json_and_yaml_it_obeys_the_shipped_schema(stage: Stage) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    shown = stage.run("plan", "show", "plan.yaml", "-o", "json").out
    validator.validate(json.loads(shown))
    again = stage.run("plan", "show", "plan.yaml", "-o", "yaml").out
    assert digest_of(load(again)) == json.loads(shown)["digest"]


@pytest.mark.parametrize(
    "line",
    [
        "kubectl -n shop set env deployment/cart A=b",
        "kubectl -n shop scale deployment/cart --replicas=3",
        "kubectl -n shop label deployment/cart a=b",
        "kubectl -n shop delete service cart",
    ],
)
def test_every_kind_of_step_obeys_the_schema(stage: Stage, line: str) -> None:
    made = stage.run("plan", line, "-n", "shop", "--out", "typed.yaml")
    assert made.code == 0, made.err
    text = Path("typed.yaml").read_text()
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(text))
    assert dump(load(text)) == text


def test_an_expired_plan_says_so_when_shown(stage: Stage) -> None:
    forged(lambda content: content.update(expires_at="2026-11-24T09:00:00Z"))
    assert "EXPIRED" in stage.run("plan", "show", "plan.yaml").out.splitlines()[0]


# Refusals: each in its own words, exit 4, nothing written


def test_another_cluster(stage: Stage) -> None:
    forged(lambda content: content["cluster"].update(uid="another", context="prod"))
    refused(stage, mitigate(stage), "the plan is for another cluster")


def test_an_edited_plan(stage: Stage) -> None:
    path = Path("plan.yaml")
    path.write_text(path.read_text().replace("image: stratus/app:1\n", "image: stratus/app:2\n"))
    refused(stage, mitigate(stage), "the plan was edited after it was made")


def test_an_edit_of_a_line_alone(stage: Stage) -> None:
    """The line and the change that it stands for belong together."""
    path = Path("plan.yaml")
    path.write_text(path.read_text().replace("inverse: kubectl", "inverse: true # kubectl"))
    refused(stage, mitigate(stage), "the plan was edited after it was made")


def test_an_expired_plan(stage: Stage) -> None:
    forged(lambda content: content.update(expires_at="2026-11-24T09:00:00Z"))
    refused(stage, mitigate(stage), "the plan has expired")


def test_a_changed_object(stage: Stage) -> None:
    item = stage.twin.get(CART)
    assert item is not None
    item["spec"]["template"]["spec"]["containers"][0]["image"] = "stratus/app:9-rc"
    stage.twin.replace(item)
    outcome = mitigate(stage)
    assert outcome.code == 4, outcome.err
    assert "is not as it was when the plan was made (changed since: " in outcome.out
    left = stage.twin.get(CART)
    assert left is not None
    assert left["spec"] == item["spec"]


def test_an_object_that_was_made_anew(stage: Stage) -> None:
    item = stage.twin.get(CART)
    assert item is not None
    stage.twin.delete(CART, uid=item["metadata"]["uid"])
    for name in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        item["metadata"].pop(name, None)
    item.pop("status", None)
    stage.twin.create(item)
    outcome = mitigate(stage)
    assert outcome.code == 4, outcome.err
    assert "deleted and made anew" in outcome.out + outcome.err


def test_another_digest_than_reviewed(stage: Stage) -> None:
    refused(stage, mitigate(stage, "--digest", "0" * 64), "another digest")


def test_a_plan_of_another_schema(stage: Stage) -> None:
    Path("plan.yaml").write_text("schema: stratus/plan/v9\n")
    refused(stage, mitigate(stage), "not a plan of schema stratus/plan/v1")


def test_every_refusal_says_what_to_do_next(stage: Stage) -> None:
    forged(lambda content: content["cluster"].update(uid="another", context="prod"))
    assert (
        "next:  Nothing was written. Use --context prod, or make a new plan." in mitigate(stage).err
    )


# Lines from a file


def test_several_lines_from_a_file_are_one_plan(stage: Stage) -> None:
    Path("lines.txt").write_text(
        "# repair the cart\n"
        "kubectl -n shop set image deployment/cart app=stratus/app:1\n"
        "\n"
        "kubectl -n shop label deployment/cart repaired=yes\n"
    )
    made = stage.run("plan", "lines.txt", "-n", "shop", "--out", "typed.yaml")
    assert made.code == 0, made.err
    plan = load(Path("typed.yaml").read_text())
    assert [step.kubectl for step in plan.steps] == [
        "kubectl -n shop set image deployment/cart app=stratus/app:1",
        "kubectl -n shop label deployment/cart repaired=yes",
    ]
    done = stage.run("mitigate", "--plan", "typed.yaml", "--auto", "-n", "shop", *JOURNAL)
    assert done.code == 0, done.err
    assert stage.run("detect", "-n", "shop").code == 0


def test_one_bad_line_of_a_file_refuses_them_all(stage: Stage) -> None:
    Path("lines.txt").write_text(
        "kubectl -n shop set image deployment/cart app=stratus/app:1\n"
        "kubectl -n shop exec cart -- sh\n"
    )
    outcome = stage.run("plan", "lines.txt", "-n", "shop", "--out", "typed.yaml")
    assert outcome.code == 4
    assert not Path("typed.yaml").exists()
