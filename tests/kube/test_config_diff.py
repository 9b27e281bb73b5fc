"""What differs between two states of a ConfigMap, put back field by field, and odd flags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.config_diff import ConfigDiff, differences, repair
from stratus_cli.kube.document import value_in
from stratus_cli.kube.flags import flags_on
from stratus_cli.kube.slow_patterns import is_exponential, slow_patterns
from stratus_cli.model.change import ABSENT

NAMES = st.text("abc/~", min_size=1, max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("xyz", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_each_field_put_back_leaves_one_difference_less(
    now: dict[str, Any], then: dict[str, Any]
) -> None:
    """Putting one field back changes that field and no other, whatever the documents are."""
    present, good = {"a.json": json.dumps(now)}, {"a.json": json.dumps(then)}
    found = differences(present, good)
    assert bool(found) == (json.dumps(now) != json.dumps(then)) or present == good or now == then
    for diff in found:
        text = repair(present, diff)
        if text is None:
            continue
        left = differences({"a.json": text}, good)
        assert diff.field not in {item.field for item in left}
        assert len(left) <= len(found)


@pytest.mark.parametrize(
    ("present", "good", "fields"),
    [
        ("a: 1\nb: 2\n", "a: 1\nb: 3\n", ['data["k"]#/b']),
        ("x=1\ny=2\n", "x=1\ny=3\n", ['data["k"]']),
        ('{"l": [1, 2]}', '{"l": [1]}', ['data["k"]#/l']),
        ("same", "same", []),
        ("«secret:0123456789ab»", "b", []),
    ],
)
def test_fields_are_named_as_deep_as_the_text_lets(
    present: str, good: str, fields: list[str]
) -> None:
    """YAML and JSON down to the field, other text as a whole, masked text never."""
    assert [item.field for item in differences({"k": present}, {"k": good})] == fields


def test_a_lost_field_is_put_back_into_its_map() -> None:
    """The rest of the document stays as it is."""
    present = {"k": '{"db": {"host": "db"}, "other": 1}'}
    (diff,) = differences(present, {"k": '{"db": {"host": "db", "port": 5}, "other": 1}'})
    assert (diff.present, diff.good) == (ABSENT, 5)
    text = repair(present, diff)
    assert text is not None
    assert value_in(text, "/db/port") == 5
    assert value_in(text, "/other") == 1


PRETTY = '{\n  "window": 50,\n  "ranking": {"by": "age"}\n}\n'
LINES = "# why\nwindow: 50  # of requests\nranking: {by: age}\n"


@pytest.mark.parametrize(
    ("present", "good"),
    [
        ('{"window":50}', PRETTY),
        ('{"window":1,"ranking":{"by":"age"}}', PRETTY),
        ('{"ranking":{"by":"age"},"window":50,"more":[1]}', PRETTY),
        ("ranking: {by: age}\n", LINES),
        ("window: 5\nranking: {by: age}\n", LINES),
        ('{"window": 50}', LINES),
    ],
)
def test_what_has_no_other_difference_gets_the_known_good_text(present: str, good: str) -> None:
    """Byte for byte: whoever edited the document may have written all of it anew."""
    (diff,) = differences({"k": present}, {"k": good})
    assert repair({"k": present}, diff, good) == good


@pytest.mark.parametrize(
    ("present", "good", "pointer", "expected"),
    [
        ('{"a":1,"b":2}', '{\n"a": 3,\n"b": 4\n}', "/a", '{"a":3,"b":2}'),
        ("a: 1 # one\nb: 2\n", "a: 3\nb: 4\n", "/a", "a: 3 # one\nb: 2\n"),
        ('{"a":1,"b":2}', '{"a": 3, "b": "«secret:0123456789ab»"}', "/a", '{"a":3,"b":2}'),
        ('{"a":1}', '{"a": 3, "a": 3}', "/a", '{"a":3}'),
    ],
)
def test_what_differs_elsewhere_too_is_edited_in_place(
    present: str, good: str, pointer: str, expected: str
) -> None:
    """The known-good text would undo what nobody complains of; what it masks is never written."""
    diff = ConfigDiff("k", pointer, 1, 3, ())
    assert repair({"k": present}, diff, good) == expected


@pytest.mark.parametrize(
    ("document", "names"),
    [
        ({"a": False, "b": True, "c": False}, ["b"]),
        ({"a": {"enabled": False}, "b": {"enabled": True}, "c": {"enabled": False}}, ["b"]),
        ({"a": True, "b": True, "c": False}, []),  # most are on: nothing stands out
        ({"a": False, "b": True}, []),
        ({"port": 1, "debug": True, "hosts": []}, []),
    ],
)
def test_flags(document: dict[str, Any], names: list[str]) -> None:
    """A flag is odd only among at least three, most of which are off."""
    assert [flag.name for flag in flags_on(json.dumps(document))] == names


@given(VALUES)
def test_flags_never_raise_and_name_what_is_there(document: Any) -> None:
    """Whatever the document is, each pointer leads to a value that is not the off one."""
    text = json.dumps(document)
    for flag in flags_on(text):
        assert value_in(text, flag.pointer) == flag.present
        assert flag.present != flag.off


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("([a-z]+)+$", True),
        ("(a*)*b", True),
        ("(?:x+x+)+y", True),
        ("((a+)b)*", True),
        ("(a{2,})+", True),
        ("masscan|zgrab", False),
        ("[.][.]/", False),
        (r"(\\+)+", True),
        (r"\(a+\)+", False),
        ("([+*])+", False),
        ("(abc)+", False),
        ("(a+)", False),
        ("^/api/v[0-9]+/(users|orders)/?$", False),
    ],
)
def test_exponential(pattern: str, expected: bool) -> None:
    """Only what repeats without bound inside what repeats without bound."""
    assert is_exponential(pattern) == expected


@given(VALUES, st.text(r"()[]+*\\{},a1^", max_size=30))
def test_patterns_are_found_in_any_document(document: Any, pattern: str) -> None:
    """It never raises, and each pointer leads to a text."""
    is_exponential(pattern)
    text = json.dumps({"at": [document, "(a+)+"]})
    for pointer in slow_patterns(text):
        assert isinstance(value_in(text, pointer), str)
    assert "/at/1" in slow_patterns(text)
