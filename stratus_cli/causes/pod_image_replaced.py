"""A pod's image was replaced in the pod itself, and the pod no longer works.

How we know: the image of a failing container is not the one of the template that the pod was made
from, and kubelet said that the container's definition changed, or another pod of that template has
its image: no admission webhook gives them all another one.

Known good: the template. Nothing puts the image of a running pod back by itself; a pod that is
made anew has it.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.causes.case import Case
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.pods import Part, is_live, parts
from stratus_cli.kube.rewritten import rewrites
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects import Event
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("pod-image-replaced", "a pod's image was replaced in the pod itself")
CODES = ("POD101", "POD102", "POD103", "POD106")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container of a failing pod."""
    pods = {finding.ref: None for finding in case.of_rule(*CODES)}
    for ref in pods:
        pod = case.graph.snap.find(ref)
        if not isinstance(pod, Pod):
            continue
        paths = {part.spec_path: part for part in parts(pod)}
        for change in rewrites(case.graph, pod):
            part = paths.get(change.path.removesuffix(".image"))
            if part is None or not change.path.endswith(".image"):
                continue
            told = _told(case, pod, part)
            if told is not None or _is_usual(case, pod, part.spec_path, change.wanted):
                yield _diagnosis(case, pod, part, change.wanted, told)


def _told(case: Case, pod: Pod, part: Part) -> Event | None:
    """kubelet, kuberuntime_manager.go: "Container NAME definition changed, will be restarted"."""
    words = f"Container {part.status.name} definition changed"
    found = (event for event in case.graph.events_of(pod) if event.message.startswith(words))
    return next(found, None)


def _is_usual(case: Case, pod: Pod, path: str, image: str) -> bool:
    """Whether another pod of the same controller has the template's image."""
    maker = case.graph.controller_of(pod)
    return any(
        part.spec_path == path and part.container.image == image
        for other in (case.graph.owned_by(maker) if maker is not None else ())
        if isinstance(other, Pod) and other is not pod and is_live(other)
        for part in parts(other)
    )


def _diagnosis(case: Case, pod: Pod, part: Part, wanted: str, told: Event | None) -> Diagnosis:
    ref = ref_of(pod)
    owner = case.graph.top_owner(pod)
    field = f"spec.{part.spec_path}.image"
    evidence = [field_evidence(pod, field)]
    if told is not None:
        evidence.append(event_evidence(pod, told))
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=field,
        observed=part.container.image,
        expected=wanted,
        confidence=0.97,
        facts={
            "namespace": ref.namespace,
            "pod": ref.name,
            "image": part.container.image,
            "source": f"the template of {owner.KIND} {owner.metadata.name} has {wanted}",
        },
        evidence=tuple(evidence),
        explains=case.explains_pod(pod, ("CTL803", ref_of(owner))),
        check=f"kubectl -n {ref.namespace} get pod {ref.name} --show-managed-fields -o yaml",
    )
