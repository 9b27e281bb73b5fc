"""Nothing is named when all is well, whatever a container is told; every root rests on facts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose, verify
from tests.cases.loader import snapshot_of

WEB = "containers[name=web]"
NAMES = st.sampled_from(
    ["PORT", "CART_ADDR", "CART_HOST", "CART_PORT", "GOGC", "JAVA_OPTS", "A", "x.y"]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            "web:8082",
            "http://web/x",
            "web",
            "weeb:80",
            "8080",
            "9999",
            "«secret:0123456789ab»",
            "$(A):/x",
            "-Xmx9g",
            "10000MiB",
            "a" * 5000,
        ]
    ),
    st.text(max_size=12),
)
ENV = st.lists(st.fixed_dictionaries({"name": NAMES, "value": VALUES}), max_size=5)
WORDS = st.lists(
    st.one_of(
        st.sampled_from(["--port=9999", "ulimit -n 3", "nslookup weeb", "-p", "geo"]), VALUES
    ),
    max_size=4,
)
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "KeyError: 'CART_ADDR'",
                "dial tcp: lookup weeb: no such host",
                "listen tcp :8080: bind: address already in use",
                "invalid value for PORT: 'x' is not a number",
                "flag provided but not defined: -port",
                "open /config/app.json: no such file or directory",
                "Read-only file system: '/x'",
                "Too many open files",
                "No space left on device: '/dev/shm/x'",
                "Cannot assign requested address",
            ]
        ),
        st.text(max_size=80),
    ),
    max_size=6,
)
CRASHING = {
    "name": "web",
    "ready": False,
    "restartCount": 5,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {
        "terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-11-24T11:58:51Z"}
    },
}


def told(env: list[dict[str, Any]], args: list[str]) -> dict[str, Any]:
    """A body of a case in which template, history and pods say the same."""
    fields = {"env": env, "args": args}
    template = {f"spec.template.spec.{WEB}.{name}": value for name, value in fields.items()}
    pods = {f"spec.{WEB}.{name}": value for name, value in fields.items()}
    edits = {"Deployment/web": template, "ReplicaSet/web-7d4b9c": template, "Pod/*": pods}
    return {"given": ["shop-healthy.yaml"], "set": edits}


@settings(max_examples=60, deadline=None)
@given(ENV, WORDS)
def test_nothing_is_named_when_all_is_well(env: list[dict[str, Any]], args: list[str]) -> None:
    """Ready pods, no complaint, nothing changed: no incident, whatever the settings look like."""
    assert diagnose(detect(snapshot_of(told(env, args)))) == ()


@settings(max_examples=60, deadline=None)
@given(ENV, WORDS, LINES)
def test_a_crash_is_explained_by_what_holds(
    env: list[dict[str, Any]], args: list[str], lines: list[str]
) -> None:
    """Any settings and any log: no error, and each root rests on evidence that reads the same."""
    body = told(env, args)
    body["set"]["Pod/*"][f"status.{WEB.replace('containers', 'containerStatuses')}"] = CRASHING
    body["logs"] = [
        {"pod": "web-7d4b9c-aaaaa", "container": "web", "previous": True, "lines": lines}
    ]
    snap = snapshot_of(body)
    for incident in diagnose(detect(snap)):
        for root in (*incident.roots, *incident.rivals):
            assert verify(root, snap), (root.cause, root.evidence)
