"""Seals: opened they give the bytes back, closed they tell nothing but equality."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.redact import LAST_APPLIED, Redactor
from stratus_cli.kube.seals import Vault, is_seal, is_sealed
from stratus_cli.model.errors import ClusterAnswer, Invalid

KEYS = st.text("abc.-_", min_size=1, max_size=4)
VALUES = st.binary(max_size=30)


def vault() -> Vault:
    return Vault(Redactor(b"key"))


def secret(values: dict[str, bytes]) -> dict[str, Any]:
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    notes = {LAST_APPLIED: json.dumps(data), "team": "shop"}
    meta = {"name": "db", "namespace": "shop", "annotations": notes}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": data}


@given(values=st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_what_is_sealed_opens_again(values: dict[str, bytes]) -> None:
    """To the byte, last-applied included; nothing but seals is seen meanwhile."""
    kept, item = vault(), secret(values)
    sealed = kept.sealed(item)
    assert kept.opened(sealed) == item
    assert is_sealed(sealed)
    assert is_seal(sealed["metadata"]["annotations"][LAST_APPLIED])
    assert sealed["data"].keys() == values.keys()


@given(left=VALUES, right=VALUES)
def test_equal_values_have_equal_seals(left: bytes, right: bytes) -> None:
    assert (vault().seal(left) == vault().seal(right)) == (left == right)


def test_what_was_not_seen_does_not_open() -> None:
    """Another process has the seal only; the message names key and object."""
    sealed = vault().sealed(secret({"k": b"planted"}))
    with pytest.raises(Invalid, match="the value of k") as caught:
        vault().opened(sealed)
    assert caught.value.where == "shop/Secret/db"


@pytest.mark.parametrize("told", ["planted", base64.b64encode(b"planted").decode()])
def test_an_error_that_repeats_a_value_is_quieted(told: str) -> None:
    """A webhook may answer what it was sent."""
    kept = vault()
    kept.seal(b"planted")
    error = kept.quiet(Invalid(422, "Invalid", f"{told} is too weak", "shop/Secret/db"))
    assert isinstance(error, Invalid)
    assert told not in str(error)
    other = ClusterAnswer(403, "Forbidden", "exceeded quota", "shop")
    assert kept.quiet(other) is other


def test_data_that_is_no_map_of_texts_is_sealed_too() -> None:
    """A server may answer anything."""
    for data in (None, [], "planted", {"k": {"planted": 1}}, {"k": None}):
        sealed = vault().sealed({**secret({}), "data": data, "stringData": {"k": "planted"}})
        assert is_sealed(sealed)
        assert "planted" not in json.dumps(sealed["data"])
