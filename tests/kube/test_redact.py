"""The redactor: what is planted never survives, what is no secret does, and twice is once."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.listing import Page
from stratus_cli.kube.redact import LAST_APPLIED, Redactor
from stratus_cli.kube.scan import suspicious

REDACTOR = Redactor(b"0123456789abcdef")
OTHER = Redactor(b"fedcba9876543210")

SECRETS = st.text(
    "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=12, max_size=30
)
"""Values as generators of passwords make them. At least one digit is added, see planted."""

NAMES = st.sampled_from(
    ["password", "DB_PASSWORD", "redis.passwd", "api_key", "API-KEY", "apikey", "SECRET_KEY",
     "clientSecret", "token", "ACCESS_TOKEN", "AWS_SECRET_ACCESS_KEY", "passphrase", "db_pass",
     "PGPWD", "private_key", "credential", "MY-TOKEN-2", "VAULT_SECRET_ID"]
)  # fmt: skip

CONTEXTS = (
    "{name}={value}",
    "{name}: {value}",
    "{name} : '{value}'",
    "--{name}={value}",
    "--{name} {value}",
    'cfg {{"{name}": "{value}", "port": 8080}}',
    'nested {{\\"{name}\\":\\"{value}\\"}}',
    "connecting with {name}={value} to db:5432",
    "a=1&{name}={value}&b=2",
    "postgres://shop:{value}@db:5432/shop",
    "url=https://u:{value}@example.com/path?x=1",
    "root:{value}@tcp(db:3306)/shop",
    "Authorization: Bearer {value}",
    "curl -H 'Authorization: Basic {value}=='",
    "-----BEGIN RSA PRIVATE KEY-----\n{value}\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n{value}\n",
    "first: 1\n  {name}: {value} and more words\nlast: 2",
    "ghp_{value}{value}",
    "jwt eyJhbGciOi.eyJ{value}.{value}",
)

ORDINARY = (
    "registry.example.com/shop/cart:1.2.3",
    "registry.example.com:5000/shop/cart@sha256:" + "ab" * 32,
    "http://web.shop.svc:8080/path?x=1",
    "git clone ssh://git@example.com/repo",
    'secret "db-credentials" not found',
    "references non-existent secret key: tls.crt",
    "couldn't find key password in Secret shop/db",
    "failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized",
    'MountVolume.SetUp failed for volume "token" : secret "x" not found',
    "Readiness probe failed: HTTP probe failed with statuscode: 503",
    "Back-off restarting failed container web in pod web-1_shop(0f)",
    "basic understanding of the bearer of bad news",
    "passed=3 failed=1 skipped=0",
    "max_tokens=4096",
    "SECRET_NAME=db TOKEN_FILE=/run/token PASSWORD_PATH=/x secretName: web",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "password=$(DB_PASSWORD) token=${TOKEN} secret=true passwd=null",
    "containerPort: 8080, protocol: TCP",
    "compass: north",
    "error: keyword argument",
    "user: jane@example.com",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
)  # fmt: skip


def planted(value: str) -> str:
    """Never a plain word: those survive in some contexts on purpose."""
    return f"{value[:6]}7{value[6:]}"


@given(st.sampled_from(CONTEXTS), NAMES, SECRETS)
def test_a_planted_secret_never_survives_in_text(context: str, name: str, value: str) -> None:
    """Whatever surrounds it, the value is gone and the mask is there."""
    value = planted(value)
    text = context.format(name=name, value=value)
    masked = REDACTOR.text(text)
    assert value not in masked
    assert "«secret:" in masked


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_no_secret_survives(text: str) -> None:
    """Images, ports, URLs without userinfo, messages of Kubernetes, ordinary words."""
    assert REDACTOR.text(text) == text


@given(
    st.one_of(
        st.text(), st.builds(str.format, st.sampled_from(CONTEXTS), name=NAMES, value=SECRETS)
    )
)
def test_masking_twice_is_masking_once(text: str) -> None:
    """Idempotent and deterministic, on any text."""
    masked = REDACTOR.text(text)
    assert REDACTOR.text(masked) == masked
    assert REDACTOR.text(text) == masked


def test_the_mask_tells_equal_values_under_one_key_only() -> None:
    """A change of a secret shows; two people's recordings do not compare."""
    assert REDACTOR.text("password=a1") == REDACTOR.text("password=a1")
    assert REDACTOR.text("password=a1") != REDACTOR.text("password=a2")
    assert REDACTOR.text("password=a1") != OTHER.text("password=a1")
    assert len(REDACTOR.digest("a1")) == 64


VALUES = st.one_of(
    st.sampled_from(ORDINARY),
    st.builds(str.format, st.sampled_from(CONTEXTS), name=NAMES, value=SECRETS),
    st.text(max_size=40),
    st.just("--password"),
)
KEYS = st.one_of(NAMES, st.sampled_from(["name", "value", "image", "env", "data", "labels", "x/y"]))
ENV = st.fixed_dictionaries({"name": st.one_of(NAMES, st.just("PORT")), "value": VALUES})
JSON = st.recursive(
    st.one_of(VALUES, st.integers(), st.booleans(), st.none(), ENV),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4),
        st.builds(json.dumps, inner),
    ),
    max_leaves=12,
)  # fmt: skip
ITEMS = st.dictionaries(st.sampled_from(["metadata", "spec", "data", "message"]), JSON, min_size=1)


def page_of(items: list[dict[str, Any]], **style: Any) -> tuple[bytes, Page]:
    data = json.dumps({"kind": "PodList", "metadata": {}, "items": items}, **style).encode()
    return data, msgspec.json.decode(data, type=Page)


