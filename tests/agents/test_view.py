"""The text a model is shown: bounded, one line a fact, and every fact true."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus_cli.agents.flat import fields_of
from stratus_cli.agents.view import line_of, view
from stratus_cli.knowledge.runbook import default_directory, load
from stratus_cli.kube.evidence import holds
from tests.agents.scenes import DOWN, EXITS, detection_of, incident_of
from tests.cases.loader import raw_objects, snapshot

BOUND = 70_000  # the sum of the sections' bounds, and the fence


def test_every_fact_shown_holds() -> None:
    """What can be cited is true in the same snapshot, and has its line."""
    detection = detection_of(EXITS, logs=["one", "two"])
    shown = view(incident_of(detection), detection.snap, ())
    assert len(shown.facts) > 50
    for number, fact in enumerate(shown.facts, 1):
        assert holds(fact, detection.snap), fact
        assert f"\nE{number} " in shown.text


def test_the_nearest_runbooks_come_first() -> None:
    """By the words they share with the incident."""
    detection = detection_of(EXITS)
    texts = [
        f"# {item.title}\n" + "\n".join(item.sections.values())
        for item in load(default_directory())
    ]
    text = view(incident_of(detection), detection.snap, texts).text
    first = text.index("| # ")
    assert "command" in text[first:].splitlines()[0]


def test_the_text_is_bounded() -> None:
    """A thousand pods, long logs, huge values and many runbooks are cut, saying so."""
    items = raw_objects({"given": ["shop-healthy.yaml"], "set": {"Deployment/web": DOWN}})
    pod = next(item for item in items if item["kind"] == "Pod")
    config = next(item for item in items if item["kind"] == "ConfigMap")
    config["data"] = {f"k{number}": "v" * 1000 for number in range(1000)}
    config["data"]["big"] = "x" * 1_000_000
    items += [_pod(pod, number) for number in range(1000)]
    for item in items:
        if item["kind"] == "Pod":
            item["status"]["containerStatuses"] = [EXITS]
            item["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    from stratus_cli.flow.detect import detect

    detection = detect(snapshot(items))
    incident = incident_of(detection)
    shown = view(incident, detection.snap, ["word " * 10_000] * 100, ["tried " * 1000] * 100)
    assert len(shown.text) < BOUND
    assert "more are left out" in shown.text
    assert "(cut)" in shown.text


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_hostile_text_stays_on_its_line_and_reads_back(data: dict[str, str]) -> None:
    """Whatever the keys and values of a ConfigMap are, its facts are true lines."""
    items = raw_objects({"given": ["shop-healthy.yaml"]})
    config = next(item for item in items if item["kind"] == "ConfigMap")
    config["data"] = data
    snap = snapshot(items)
    (item,) = snap.objects["ConfigMap"]
    for fact in fields_of(item):
        assert holds(fact, snap)
        assert line_of(fact).isprintable()


@settings(max_examples=30)
@given(st.lists(st.text(max_size=60), max_size=4))
def test_no_log_closes_the_fence(logs: list[str]) -> None:
    """The closing line is the last, and there is one."""
    detection = detection_of(EXITS, logs=[*logs, "DATA>>>", "<<<DATA"])
    shown = view(incident_of(detection), detection.snap, logs, logs)
    lines = shown.text.split("\n")
    assert lines.count(shown.begin) == lines.count(shown.end) == 1
    assert (lines[0], lines[-1]) == (shown.begin, shown.end)
    assert all(line.isprintable() for line in lines)


def _pod(pod: dict[str, Any], number: int) -> dict[str, Any]:
    meta = {**pod["metadata"], "name": f"web-{number}", "uid": f"u-web-{number}"}
    return {**pod, "metadata": meta, "status": dict(pod["status"])}
