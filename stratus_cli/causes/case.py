"""Case: what a cause may look at, and the few questions that all causes ask of it.

Pure. Causes never import causes; what several need is here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stratus_cli.kube.changes import last_change
from stratus_cli.kube.evidence import field_evidence, log_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.graph import Graph
from stratus_cli.kube.known_good import MASK, KnownGoodValues
from stratus_cli.kube.log_lines import is_error
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.pods import Part, parts
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.refused import relying_on
from stratus_cli.kube.scheduling import Placement
from stratus_cli.kube.states import Version
from stratus_cli.kube.whole import as_json, read_whole
from stratus_cli.model.change import ABSENT, FieldEdit, Json
from stratus_cli.model.finding import Evidence, Finding
from stratus_cli.model.objects import KubeObject
from stratus_cli.model.objects_batch import CronJob, Job
from stratus_cli.model.objects_network import Service
from stratus_cli.model.objects_pod import Pod, PodSpec
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

SHOWN_PODS = 2  # evidence of two pods shows that it is not one pod's trouble
SHOWN_LINES = 3  # of a log: where a program says why it ends
READ_LINES = 30  # of a log's end: a stack trace is shorter, and an older error is not why it ended

Explained = tuple[tuple[str, Ref], ...]


@dataclass(frozen=True)
class Faulty:
    """One owner of pods that a rule complains about, with those pods.

    template: the owner's pod spec; prefix: its path below the owner, with a trailing dot.
    """

    owner: KubeObject
    template: PodSpec
    prefix: str
    pods: tuple[Pod, ...]
    findings: tuple[Finding, ...]

    @property
    def ref(self) -> Ref:
        """The owner's ref."""
        return ref_of(self.owner)

    @property
    def workload(self) -> Workload | None:
        """The owner, where it keeps its pods alive."""
        return self.owner if isinstance(self.owner, Workload) else None

    def parts(self) -> Iterator[tuple[str, tuple[tuple[Pod, Part], ...]]]:
        """(path below the pod spec, its parts over all pods), each container once."""
        found: dict[str, list[tuple[Pod, Part]]] = defaultdict(list)
        for pod in self.pods:
            for part in parts(pod):
                found[part.spec_path].append((pod, part))
        for path in sorted(found):
            yield path, tuple(found[path])


