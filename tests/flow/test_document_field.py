"""One field inside a JSON or YAML value: changed, and taken back, without touching the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.actions.kubectl import parse_line
from stratus_cli.flow.mitigate import execute_plan
from stratus_cli.flow.plan import plan_from_lines
from stratus_cli.flow.undo import Selector, undo
from stratus_cli.kube.by_hand import kubectl_of_change
from stratus_cli.kube.diff import apply_edits, diff
from stratus_cli.kube.document import edits_between, value_in, with_value_in
from stratus_cli.kube.fields import segments
from stratus_cli.kube.paths import render_path
from stratus_cli.kube.three_way import take_back
from stratus_cli.model.change import ABSENT
from stratus_cli.model.errors import Refused
from stratus_cli.model.health import TransactionState
from stratus_cli.model.plan import Plan, Refusal
from stratus_cli.model.ref import Ref
from tests.flow.stand import Stand
from tests.flow.worlds import app, world

Item = dict[str, Any]
GEO = Ref("ConfigMap", "shop", "geo", "v1")
JSON = '{"database": {"host" : "geo-db",\n\t"port":27018,  "tags":["a", "b"]}, "on": true}\n'
YAML = """\
# who runs this: team geo
database:
    host: geo-db   # the host
    port: 27018    # was moved in March
    tags: [a, 'b c', "d"]
cache: 'two words'
script: |
  line
