"""Reading fields by path, from Structs and from JSON alike; evidence that can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_cli.kube.evidence import event_evidence, field_evidence, holds
from stratus_cli.kube.fields import as_text, quoted, read, segments
from stratus_cli.model.change import ABSENT
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.objects_workload import Deployment
from tests.cases.loader import snapshot_of

WELL = snapshot_of({"given": ["shop-healthy.yaml"]})
WEB = WELL.of(Deployment)[0]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replicas", 2),
        ("spec.template.spec.containers[name=web].image", "registry.test:5000/stratus/app:1.0"),
        ("spec.template.spec.containers[0].ports", [{"containerPort": 8080}]),
        ('metadata.annotations["deployment.kubernetes.io/revision"]', "1"),
        ("spec.template.spec.containers[name=other].image", ABSENT),
        ("spec.template.spec.nodeSelector", ABSENT),
        ("spec.paused", False),
        ("spec.nonsense.deeper", ABSENT),
        ("spec.replicas.deeper[0]", ABSENT),
    ],
)
def test_reads_structs(path: str, value: object) -> None:
    """camelCase names, keyed and numbered elements, quoted keys; empty means absent."""
    assert read(WEB, path) == value


def test_reads_json() -> None:
    """The same paths on raw JSON."""
    item = {"spec": {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]}}
    assert read(item, "spec.ports[port=80,protocol=TCP].targetPort") == 8080
    assert read(item, "spec.ports[port=81,protocol=TCP].targetPort") is ABSENT
    assert read({"a": None}, "a") is ABSENT


@pytest.mark.parametrize("path", ["spec..x", "a[", "a[b]", 'a["b]', "a b"])
def test_what_is_no_path_is_an_error(path: str) -> None:
    """Better than reading something else."""
    with pytest.raises(ValueError, match="not a field path"):
        segments(path)


@given(st.text())
def test_any_key_can_be_quoted(key: str) -> None:
    """Label keys are hostile data too."""
    assert segments(f"a{quoted(key)}") == ("a", key)


def test_evidence_holds_until_the_value_changes() -> None:
    """The value is compared as it is, but messages may differ in counts and times."""
    evidence = field_evidence(WEB, "spec.replicas")
    assert evidence.value == as_text(2)
    assert holds(evidence, WELL)
    later = snapshot_of(
        {"given": ["shop-healthy.yaml"], "set": {"Deployment/web": {"spec.replicas": 3}}}
    )
    assert not holds(evidence, later)


def test_event_evidence_holds_for_later_counts() -> None:
    """The same event, repeated with another number in it."""
    body = {
        "given": ["shop-healthy.yaml"],
        "add": [
            {
                "kind": "Event",
                "metadata": {"name": "e"},
                "involvedObject": {"kind": "Pod", "uid": "u-web-a"},
                "reason": "BackOff",
                "message": "back-off 20s restarting failed container",
            }
        ],
    }
    snap = snapshot_of(body)
    pod = next(item for item in snap.of(Pod) if item.metadata.uid == "u-web-a")
    evidence = event_evidence(pod, snap.events[0])
    body["set"] = {"Event/e": {"message": "back-off 40s restarting failed container"}}
    assert holds(evidence, snapshot_of(body))
    body["set"] = {"Event/e": {"reason": "Pulled"}}
    assert not holds(evidence, snapshot_of(body))
