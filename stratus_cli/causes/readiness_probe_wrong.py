"""A readiness probe asks for something that the container does not serve.

How we know: the container runs without restarts, never becomes ready, and its readiness probe is
refused, or gets 404, or goes to a port that the container does not declare. It is sure when the
probe differs from the one that worked. An answer of 5xx means that the program itself says it is
not ready: then the probe is right, and the confidence low.

Known good: the probe of an earlier revision, a recording, or what was last applied; else the only
port that the container declares, the path of its liveness probe when that passes, or the scheme
that the server answers with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Any

from stratus_cli.causes.case import SHOWN_PODS, Case, Faulty
from stratus_cli.kube.evidence import event_evidence, field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.left_out import means_the_same
from stratus_cli.kube.pods import Part, is_overdue, newest_event
from stratus_cli.kube.probes import TARGETS
from stratus_cli.kube.put_back import put_back
from stratus_cli.kube.whole import as_json
from stratus_cli.model.change import ABSENT, Json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.objects import Event
from stratus_cli.model.objects_pod import Container, Pod

META = CauseMeta("readiness-probe-wrong", "the readiness probe asks for what is not served")

# Go's http client, in kubelet's event.
WRONG_SCHEME = re.compile(
    r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake"
    r"|malformed HTTP response|Client sent an HTTP request to an HTTPS server"
)
STATUS = re.compile(r"statuscode: (\d{3})")
FIELDS = TARGETS
SIMPLE = ("httpGet.port", "httpGet.path", "tcpSocket.port")  # what one strategic patch sets


@dataclass(frozen=True, slots=True)
class Wrong:
    """Which field of the probe, what it should be (None: not known), and who says so.

    back: the fields that were different when it worked, all of them, where there is a history.
    """

    name: str
    expected: Any
    source: str
    confidence: float
    back: Mapping[str, Json] = default(default_factory=dict)


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per container whose readiness probe fails while it runs."""
    for faulty in case.faulty("POD106"):
        for path, found in faulty.parts():
            probe = f"{path}.readinessProbe"
            unready = [(pod, part) for pod, part in found if is_overdue(case.graph, pod, part)]
            for name in FIELDS:
                unready = list(case.current(faulty, f"{probe}.{name}", unready))
            if unready and read(faulty.template, probe) is not ABSENT:
                yield from _diagnoses(case, faulty, path, unready)


def _diagnoses(
    case: Case, faulty: Faulty, path: str, unready: list[tuple[Pod, Part]]
) -> Iterator[Diagnosis]:
    failures = [(pod, _failure(case, pod)) for pod, _ in unready]
    wrong = _changed(case, faulty, path) or _guess(
        case, faulty, path, unready[0][1].container, [event for _, event in failures if event]
    )
    if wrong is None:
        return
    field = f"{faulty.prefix}{path}.readinessProbe.{wrong.name}"
    facts = case.facts(faulty, field, container=unready[0][1].status.name)
    if wrong.back and not set(wrong.back) <= set(SIMPLE):
        facts |= {"source": wrong.source, **_whole(case, faulty, path, wrong.back)}
    elif wrong.expected is not None:
        facts |= {"source": wrong.source, **_probe_facts(case, faulty, path, wrong)}
    evidence = [*case.field_evidence(faulty.owner, field)]
    for (pod, part), (_, event) in list(zip(unready, failures, strict=True))[:SHOWN_PODS]:
        evidence.append(field_evidence(pod, f"{part.status_path}.ready"))
        if event is not None:
            evidence.append(event_evidence(pod, event))
    yield Diagnosis(
        cause=META.id,
        title=META.title,
        root=faulty.ref,
        field=field,
        observed=as_text(read(faulty.owner, field)),
        expected=_shown(wrong),
        confidence=wrong.confidence,
        facts=facts | case.changed(faulty.owner, field),
        evidence=tuple(evidence),
        explains=case.explains(faulty, (pod for pod, _ in unready)),
        check="ask the pod for the probe's port and path through kubectl port-forward",
    )


def _changed(case: Case, faulty: Faulty, path: str) -> Wrong | None:
    """The field of the probe that differs from the one that worked."""
    if faulty.workload is None:
        return None
    back: dict[str, Json] = {}
    source = ""
    for name in FIELDS:
        good = case.known_good.workload_field(
            faulty.workload, f"{faulty.prefix}{path}.readinessProbe.{name}"
        )
        present = read(faulty.template, f"{path}.readinessProbe.{name}")
        if good and not means_the_same(name, good[0].value, present):
            back[name] = good[0].value
            source = source or good[0].source
    set_now = [
        name
        for name in back
        if read(faulty.template, f"{path}.readinessProbe.{name}") is not ABSENT
    ]
    name = next(iter((*set_now, *back)), "")
    return Wrong(name, back[name], source, 0.93, back) if name else None