@dataclass(frozen=True)
class Case:
    """Findings, the graph they were made on, and what once worked."""

    graph: Graph
    findings: tuple[Finding, ...]
    known_good: KnownGoodValues

    @cached_property
    def _keys(self) -> frozenset[tuple[str, Ref]]:
        return frozenset(finding.key for finding in self.findings)

    @cached_property
    def placement(self) -> Placement:
        """Where pods could be put, evaluated once for all causes."""
        return Placement(self.graph)

    def of_rule(self, *codes: str) -> tuple[Finding, ...]:
        """Findings of these rules, in order."""
        return tuple(finding for finding in self.findings if finding.rule in codes)

    def faulty(self, *codes: str) -> Iterator[Faulty]:
        """The owners whose pods these rules complain about, by ref."""
        pods: dict[Ref, list[tuple[Finding, Pod]]] = defaultdict(list)
        owners: dict[Ref, KubeObject] = {}
        for finding in self.of_rule(*codes):
            pod = self.graph.snap.find(finding.ref)
            if isinstance(pod, Pod):
                owner = self.graph.top_owner(pod)
                owners[ref_of(owner)] = owner
                pods[ref_of(owner)].append((finding, pod))
        for ref in sorted(owners):
            found = sorted(pods[ref], key=lambda item: item[0].ref)
            template, prefix = _template(owners[ref], found[0][1])
            yield Faulty(
                owners[ref],
                template,
                prefix,
                tuple(pod for _, pod in found),
                tuple(finding for finding, _ in found),
            )

    def present(self, candidates: Iterable[tuple[str, Ref]]) -> Explained:
        """Those that are findings, each once, in order."""
        return tuple(key for key in dict.fromkeys(candidates) if key in self._keys)

    def consequences(self, owner: KubeObject) -> Explained:
        """What follows when this owner's pods do not serve: its own state and its Services'."""
        ref = ref_of(owner)
        keys = [("WRK201", ref), ("WRK203", ref)]
        services = self.services(owner)
        keys.extend(("SVC301", ref_of(service)) for service in services)
        keys.extend(relying_on(self.graph, self.findings, services))
        return self.present(keys)

    def services(self, owner: KubeObject) -> tuple[Service, ...]:
        """Services that send traffic to this owner's pods."""
        if isinstance(owner, Workload):
            found: Iterable[Service] = self.graph.services_of(owner)
        elif isinstance(owner, Pod):
            services = self.graph.services_in(owner.metadata.namespace)
            found = (item for item in services if owner in self.graph.selected_pods(item))
        else:
            found = ()
        return tuple(sorted(found, key=lambda item: item.metadata.name))

    def explains(self, faulty: Faulty, pods: Iterable[Pod]) -> Explained:
        """The findings of these pods that made the owner faulty, and what follows from them."""
        refs = {ref_of(pod) for pod in pods}
        keys = [finding.key for finding in faulty.findings if finding.ref in refs]
        return (*keys, *self.consequences(faulty.owner))

    def explains_pod(self, pod: Pod, *more: tuple[str, Ref]) -> Explained:
        """All findings of one pod, what follows from them, and more, as far as they are there."""
        ref = ref_of(pod)
        keys = [finding.key for finding in self.findings if finding.ref == ref]
        return self.present((*keys, *more, *self.consequences(self.graph.top_owner(pod))))

    def facts(self, faulty: Faulty, field: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        """What every runbook about a workload may use, and more."""
        facts: dict[str, Any] = {
            "namespace": faulty.ref.namespace,
            "kind": faulty.ref.kind.lower(),
            "workload": faulty.ref.name,
            **more,
        }
        if ".initContainers[" in f".{field}" and not field.endswith(".image"):
            # Lines that patch `containers` by this name would add a container.
            facts["init_container"] = facts.pop("container", "")
        revision = self.known_good.revision(faulty.workload, field) if faulty.workload else None
        if revision is not None:
            facts["good_revision"] = revision
        return facts

    def field_evidence(self, item: KubeObject, path: str) -> tuple[Evidence, ...]:
        """A field, and who set it, where the API server remembers."""
        evidence = field_evidence(item, path)
        change = last_change(item, path)
        if change is None:
            return (evidence,)
        return (Evidence(evidence.source, evidence.ref, path, evidence.value, change.at),)

    def whole_evidence(self, item: KubeObject, path: str) -> Evidence:
        """A field as it is now, also one that no Struct has, and who set it."""
        value = as_text(read_whole(self.graph.snap, item, path))
        change = last_change(item, path)
        return Evidence("object", ref_of(item), path, value, change.at if change else None)

    def put_back(
        self, item: KubeObject, version: Version, edits: Sequence[FieldEdit]
    ) -> list[dict[str, Any]]:
        """The JSON patch that gives these fields their former values; [] when one is masked."""
        now = as_json(self.graph.snap, item)
        values: dict[str, Json] = {}
        for edit in sorted(edits, key=lambda one: one.before is ABSENT):
            exact = value_at(version.item, edit.path)
            values[edit.path] = edit.before if exact is ABSENT else exact
        patch = put_back(now, values)
        return [] if MASK in str(patch) else patch

    def changed(self, item: KubeObject, path: str) -> dict[str, str]:
        """Who set the field and when, as a fact, where the API server remembers."""
        change = last_change(item, path)
        return {"changed": str(change)} if change else {}

    def logs(self, pod: Pod, container: str) -> tuple[Evidence, ...]:
        """The last errors that a container wrote, else its last lines.

        They are those of the instance that ended, if there is one. A stack trace ends in lines
        that say nothing; the error is above them.
        """
        ref = ref_of(pod)
        tails = [
            tail
            for tail in self.graph.snap.signals.logs
            if tail.pod == ref and tail.container == container
        ]
        if not tails:
            return ()
        tail = max(tails, key=lambda item: (bool(item.lines), item.previous))
        written = [line for line in tail.lines if line.strip()]
        errors = [line for line in written[-READ_LINES:] if is_error(line)]
        return tuple(
            log_evidence(ref, container, previous=tail.previous, line=line)
            for line in (errors or written)[-SHOWN_LINES:]
        )

    def current(
        self, faulty: Faulty, path: str, found: Iterable[tuple[Pod, Part]]
    ) -> tuple[tuple[Pod, Part], ...]:
        """Those whose pod still has what the owner's template says here.

        A pod of an earlier template is no evidence against the present one.
        """
        wanted = read(faulty.template, path)
        return tuple((pod, part) for pod, part in found if read(pod.spec, path) == wanted)


def findings_by_key(findings: Iterable[Finding]) -> Mapping[tuple[str, Ref], Finding]:
    """Each finding by rule and object."""
    return {finding.key: finding for finding in findings}


def _template(owner: KubeObject, pod: Pod) -> tuple[PodSpec, str]:
    if isinstance(owner, Workload | Job):
        return owner.spec.template.spec, "spec.template.spec."
    if isinstance(owner, CronJob):
        return pod.spec, "spec.jobTemplate.spec.template.spec."
    return pod.spec, "spec."
