"""Fields put back: the patch gives exactly the wanted values, or refuses."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.fields import read
from stratus_cli.kube.merge import json_patch
from stratus_cli.kube.put_back import put_back
from stratus_cli.model.change import ABSENT

BASE = {
    "metadata": {"name": "web"},
    "spec": {
        "template": {
            "spec": {
                "containers": [
                    {"name": "proxy", "image": "proxy:1"},
                    {"name": "web", "image": "app:1", "env": [{"name": "A", "value": "1"}]},
                ]
            }
        }
    },
}
WEB = "spec.template.spec.containers[name=web]"
FIELDS = (
    f"{WEB}.image",
    f"{WEB}.env[name=A].value",
    f"{WEB}.args",
    f"{WEB}.readinessProbe.httpGet.path",
    f"{WEB}.readinessProbe.httpGet.port",
    f"{WEB}.securityContext.runAsUser",
    f"{WEB}.securityContext.runAsGroup",
    "spec.template.spec.dnsPolicy",
    "spec.template.spec.dnsConfig.nameservers",
)


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(min_size=1, max_size=5), max_size=4))
def test_every_field_reads_as_wanted_afterwards(values: dict[str, str]) -> None:
    """Whatever was there, the patched JSON has each value at its path."""
    made = json_patch(BASE, put_back(BASE, values))
    for path, value in values.items():
        assert read(made, path) == value
    if not values:
        assert made == BASE


@given(st.sampled_from(FIELDS))
def test_absent_removes_and_does_not_invent(path: str) -> None:
    """A field that was not there is removed; where it is not there now, nothing is done."""
    made = json_patch(BASE, put_back(BASE, {path: ABSENT}))
    assert read(made, path) is ABSENT
    assert json_patch(made, put_back(made, {path: None})) == made


def test_a_list_that_moved_refuses() -> None:
    """The element's name is tested, so that no other element is changed."""
    patch = put_back(BASE, {f"{WEB}.image": "app:0"})
    moved = json.loads(json.dumps(BASE))
    moved["spec"]["template"]["spec"]["containers"].reverse()
    with pytest.raises(ValueError, match="/spec/template/spec/containers/1/name"):
        json_patch(moved, patch)


def test_an_element_that_is_not_there_is_added_whole_or_refused() -> None:
    """A variable that was removed comes back; a field below nothing is no patch."""
    value = {"name": "B", "value": "2"}
    made = json_patch(BASE, put_back(BASE, {f"{WEB}.env[name=B]": value}))
    assert read(made, f"{WEB}.env[name=B].value") == "2"
    assert put_back(BASE, {"spec.template.spec.containers[name=no].image": "x"}) == []