@given(st.lists(ITEMS, max_size=3), st.booleans(), st.booleans())
def test_a_page_is_masked_as_its_items_are(
    items: list[dict[str, Any]], tight: bool, ascii_only: bool
) -> None:
    """The scan of the bytes overlooks nothing that the items' own masking finds."""
    items = [
        item for item in items
        if not any(env_in_another_order(node) for node in nodes(item))
    ]  # fmt: skip
    style = {"separators": (",", ":")} if tight else {}
    masked = REDACTOR.page(*page_of(items, ensure_ascii=ascii_only, **style))
    assert json.loads(masked)["items"] == [REDACTOR.item(item) for item in items]


def nodes(node: Any) -> Any:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from nodes(child)
    if isinstance(node, str) and node[:1] in "[{" and node:
        try:
            yield from nodes(json.loads(node))
        except ValueError:
            pass


def env_in_another_order(node: Any) -> bool:
    """{"value": ..., "name": ...} or apart: the API server never writes an env so."""
    keys = list(node) if isinstance(node, dict) else []
    if "name" not in keys or "value" not in keys:
        return False
    return keys.index("value") != keys.index("name") + 1


@given(ITEMS)
def test_an_item_masked_twice_is_masked_once(item: dict[str, Any]) -> None:
    """Idempotent; and the argument is left alone."""
    before = json.dumps(item)
    masked = REDACTOR.item(item)
    assert json.dumps(item) == before
    assert REDACTOR.item(masked) == masked
    assert REDACTOR.masks(item) == (masked != item)
    assert not REDACTOR.masks(masked)


@given(NAMES, SECRETS)
def test_a_secret_in_any_usual_place_of_a_pod_never_survives(name: str, value: str) -> None:
    """Env, arguments, annotations, last-applied, probes' headers, messages."""
    value = planted(value)
    applied = json.dumps({"spec": {"env": [{"name": name, "value": value}]}})
    pod = {
        "metadata": {"annotations": {LAST_APPLIED: applied, f"example.com/{name}": value}},
        "spec": {"containers": [{
            "env": [{"name": name, "value": value}],
            "command": ["run", f"--{name}={value}"],
            "args": [f"--{name}", value],
            "livenessProbe": {"httpGet": {"httpHeaders": [
                {"name": "Authorization", "value": f"Bearer {value}"}]}},
        }]},
        "status": {"message": f"login failed, {name}={value}"},
    }  # fmt: skip
    assert value not in json.dumps(REDACTOR.item(pod))
    assert value.encode() not in REDACTOR.page(*page_of([pod]))


def test_a_secret_object_keeps_its_keys_and_no_value() -> None:
    """Data becomes digests, last-applied is gone."""
    secret = {
        "kind": "Secret",
        "metadata": {"name": "s", "annotations": {LAST_APPLIED: "{}", "a": "b"}},
        "data": {"user": "amFuZQ==", "flag": "true"},
        "stringData": {"x": ""},
    }
    masked = REDACTOR.item(secret)
    assert masked["metadata"]["annotations"] == {"a": "b"}
    assert set(masked["data"]) == {"user", "flag"}
    assert all(text.startswith("«secret:") for text in masked["data"].values())
    assert REDACTOR.item(masked) == masked


def test_selectors_and_ordinary_pods_are_left_alone() -> None:
    """A label named so still selects; a plain pod page is not even parsed."""
    item = {
        "spec": {
            "selector": {"token": "yes"},
            "template": {"metadata": {"labels": {"token": "yes"}}},
        }
    }
    assert REDACTOR.item(item) == item
    pod = {
        "metadata": {"name": "web-1", "managedFields": [{"fieldsV1": {"f:password": {}}}]},
        "spec": {
            "automountServiceAccountToken": False,
            "volumes": [
                {"name": "db-secret", "secret": {"secretName": "db"}},
                {"name": "t", "projected": {"sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]}},
            ],
            "containers": [{
                "image": "registry.example.com:5000/web@sha256:" + "ab" * 32,
                "env": [
                    {"name": "DB_PASSWORD",
                     "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                    {"name": "UPSTREAM", "value": "http://a:8080/@b"},
                ],
                "volumeMounts": [{"name": "db-secret", "mountPath": "/var/run/secrets/db"}],
            }],
        },
    }  # fmt: skip
    data, page = page_of([pod], separators=(",", ":"))
    assert suspicious(data) == ()
    assert REDACTOR.page(data, page) is data


def test_half_a_character_does_no_harm() -> None:
    """JSON can write a lone surrogate; the masked page is UTF-8 all the same."""
    applied = '{"password":"hunter2","x":"\\ud800"}'
    masked = REDACTOR.page(*page_of([{"metadata": {"annotations": {LAST_APPLIED: applied}}}]))
    assert b"hunter2" not in masked
    [item] = json.loads(masked)["items"]
    assert REDACTOR.item(item) == item


@pytest.mark.parametrize("deep", [200, 3000])
def test_depth_and_length_do_no_harm(deep: int) -> None:
    """Hostile nesting and very long strings: an answer, in time."""
    node: Any = {"password": "x1"}
    for _ in range(deep):
        node = {"a": [node]}
    assert "x1" not in str(REDACTOR.item({"spec": node}))[:1000]
    for text in (
        "a" * 50_000,
        "eyJ" * 20_000,
        "://" * 20_000,
        "--secret" * 8_000,
        "password" * 8_000,
    ):
        REDACTOR.text(text)