def _guess(
    case: Case, faulty: Faulty, path: str, container: Container, failures: list[Event]
) -> Wrong | None:
    """What the probe's own answers and the container's other fields say."""
    kind = "tcpSocket" if read(faulty.template, f"{path}.readinessProbe.tcpSocket.port") else ""
    if read(faulty.template, f"{path}.readinessProbe.httpGet.port") is not ABSENT:
        kind = "httpGet"
    if kind not in ("httpGet", "tcpSocket"):
        return None
    port = read(faulty.template, f"{path}.readinessProbe.{kind}.port")
    declared = [item.container_port for item in container.ports]
    names = [item.name for item in container.ports]
    if declared and port not in declared and port not in names:
        only = declared[0] if len(declared) == 1 else None
        return Wrong(f"{kind}.port", only, "the only port that the container declares", 0.8)
    said = " ".join(event.message for event in failures)
    if isinstance(port, str) and port not in names:
        only = declared[0] if len(declared) == 1 else None
        return Wrong(f"{kind}.port", only, "the only port that the container declares", 0.85)
    if WRONG_SCHEME.search(said) and kind == "httpGet":
        asked = read(faulty.template, f"{path}.readinessProbe.httpGet.scheme")
        right = "HTTP" if asked == "HTTPS" else "HTTPS"
        back = {"httpGet.scheme": right}
        return Wrong("httpGet.scheme", right, "what the server answers", 0.88, back)
    status = STATUS.search(said)
    if status and status.group(1) == "404":
        live = container.liveness_probe.http_get if container.liveness_probe else None
        asked = read(faulty.template, f"{path}.readinessProbe.httpGet.path")
        other = live.path if live and live.path != asked else None
        return Wrong("httpGet.path", other, "the container's liveness probe, which passes", 0.75)
    if status:
        return Wrong("httpGet.path", None, "", 0.15)
    if "connection refused" in said:
        return Wrong(f"{kind}.port", None, "", 0.45)
    return Wrong(f"{kind}.port", None, "", 0.2)


def _shown(wrong: Wrong) -> str | None:
    if wrong.expected is None:
        return "(absent)" if wrong.back else None
    return as_text(wrong.expected)


def _whole(
    case: Case, faulty: Faulty, path: str, back: Mapping[str, Json]
) -> dict[str, list[dict[str, Any]]]:
    """All changed fields as one JSON patch. A probe has one handler: another goes as a whole."""
    probe = f"{faulty.prefix}{path}.readinessProbe"
    kept = {name.partition(".")[0] for name, value in back.items() if value is not None}
    values: dict[str, Json] = {}
    for name, value in back.items():
        kind = name.partition(".")[0]
        if value is None and kept and kind not in kept:
            values[f"{probe}.{kind}"] = None
        else:
            values[f"{probe}.{name}"] = value
    return {"put_back": put_back(as_json(case.graph.snap, faulty.owner), values)}


def _probe_facts(case: Case, faulty: Faulty, path: str, wrong: Wrong) -> dict[str, Any]:
    """The whole target of the probe as it should be, so that one line sets it."""
    kind = wrong.name.partition(".")[0]
    facts: dict[str, Any] = {}
    if kind == "httpGet":
        for part in ("port", "path"):
            facts[f"good_probe_{part}"] = _good(case, faulty, path, f"{kind}.{part}", wrong)
        return {key: value for key, value in facts.items() if value is not None}
    if kind == "tcpSocket":
        return {"good_probe_tcp_port": wrong.expected}
    return {}


def _good(case: Case, faulty: Faulty, path: str, name: str, wrong: Wrong) -> Any:  # noqa: ANN401  # JSON
    if name == wrong.name:
        return wrong.expected
    field = f"{faulty.prefix}{path}.readinessProbe.{name}"
    good = case.known_good.workload_field(faulty.workload, field) if faulty.workload else ()
    present = read(faulty.template, f"{path}.readinessProbe.{name}")
    return good[0].value if good else (None if present is ABSENT else present)


def _failure(case: Case, pod: Pod) -> Event | None:
    event = newest_event(case.graph, pod, "Unhealthy")
    return event if event is not None and "Readiness probe" in event.message else None
