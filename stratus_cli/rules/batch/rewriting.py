"""BAT904 rewriting: a CronJob's runs write to an object, and what rests on it fails.

Why it hurts: who repairs the object sees it broken again at the next run.

How we tell: pods of a workload fail, or a Service has no endpoints; it, or a ConfigMap that the
pods read, was last written when a run of the CronJob was due; the CronJob's program names that
object, and its ServiceAccount may patch or update it.

Not this when: all is well; the CronJob is suspended; what it wrote were annotations, as a nightly
restart does; its account may not write there; it parks workloads (they are at zero).

First look: `kubectl get deployment --show-managed-fields -o yaml`: who wrote which field, and when.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratus_cli.kube.actors import Actor, Target, actors, failing_targets
from stratus_cli.kube.evidence import field_evidence
from stratus_cli.kube.graph import Graph
from stratus_cli.model.finding import Confidence, Finding, RuleMeta, Severity
from stratus_cli.model.snapshot import ref_of

META = RuleMeta("BAT904", "rewriting", Severity.DEGRADED, needs=("Pod", "CronJob", "Deployment"))

SHOWN = 3


def check(graph: Graph) -> Iterator[Finding]:
    """One finding per object that is written."""
    for target, _ in failing_targets(graph):
        written = list(actors(graph, target))
        if written:
            yield _finding(target, written)


def _finding(target: Target, written: list[Actor]) -> Finding:
    names = dict.fromkeys(f"CronJob {it.cron_job.metadata.name}" for it in written)
    fields = dict.fromkeys(field for it in written for field in it.fields)
    sure = all(item.permitted for item in written)
    return META.finding(
        ref_of(target),
        f"{', '.join(names)} writes its {', '.join(list(fields)[:SHOWN])}, and it fails",
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        evidence=tuple(
            field_evidence(item.cron_job, path)
            for item in written[:SHOWN]
            for path in (item.place, "spec.schedule")
        ),
    )
