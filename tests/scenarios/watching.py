"""Looking at a site with Stratus' own stages, without its command line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from stratus_cli.flow.detect import Detection, detect
from stratus_cli.flow.diagnose import diagnose
from stratus_cli.flow.observe import ScopeRequest, observe
from stratus_cli.kube.graph import Graph
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.objects_pod import Pod
from stratus_cli.model.plan import Plan
from stratus_cli.model.ports import Answer, Ports
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import Snapshot, ref_of
from tests.scenarios.facets import observed
from tests.scenarios.scenario import Scenario
from tests.scenarios.site import Site

VISIBLE_WITHIN_S = 120.0
STILL_S = 1.5


class Nobody:
    """The ports that a reader has no use for: nobody is asked or told, nothing interrupts."""

    requested = False

    def approve(self, plan: Plan, incident: Incident | None) -> Answer:
        """Never: this reader writes nothing."""
        raise AssertionError("a reader was asked to approve a plan")

    def confirm(self, question: str) -> bool:
        """Never: this reader writes nothing."""
        raise AssertionError(f"a reader was asked: {question}")

    def stage(self, name: str) -> None:
        """Not told."""

    def note(self, text: str) -> None:
        """Not told."""

    def waiting(self, what: str, elapsed_s: float, limit_s: float) -> None:
        """Not told."""


@dataclass(frozen=True)
class Sight:
    """One look at a site."""

    detection: Detection
    recording: Snapshot | None

    @property
    def snap(self) -> Snapshot:
        """What was read."""
        return self.detection.snap

    @cached_property
    def incidents(self) -> tuple[Incident, ...]:
        """What diagnosis makes of it."""
        return diagnose(self.detection, recording=self.recording)

    @property
    def findings(self) -> frozenset[tuple[str, str]]:
        """(rule, "Kind/name"), a pod's findings under its owner."""
        graph = self.detection.graph
        return frozenset((item.rule, folded(graph, item.ref)) for item in self.detection.findings)


def folded(graph: Graph, ref: Ref) -> str:
    """ "Kind/name" of the object, or of the top owner of a pod or ReplicaSet."""
    item = graph.snap.find(ref)
    if isinstance(item, Pod):
        ref = ref_of(graph.top_owner(item))
    return ref.short


def look(site: Site, *, recording: Snapshot | None = None) -> Sight:
    """Observe and detect."""
    return Sight(detect(snapshot(site)), recording)


def snapshot(site: Site) -> Snapshot:
    """Observe one namespace."""
    nobody = Nobody()
    ports = Ports(site.cluster, site.clock, nobody, nobody, nobody, who="test")
    return observe(ports, ScopeRequest((site.namespace,)))


def wait_for_symptoms(
    site: Site, scenario: Scenario, *, recording: Snapshot | None = None
) -> Sight:
    """Until every symptom shows."""
    wanted = frozenset(scenario.symptoms)
    seen: list[Sight] = []

    def is_visible() -> bool:
        seen.append(look(site, recording=recording))
        return wanted <= seen[-1].findings

    def shown() -> str:
        return f"{sorted(wanted)}, but {sorted(seen[-1].findings)}"

    site.until(is_visible, shown, VISIBLE_WITHIN_S)
    return seen[-1]


def wait_until_still(site: Site, *, recording: Snapshot | None = None) -> Sight:
    """Until no pod is on its way out and nothing that is compared changes for STILL_S."""
    seen: list[Sight] = []
    since = site.clock.monotonic()

    def is_still() -> bool:
        nonlocal since
        seen.append(look(site, recording=recording))
        now = site.clock.monotonic()
        if any(pod.metadata.deletion_timestamp for pod in seen[-1].snap.of(Pod)) or (
            len(seen) > 1 and _compared(seen[-1]) != _compared(seen[-2])
        ):
            since = now
        return now - since >= STILL_S

    site.until(is_still, lambda: "still", VISIBLE_WITHIN_S)
    return seen[-1]


def _compared(sight: Sight) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    return observed(sight.snap), sight.findings
