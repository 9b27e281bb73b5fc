"""What may be shown of a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.told import told
from stratus_cli.model.change import ABSENT

PLANTED = "planted-7f3a-hunter2"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.password", PLANTED),
        ("spec.template.spec.containers[name=app].env[name=DB_PASSWORD].value", PLANTED),
        (
            "spec.template.spec.containers[name=app].env[name=DB_PASSWORD]",
            {"name": "DB_PASSWORD", "value": PLANTED},
        ),
        ("spec.template.spec.containers[name=app].args", ["--password", PLANTED]),
        ("spec.template.spec.containers[name=app].args[0]", f"--password={PLANTED}"),
        ("data.url", f"postgres://app:{PLANTED}@db/app"),
        ('data["app.json"]#/db/password', PLANTED),
        ('data["app.json"]', f'{{"db": {{"password": "{PLANTED}"}}}}'),
        (
            "",
            {
                "kind": "Pod",
                "spec": {"containers": [{"env": [{"name": "TOKEN", "value": PLANTED}]}]},
            },
        ),
        ("no path [", f"password={PLANTED}"),
    ],
)
def test_a_credential_is_erased(path: str, value: object) -> None:
    assert PLANTED not in str(told(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", 3),
        ("data.mode", "slow"),
        ("spec.template.spec.containers[name=app].env[name=MODE].value", "slow"),
        ("spec.template.spec.containers[name=app]", {"name": "app", "image": "a:1"}),
        ("spec.ports[0]", {"port": 80}),
        ("metadata.labels.tier", None),
    ],
)
def test_everything_else_is_shown(path: str, value: object) -> None:
    assert told(path, value) == value


def test_absent_is_absent() -> None:
    assert told("data.password", ABSENT) is ABSENT


@given(st.text(), st.recursive(st.none() | st.text(), st.lists))
def test_any_path_and_value_can_be_told(path: str, value: object) -> None:
    told(path, value)
