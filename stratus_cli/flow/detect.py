"""Detection: every rule over one snapshot. What could not be read is a Skip, never silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stratus_cli import rules
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Finding, RuleMeta, Skip
from stratus_cli.model.snapshot import Gap, Snapshot, in_order


@dataclass(frozen=True)
class Detection:
    """What the rules saw. findings: worst first, then by object and rule."""

    graph: Graph
    findings: tuple[Finding, ...]
    skips: tuple[Skip, ...]

    @property
    def snap(self) -> Snapshot:
        """The snapshot all of it rests on."""
        return self.graph.snap


def detect(snap: Snapshot) -> Detection:
    """Run every rule that could read what it needs."""
    snap = in_order(snap)
    graph = Graph(snap)
    findings: list[Finding] = []
    skips: list[Skip] = []
    for rule in rules.ALL:
        gaps = _gaps(rule.META, snap)
        skips.extend(_skips(rule.META, gaps))
        if any(not gap.namespace for gap in gaps):
            continue
        unread = {gap.namespace for gap in gaps}
        findings.extend(
            finding for finding in rule.check(graph) if finding.ref.namespace not in unread
        )
    return Detection(graph, tuple(sorted(findings, key=_order)), tuple(skips))


def _gaps(meta: RuleMeta, snap: Snapshot) -> list[Gap]:
    return [gap for gap in snap.gaps if gap.subject in meta.needs]


def _skips(meta: RuleMeta, gaps: list[Gap]) -> Iterator[Skip]:
    for gap in gaps:
        where = f" in namespace {gap.namespace}" if gap.namespace else ""
        detail = f" ({gap.detail})" if gap.detail else ""
        yield Skip(meta.code, f"{gap.subject} not read{where}: {gap.reason.value}{detail}")


def _order(finding: Finding) -> tuple[int, str, str]:
    return (-finding.severity, str(finding.ref), finding.rule)
