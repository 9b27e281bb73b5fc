"""Root causes named right: the object and the place in it, however a list element is called."""

from __future__ import annotations

from typing import Any

from stratus_cli.drill.fault import parse
from stratus_cli.drill.roots import named, same_place

SERVICE: dict[str, Any] = {
    "kind": "Service",
    "spec": {
        "ports": [
            {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 9999},
            {"name": "admin", "port": 81, "protocol": "TCP", "targetPort": 81},
        ]
    },
}
FILE = """
title: t
family: service
apps: {shop: [{variant: a}]}
steps: [{delete: Service/web}]
symptom: {}
root:
- ref: Service/web
  field: spec.ports[port=80].targetPort
  or: [{ref: /Node/n1, field: spec.taints}]
also: [{ref: Deployment/web, field: spec.replicas}]
"""
FAULT = parse("f", FILE, lambda app: {"app": app})[0]


def report(*roots: tuple[str, str], severity: str = "outage") -> dict[str, Any]:
    incident = {
        "severity": severity,
        "roots": [{"ref": ref, "field": field} for ref, field in roots],
    }
    return {"incidents": [incident] if roots else []}


def judged(*roots: tuple[str, str], severity: str = "outage") -> Any:
    return named(report(*roots, severity=severity), FAULT, {"ns/Service/web": SERVICE}, "ns")


def test_another_key_of_the_same_element_is_the_same_place() -> None:
    """Port 80 is the element named http."""
    assert same_place(SERVICE, "spec.ports[name=http].targetPort", "spec.ports[port=80].targetPort")
    assert same_place(SERVICE, "spec.ports[0].targetPort", "spec.ports[port=80,protocol=TCP]")
    assert not same_place(SERVICE, "spec.ports[name=admin].targetPort", "spec.ports[port=80]")


def test_below_is_right_and_above_is_not() -> None:
    """A root may be more precise than asked, never less."""
    assert same_place(SERVICE, "spec.ports[port=80].targetPort", "spec.ports")
    assert not same_place(SERVICE, "spec.ports", "spec.ports[port=80].targetPort")
    assert same_place({}, 'data["a.json"]#/db/port', 'data["a.json"]#/db')
    assert not same_place({}, 'data["a.json"]#/dba', 'data["a.json"]#/db')


def test_an_absent_object_is_named_by_itself() -> None:
    """Any field of it will do where the file asks for the object."""
    assert same_place(None, "", "")
    assert same_place(None, "spec.selector", "")


def test_exact_is_all_and_nothing_else() -> None:
    """Missing and extra roots are both wrong; what the file lists beside it is neither."""
    right = ("ns/Service/web", "spec.ports[name=http].targetPort")
    assert judged(right).exact
    assert judged(right, ("ns/Deployment/web", "spec.replicas")).exact
    assert judged(("/Node/n1", "spec.taints[0]")).exact
    wrong = judged(right, ("ns/Deployment/db", "spec.replicas"))
    assert not wrong.exact
    assert wrong.first
    assert wrong.extra == ("ns/Deployment/db spec.replicas",)
    assert judged().missing == ("ns/Service/web spec.ports[port=80].targetPort",)


def test_hygiene_beside_it_is_no_wrong_answer() -> None:
    """Only what is said to be an outage or a degradation counts as an answer."""
    assert judged(("ns/Deployment/db", "spec"), severity="hygiene").extra == ()


def test_a_star_stands_for_what_the_cluster_names() -> None:
    """A pod's name is made when it is."""
    text = FILE.replace("ref: Service/web", "ref: Pod/web-*").replace(
        "spec.ports[port=80].targetPort", "spec.containers[name=web].image"
    )
    fault = parse("f", text, lambda app: {"app": app})[0]
    field = "spec.containers[name=web].image"
    assert named(report(("ns/Pod/web-7d4-x", field)), fault, {}, "ns").exact
    assert not named(report(("ns/Pod/other-7d4-x", field)), fault, {}, "ns").exact
