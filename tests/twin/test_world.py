"""World files are checked, and what they say happens."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stratus_cli.cli.demonstration import demo_world
from stratus_cli.cluster.twin.clock import TwinClock
from stratus_cli.cluster.twin.twin import Twin
from stratus_cli.cluster.twin.world import load_world
from stratus_cli.model.errors import UsageError
from tests.twin.stand import bed_world, condition, container, listed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nodes: [{name: a}, {name: a}]", "a is there twice"),
        ("nodes: [{nam: a}]", "nam"),
        ("clock: yesterday", "yesterday is no time"),
        ('clock: "2026-11-24T09:00:00"', "has no time zone"),
        ("manifests: [{kind: Nonsense, metadata: {name: a}}]", "Nonsense is not known"),
        ("manifests: [{kind: Pod}]", "metadata.name is missing"),
        ("script: [{at: 1}]", "exactly one of apply, patch, delete"),
        ("script: [{at: 1, patch: {kind: Pod, name: a}}]", "exactly one of merge, strategic, json"),
        ("script: [{at: -1, delete: {kind: Pod, name: a}}]", "must not be negative"),
        ("images: [{name: a, pull_s: soon}]", "pull_s"),
        ("unknown_images: maybe", "not-found or run"),
        ("settle: -5", "must not be negative"),
        ("[1, 2]", "object"),
        ("a: [", "not YAML"),
    ],
)
def test_mistakes_are_told(text: str, says: str) -> None:
    """UsageError names what is wrong."""
    with pytest.raises(UsageError, match=says):
        load_world(text, "my-world.yaml")


def test_demo_world_shows_its_fault() -> None:
    """Three Deployments serve; cart's new pod cannot get its image, since a minute ago."""
    made = Twin(load_world(demo_world()))
    assert made.scene_failures == ()
    assert len(listed(made, "Deployment", "shop")) == 3
    assert made.ask("http://frontend/", "shop") == 200
    bad = [
        pod
        for pod in listed(made, "Pod", "shop")
        if pod["spec"]["containers"][0]["image"] == "stratus/app:1.1-rc"
    ]
    assert len(bad) == 1
    assert container(bad[0])["state"]["waiting"]["reason"] in ("ErrImagePull", "ImagePullBackOff")
    made.advance(600)
    cart = next(d for d in listed(made, "Deployment", "shop") if d["metadata"]["name"] == "cart")
    assert condition(cart, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert cart["status"]["availableReplicas"] == 2


def test_script_runs_at_its_times() -> None:
    """Scenes after settle happen as the story goes on; a refused one is told."""
    text = """
    manifests: [{kind: ConfigMap, metadata: {name: c, namespace: s}, data: {a: "1"}}]
    script:
    - {at: 5, as: ci, patch: {kind: ConfigMap, namespace: s, name: c, merge: {data: {a: "2"}}}}
    - {at: 20, delete: {kind: ConfigMap, namespace: s, name: c}}
    - {at: 30, delete: {kind: ConfigMap, namespace: s, name: c}}
    settle: 10
    """
    made = Twin(load_world(text))
    item = next(i for i in listed(made, "ConfigMap", "s") if i["metadata"]["name"] == "c")
    assert item["data"] == {"a": "2"}
    entry = next(e for e in item["metadata"]["managedFields"] if e["manager"] == "ci")
    assert entry["fieldsV1"] == {"f:data": {"f:a": {}}}
    made.advance(25)
    assert [i["metadata"]["name"] for i in listed(made, "ConfigMap", "s")] == ["kube-root-ca.crt"]
    assert made.scene_failures == ('at 30 s: configmaps "c" not found',)


def test_clock_is_the_twins() -> None:
    """Sleeping advances the twin and nothing else."""
    made = Twin(bed_world())
    clock = TwinClock(made)
    assert clock.now() == datetime(2026, 11, 24, 9, tzinfo=UTC)
    before = clock.monotonic()
    clock.sleep(90)
    assert clock.monotonic() - before == pytest.approx(90)
    assert clock.now() == datetime(2026, 11, 24, 9, 1, 30, tzinfo=UTC)


def test_apply_takes_away_what_was_applied_and_is_no_longer() -> None:
    """Client-side apply is three-way; fields of others stay."""
    made = Twin(bed_world())
    config = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
    made.apply({**config, "data": {"a": "1", "b": "2"}})
    item = next(i for i in listed(made, "ConfigMap", "default") if i["metadata"]["name"] == "c")
    made.replace({**item, "kind": "ConfigMap", "data": {**item["data"], "own": "3"}})
    made.apply({**config, "data": {"a": "1"}})
    item = next(i for i in listed(made, "ConfigMap", "default") if i["metadata"]["name"] == "c")
    assert item["data"] == {"a": "1", "own": "3"}
