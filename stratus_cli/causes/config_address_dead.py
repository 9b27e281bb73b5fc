"""A ConfigMap gives its readers an address that no Service answers.

How we know: an address in one of its values names a Service that has no such port, or nearly the
name of one that does, and who reads the value fails: surest when their log complains about that
address; else it must have been edited within the hour.

Known good: the value in a recording or as last applied, where a Service answers it; else the only
port of the Service, or the name that was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from stratus_cli.causes.case import Case, Explained
from stratus_cli.kube.called import Called, addresses, is_dead, misspelt, service_named, was_served
from stratus_cli.kube.config_edits import changed_at, former
from stratus_cli.kube.config_texts import texts_in
from stratus_cli.kube.document import value_in, with_value_in
from stratus_cli.kube.fields import quoted
from stratus_cli.kube.log_facts import LogFact, facts_of_pods
from stratus_cli.kube.log_patterns import CONNECTION
from stratus_cli.kube.references import config_map_readers
from stratus_cli.kube.victims import crashing, hurt
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_config import ConfigMap
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("config-address-dead", "a ConfigMap holds an address that no Service answers")

LATELY = timedelta(hours=1)  # our choice: who looks for a fault looks within the hour
SHOWN = 2


@dataclass(frozen=True)
class Dead:
    """One address. pointer: inside the key's document, "" for a line of it or the whole value."""

    item: ConfigMap
    key: str
    pointer: str
    called: Called

    @property
    def field(self) -> str:
        """Its path below the ConfigMap."""
        return f"data{quoted(self.key)}" + (f"#{self.pointer}" if self.pointer else "")


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per dead address that somebody who fails reads."""
    if not case.findings:
        return
    all_readers = config_map_readers(case.graph)
    for item in sorted(case.graph.snap.of(ConfigMap), key=ref_of):
        readers = all_readers.get((item.metadata.namespace, item.metadata.name), [])
        found = list(_dead(case, item)) if readers else []
        explains = hurt(case.graph, case.findings, readers) if found else ()
        for dead in found if explains else ():
            said = _said(case, readers, dead.called)
            at = changed_at(item, dead.key)
            if said or (at is not None and case.graph.snap.taken_at - at <= LATELY):
                yield _diagnosis(case, dead, readers, explains, said)


def _dead(case: Case, item: ConfigMap) -> Iterator[Dead]:
    for key in sorted(item.data):
        for pointer, text in texts_in(item.data[key]):
            for called in addresses(text, key):
                if is_dead(case.graph, item.metadata.namespace, called):
                    yield Dead(item, key, pointer, called)


def _said(case: Case, readers: list[Workload], called: Called) -> tuple[LogFact, ...]:
    """What the readers' logs say of that address."""
    pods = [ref_of(pod) for workload in readers for pod in case.graph.new_pods_of(workload)]
    return tuple(
        fact
        for fact in facts_of_pods(case.graph.snap, pods, *CONNECTION)
        if fact.said.host == called.host and fact.said.port in (0, called.port)
    )


def _good(case: Case, dead: Dead) -> tuple[str, str, bool] | None:
    """(the text with the right address, who says so, whether it is known to have worked)."""
    space = dead.item.metadata.namespace
    _, data, source = former(dead.item, case.known_good.versions(dead.item))
    before = value_in(data.get(dead.key), dead.pointer) if dead.pointer else data.get(dead.key)
    if isinstance(before, str) and was_served(case.graph, space, dead.called, before):
        return before, source, True
    service = service_named(case.graph, space, dead.called.host)
    if service is not None and len(service.spec.ports) == 1:
        port = service.spec.ports[0].port
        return dead.called.with_port(port), f"the only port of Service {dead.called.host}", False
    meant = misspelt(case.graph, space, dead.called)
    if meant is None:
        return None
    _, dot, rest = dead.called.host.partition(".")
    text = dead.called.with_host(meant.metadata.name + dot + rest)
    return text, f"Service {meant.metadata.name}, whose name is nearly the same", False


def _diagnosis(
    case: Case,
    dead: Dead,
    readers: list[Workload],
    explains: Explained,
    said: tuple[LogFact, ...],
) -> Diagnosis:
    ref, good = ref_of(dead.item), _good(case, dead)
    facts: dict[str, Any] = {"namespace": ref.namespace, "config_map": ref.name, "key": dead.key}
    facts["address"] = f"{dead.called.host}:{dead.called.port}"
    if good is not None:
        facts["source"] = good[1]
        facts |= _written(dead, good[0])
        if hit := crashing(case.graph, readers):
            facts["crashing"] = hit
    follows = (key for workload in readers for key in case.consequences(workload))
    at = changed_at(dead.item, dead.key)
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=ref,
        field=dead.field,
        observed=dead.called.text,
        expected=good[0] if good else None,
        confidence=(0.94 if said else 0.84) if good and good[2] else (0.9 if said else 0.7),
        facts=facts,
        evidence=(
            Evidence("object", ref, dead.field, _seen(dead), at),
            *(fact.evidence for fact in said[:SHOWN]),
        ),
        explains=tuple(dict.fromkeys((*explains, *follows))),
        check=f"from a pod that reads it, connect to {facts['address']}",
    )


def _seen(dead: Dead) -> str:
    """What the field reads: a line has no path of its own, so the whole value stands for it."""
    return dead.called.text if dead.pointer else dead.item.data[dead.key]


def _written(dead: Dead, good: str) -> dict[str, Any]:
    """How the address is put right: the field of the document, and the whole value."""
    text = dead.item.data[dead.key]
    if not dead.pointer:
        line = re.compile(rf"^{re.escape(dead.called.text)}$", re.MULTILINE)
        made = good if good.count("\n") else line.sub(lambda _: good, text, count=1)
        return {"good_text": made}
    path = dead.key.replace("~", "~0").replace("/", "~1")
    facts: dict[str, Any] = {"path": f"/data/{path}#{dead.pointer}", "good_value": good}
    try:
        return facts | {"good_text": with_value_in(text, dead.pointer, good)}
    except ValueError:
        return facts