"""
PORT = "/database/port"


def stand_of(folder: Path, text: str = JSON, key: str = "config.json") -> Stand:
    geo = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "geo", "namespace": "shop"},
        "data": {key: text},
    }
    return Stand.make(folder, world([geo, *app("cart")]))


def line(value: Any = 27017, path: str = f"/data/config.json#{PORT}", op: str = "replace") -> str:
    patch = json.dumps([{"op": op, "path": path, "value": value}])
    return f"kubectl -n shop patch configmap/geo --type=json -p '{patch}'"


def plan_of(stand: Stand, *lines: str) -> Plan:
    graph = stand.look().detection.graph
    made = plan_from_lines(lines, stand.reading(), graph, "shop")
    assert made.plan is not None, made.refusal
    return made.plan


def refusal_of(stand: Stand, *lines: str) -> Refusal:
    graph = stand.look().detection.graph
    made = plan_from_lines(lines, stand.reading(), graph, "shop")
    assert made.refusal is not None
    return made.refusal


def text_of(stand: Stand, key: str = "config.json") -> str:
    item = stand.twin.get(GEO)
    assert item is not None
    return str(item["data"][key])


def edit(stand: Stand, old: str, new: str, key: str = "config.json") -> None:
    """Somebody else edits the text."""
    item = stand.twin.get(GEO)
    assert item is not None
    assert old in item["data"][key]
    item["data"][key] = item["data"][key].replace(old, new)
    stand.twin.replace(item)


def committed(stand: Stand, plan: Plan) -> None:
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is TransactionState.COMMITTED, done.why


def take_it_back(stand: Stand) -> TransactionState:
    with stand.ports() as ports:
        report = undo(ports, Selector(last=True), accept_loss=True, observe=stand.observe)
    return report.transactions[0].state


# The plan


@pytest.mark.parametrize(("key", "text"), [("config.json", JSON), ("config.yaml", YAML)])
def test_only_the_span_of_the_field_changes(tmp_path: Path, key: str, text: str) -> None:
    stand = stand_of(tmp_path, text, key)
    plan = plan_of(stand, line(path=f"/data/{key}#{PORT}"))
    (step,) = plan.steps
    assert step.depends == (f'data["{key}"]#{PORT}',)
    assert step.kubectl.startswith("kubectl -n shop patch configmap/geo --type=merge -p ")
    committed(stand, plan)
    assert text_of(stand, key) == text.replace("27018", "27017")
    assert take_it_back(stand) is TransactionState.COMMITTED
    assert text_of(stand, key) == text


def test_the_line_of_the_plan_makes_the_same_change(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    (step,) = plan_of(stand, line()).steps
    (again,) = plan_of(stand, step.kubectl).steps
    assert again.change == step.change
    assert again.depends == step.depends


def test_its_inverse_can_be_typed(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    (step,) = plan_of(stand, line()).steps
    assert json.dumps(JSON) in kubectl_of_change(step.change.inverse())


@pytest.mark.parametrize(
    ("text", "path", "value", "word"),
    [
        (JSON, "/data/other#/a", 1, "there is no other"),
        (JSON, "/data/config.json#/database/user", 1, "has nothing at"),
        (JSON, "/metadata/labels#/a", 1, "is no field of a value"),
        (YAML, "/data/config.json#/script", "x", "on one line"),
        (YAML, "/data/config.json#/database", "x", "on one line"),
        ("plain text\n", "/data/config.json#/a", 1, "not a document"),
        ("a: &x 1\nb: *x\n", "/data/config.json#/b", 2, "anchors"),
        ("a: 1\n---\na: 2\n", "/data/config.json#/a", 2, "several documents"),
        ('{"a": 1, "a": 2}', "/data/config.json#/a", 3, "twice"),
        ("a: 1\na: 2\n", "/data/config.json#/a", 3, "twice"),
        ("a: !!str 1\n", "/data/config.json#/a", 3, "tag"),
        ("a:\n", "/data/config.json#/a", 3, "without touching"),
        ("[" * 99 + "]" * 99, "/data/config.json#/0", 3, "levels"),
    ],
)
def test_what_cannot_be_edited_in_place_is_refused_with_a_reason(
    tmp_path: Path, text: str, path: str, value: Any, word: str
) -> None:
    stand = stand_of(tmp_path, text)
    refusal = parse_line(line(value, path), "shop")
    if not isinstance(refusal, Refusal):
        refusal = refusal_of(stand, line(value, path))
    assert refusal.check == "document"
    assert word in refusal.reason


@pytest.mark.parametrize("op", ["add", "remove"])
def test_only_values_that_are_there_are_replaced(op: str) -> None:
    refusal = parse_line(line(op=op), "shop")
    assert isinstance(refusal, Refusal)
    assert "only replace and test" in refusal.reason


def test_a_test_that_fails_refuses_the_plan(tmp_path: Path) -> None:
    patch = json.dumps(
        [
            {"op": "test", "path": f"/data/config.json#{PORT}", "value": 1},
            {"op": "replace", "path": f"/data/config.json#{PORT}", "value": 2},
        ]
    )
    text = f"kubectl -n shop patch configmap/geo --type=json -p '{patch}'"
    assert "failed" in refusal_of(stand_of(tmp_path), text).reason


# Others write, too


def test_an_edit_elsewhere_in_the_document_between_plan_and_write_is_kept(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    plan = plan_of(stand, line())
    edit(stand, "geo-db", "geo-db-2")
    committed(stand, plan)
    assert text_of(stand) == JSON.replace("27018", "27017").replace("geo-db", "geo-db-2")


def test_an_edit_of_the_field_between_plan_and_write_blocks(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    plan = plan_of(stand, line())
    edit(stand, "27018", "27019")
    with stand.ports() as ports:
        done = execute_plan(plan, ports, stand.observe)
    assert done.state is TransactionState.BLOCKED
    assert PORT in done.why


@pytest.mark.parametrize(("key", "text"), [("config.json", JSON), ("config.yaml", YAML)])
def test_an_undo_keeps_a_third_partys_edit_of_another_field(
    tmp_path: Path, key: str, text: str
) -> None:
    stand = stand_of(tmp_path, text, key)
    committed(stand, plan_of(stand, line(path=f"/data/{key}#{PORT}")))
    edit(stand, "geo-db", "elsewhere", key)
    assert take_it_back(stand) is TransactionState.COMMITTED
    assert text_of(stand, key) == text.replace("geo-db", "elsewhere")


def test_an_undo_of_a_field_that_somebody_changed_is_refused_with_both(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    committed(stand, plan_of(stand, line()))
    edit(stand, "27017", "31000")
    with pytest.raises(Refused) as refused:
        take_it_back(stand)
    said = str(refused.value)
    assert all(word in said for word in (PORT, "27018", "27017", "31000")), said
    assert "31000" in text_of(stand)


def test_a_text_that_is_no_document_any_more_is_refused(tmp_path: Path) -> None:
    stand = stand_of(tmp_path)
    committed(stand, plan_of(stand, line()))
    edit(stand, "}, ", ", ")
    with pytest.raises(Refused):
        take_it_back(stand)


def test_a_credential_inside_a_document_is_refused(tmp_path: Path) -> None:
    text = '{"db": {"password": "hunter2hunter2", "port": 1}}'
    stand = stand_of(tmp_path, text)
    path = "/data/config.json#/db/password"
    assert refusal_of(stand, line("hunter3hunter3", path)).check == "credential"


# Whatever the document


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab: #'\"\\é{[,\n", max_size=5)
documents = st.dictionaries(
    st.text("ab./~é", min_size=1, max_size=3),
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("ab/~", min_size=1, max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


def pointers(node: Any, here: str = "") -> list[str]:
    """Every place in the document."""
    pairs: list[tuple[str, Any]] = []
    if isinstance(node, dict):
        pairs = [(key.replace("~", "~0").replace("/", "~1"), node[key]) for key in node]
    elif isinstance(node, list):
        pairs = [(str(place), child) for place, child in enumerate(node)]
    found = [here] if here else []
    for name, child in pairs:
        found += pointers(child, f"{here}/{name}")
    return found


def put(node: Any, pointer: str, value: Any) -> Any:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    made = at = json.loads(json.dumps(node))
    for part in parts[:-1]:
        at = at[int(part) if isinstance(at, list) else part]
    at[int(parts[-1]) if isinstance(at, list) else parts[-1]] = value
    return made


@given(documents, st.data(), st.booleans())
def test_an_edit_changes_one_field_and_goes_back(
    document: Item, data: st.DataObject, is_yaml: bool
) -> None:
    text = yaml.safe_dump(document) if is_yaml else json.dumps(document, indent=data.draw(widths))
    read = yaml.safe_load if is_yaml else json.loads
    pointer = data.draw(st.sampled_from(pointers(document)))
    value = data.draw(scalars)
    try:
        made = with_value_in(text, pointer, value)
    except ValueError:
        assert is_yaml  # JSON can always be edited
        return
    assert read(made) == put(read(text), pointer, value)
    for where, old, new in edits_between(text, made):
        assert value_in(text, where) == old
        assert value_in(made, where) == new
    before, after = ({"kind": "ConfigMap", "data": {"k": part}} for part in (text, made))
    assert apply_edits(before, diff(before, after)) == after
    assert take_back(before, after, after).wanted == before


widths = st.sampled_from([None, 0, 3])


@given(documents, st.data())
def test_two_edits_of_two_fields_never_meet(document: Item, data: st.DataObject) -> None:
    """Ours is taken back, theirs stays; or it is a conflict and nothing is written."""
    text = json.dumps(document, indent=data.draw(widths))
    first = data.draw(st.sampled_from(pointers(document)))
    second = data.draw(st.sampled_from(pointers(document)))
    ours = with_value_in(text, first, data.draw(st.integers(100, 109)))
    try:
        both = with_value_in(ours, second, data.draw(st.integers(200, 209)))
    except ValueError:
        return  # the second is below the first, which is gone
    sides = [{"kind": "ConfigMap", "data": {"k": part}} for part in (text, ours, both)]
    back = take_back(*sides)
    if f"{second}/".startswith(f"{first}/") or f"{first}/".startswith(f"{second}/"):
        assert back.wanted == sides[2]
        assert back.conflicts
    elif not edits_between(text, ours):
        # Spelled as an edit would not spell it: the text is one value, and theirs stands in it.
        assert back.wanted == sides[2]
    else:
        assert not back.conflicts
        assert back.wanted["data"]["k"] == with_value_in(text, second, value_in(both, second))


@given(st.text("{}[]:,\"'|>&*!#-a1 \n\t\\é\x00", max_size=40))
def test_a_text_of_any_shape_is_read_without_a_crash(text: str) -> None:
    assert value_in(text, "/a") is ABSENT or text
    assert edits_between(text, text + " ") == ()


@given(st.text(max_size=10))
def test_a_path_into_a_document_is_read_back(pointer: str) -> None:
    path = render_path(segments(f'data["a.b"]#/{pointer}'))
    assert segments(path) == segments(f'data["a.b"]#/{pointer}')
    assert render_path(segments(path)) == path
