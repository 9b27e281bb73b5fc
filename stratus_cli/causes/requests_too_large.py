"""A container asks for more than any node has.

How we know: pods are unschedulable, the scheduler names the resource as insufficient, and what the
pod asks for is more than each node that it may use has in all, empty or not.

Known good: the request of an earlier revision, a recording, or what was last applied, when a node
has that much. Without any of these, what the same image asks for elsewhere in the namespace; else
nothing says how much is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.fields import as_text, quoted, read
from stratus_cli.kube.pod_needs import scheduler_says
from stratus_cli.kube.quantities import amount
from stratus_cli.kube.scheduling import Placement, Why
from stratus_cli.model.change import Json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects_pod import Container, Pod
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("requests-too-large", "a container asks for more than any node has")
ELSEWHERE = frozenset({Why.CONTROL_PLANE, Why.NODE_SELECTOR, Why.NODE_AFFINITY, Why.NODE_NAME})
"""Nodes that are not for this pod, whatever it asks for."""


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per workload and resource of which no node has enough."""
    if not case.graph.snap.was_read("Node"):
        return
    place = case.placement
    for faulty in case.faulty("POD105"):
        pods = tuple(pod for pod in faulty.pods if "Insufficient" in scheduler_says(pod))
        for resource in sorted(_too_big(place, pods[0])) if pods else ():
            found = _diagnosis(case, place, faulty, pods, resource)
            if found is not None:
                yield found


def _too_big(place: Placement, pod: Pod) -> frozenset[str]:
    """Resources of which each node that the pod may use has too little in all."""
    sets = [
        frozenset(item.what for item in items if item.why is Why.TOO_BIG)
        for items in place.blockers(pod).values()
        if not any(item.why in ELSEWHERE for item in items)
    ]
    return frozenset.intersection(*sets) if sets else frozenset()


def _diagnosis(
    case: Case, place: Placement, faulty: Faulty, pods: tuple[Pod, ...], resource: str
) -> Diagnosis | None:
    found = _largest(faulty, resource)
    if found is None:
        return None
    path, container, part = found
    tail = f".{resource}" if resource.isalnum() else quoted(resource)
    field = f"{faulty.prefix}{path}.resources.{part}{tail}"
    asked = getattr(container.resources, part)[resource]
    facts = case.facts(
        faulty, field, container=container.name, resource=resource, part=part, asked=asked
    )
    good = _expected(case, place, faulty, field, container, resource)
    if good is not None:
        changes = _with_the_rest(case, faulty, path, good, part, resource)
        facts |= {"resources": changes, "source": good[1]}
    nodes = [
        node
        for node in place.nodes
        if not any(item.why in ELSEWHERE for item in place.blockers(pods[0])[node.metadata.name])
    ]
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=asked,
        expected=as_text(good[0] or "no request") if good else None,
        confidence=good[2] if good else 0.92,
        facts=facts | case.changed(faulty.owner, field),
        evidence=(
            *case.field_evidence(faulty.owner, field),
            *(
                field_evidence(node, f"status.allocatable{quoted(resource)}")
                for node in nodes[:SHOWN_PODS]
            ),
            *(
                field_evidence(pod, "status.conditions[type=PodScheduled].message")
                for pod in pods[:SHOWN_PODS]
            ),
        ),
        explains=case.explains(faulty, pods),
        check="kubectl describe nodes: Allocatable; was there a larger node before?",
    )


def _largest(faulty: Faulty, resource: str) -> tuple[str, Container, str] | None:
    """(path below the pod spec, container, "requests" or "limits") of the largest share."""
    found = []
    spec = faulty.template
    for name, containers in (
        ("containers", spec.containers),
        ("initContainers", spec.init_containers),
    ):
        for container in containers:
            part = "requests" if resource in container.resources.requests else "limits"
            text = getattr(container.resources, part).get(resource)
            if text is not None:
                share = amount(text), name == "containers"
                found.append((share, f"{name}[name={container.name}]", container, part))
    best = max(found, key=lambda item: item[0], default=None)
    return best[1:] if best else None


def _with_the_rest(
    case: Case,
    faulty: Faulty,
    path: str,
    good: tuple[str | None, str, float],
    part: str,
    resource: str,
) -> dict[str, dict[str, str | None]]:
    """What to change in the container's resources: also what was set together with it.

    A limit that was raised with the request is no limit; the same source says what it was.
    """
    changes: dict[str, dict[str, str | None]] = {part: {resource: good[0]}}
    if faulty.workload is None:
        return changes
    read_now = read(faulty.template, f"{path}.resources")
    present = read_now if isinstance(read_now, dict) else {}
    for whole in case.known_good.workload_field(
        faulty.workload, f"{faulty.prefix}{path}.resources"
    ):
        if whole.source != good[1] or not isinstance(whole.value, dict):
            continue
        for name in ("limits", "requests"):
            old, new = _amounts(whole.value.get(name)), _amounts(present.get(name))
            differing = {key: old.get(key) for key in {*old, *new} if old.get(key) != new.get(key)}
            if differing:
                changes[name] = dict(sorted({**differing, **changes.get(name, {})}.items()))
    return dict(sorted(changes.items()))


def _amounts(value: Json) -> dict[str, str]:
    """Quantities by resource; what a hostile annotation has in their place is none."""
    found = value if isinstance(value, dict) else {}
    return {key: text for key, text in found.items() if isinstance(text, str)}


def _expected(  # what is asked for, and where
    case: Case,
    place: Placement,
    faulty: Faulty,
    field: str,
    container: Container,
    resource: str,
) -> tuple[str | None, str, float] | None:
    """(amount or None for none, who says so, how sure)."""
    if faulty.workload is None:
        return None
    most = max(amount(node.status.allocatable.get(resource, "0")) for node in place.nodes)
    for good in case.known_good.workload_field(faulty.workload, field):
        if good.value is None or (isinstance(good.value, str) and amount(good.value) <= most):
            return good.value, good.source, 0.97
    part = field.rpartition(".resources.")[2].partition(".")[0].partition("[")[0]
    for other in sorted(
        case.graph.workloads_in(faulty.ref.namespace), key=lambda item: str(ref_of(item))
    ):
        for one in other.spec.template.spec.containers:
            text = read(one, f"resources.{part}{quoted(resource)}")
            same = one.image.rpartition("@")[0] or one.image
            if (
                other is not faulty.owner
                and same == (container.image.rpartition("@")[0] or container.image)
                and isinstance(text, str)
                and 0 < amount(text) <= most
            ):
                name = f"{other.KIND} {other.metadata.name}"
                return text, f"{name} asks for this with the same image", 0.92
    return None
