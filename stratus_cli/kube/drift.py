"""How an object differs from a state in which it worked: what counts, and what does not.

A state may be whole (a recording, a revision: the server's defaults are in it) or as a person wrote
it (a chart, a file, the last-applied annotation: what it leaves out is the server's default). What
controllers keep in an object, and names without meaning for what runs, are no difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from stratus_cli.kube.diff import diff, same_value
from stratus_cli.kube.fields import segments
from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.paths import may_be_key
from stratus_cli.kube.quantities import parse_quantity
from stratus_cli.kube.server_defaults import BY_SERVER, DEFAULTS, TYPE_DEFAULTS
from stratus_cli.model.change import ABSENT, FieldEdit, Json

AMOUNTS = frozenset(
    {"cpu", "memory", "storage", "ephemeral-storage", "sizeLimit", "pods", "averageValue"}
)
"""Names of quantities: the server writes 1000m as 1."""

BOOKKEEPING = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "kubectl.kubernetes.io/restartedAt",
        "pod-template-hash",
        "controller-revision-hash",
        "pod-template-generation",
        "kubernetes.io/metadata.name",
    }
)


def drift(good: Mapping[str, Any], now: Mapping[str, Any], *, whole: bool) -> tuple[FieldEdit, ...]:
    """Edits from the good state to the present one; before: good, after: now.

    whole: the good state has the server's defaults. Metadata counts only for labels of Namespaces.
    """
    if good.get("kind") != "Namespace" and _content(good) == _content(now):
        return ()  # most objects, and much cheaper than looking closely
    left, right = _comparable(good), _comparable(now)
    return tuple(edit for edit in diff(left, right) if not _agrees_at(edit, whole=whole))


def template_drift(
    good: Mapping[str, Any], now: Mapping[str, Any], *, whole: bool
) -> tuple[FieldEdit, ...]:
    """The edits in the pod spec of a workload's template; paths from the workload."""
    found = drift(_only_template(good, now), _only_template(now, now), whole=whole)
    return tuple(edit for edit in found if edit.path.startswith("spec.template.spec."))


def _only_template(item: Mapping[str, Any], kind_of: Mapping[str, Any]) -> dict[str, Any]:
    spec = item.get("spec")
    template = spec.get("template") if isinstance(spec, Mapping) else None
    pod_spec = template.get("spec") if isinstance(template, Mapping) else None
    return {
        "kind": kind_of.get("kind"),
        "spec": {"template": {"spec": pod_spec if isinstance(pod_spec, Mapping) else {}}},
    }


def _content(item: Mapping[str, Any]) -> dict[str, Any]:
    aside = ("metadata", "status", "apiVersion", "kind")
    return {key: value for key, value in item.items() if key not in aside}


def _comparable(item: Mapping[str, Any]) -> dict[str, Any]:
    """Without metadata that changes nothing, and with nulls and empty values left out."""
    made = normal_form(item)
    meta = made.pop("metadata", None)
    made.pop("apiVersion", None)
    labels = meta.get("labels") if isinstance(meta, dict) else None
    if made.get("kind") == "Namespace" and isinstance(labels, dict):
        kept = {key: value for key, value in labels.items() if key not in BOOKKEEPING}
        made["metadata"] = {"labels": kept}
    pruned = _pruned(made)
    if pruned.get("kind") == "Service":
        _fill_targets(pruned)
    return dict(pruned)


def _fill_targets(service: Mapping[str, Any]) -> None:
    """A target that is left out is the port itself."""
    spec = service.get("spec")
    ports = spec.get("ports") if isinstance(spec, Mapping) else None
    for port in ports if isinstance(ports, list) else ():
        if isinstance(port, dict) and "port" in port:
            port.setdefault("targetPort", port["port"])


def _pruned(node: Json) -> Json:
    """null, {} and [] mean "not set" in every field that is compared here.

    Except below a selector or an env source, where {} selects everything: those are kept.
    """
    if isinstance(node, Mapping):
        if "containerPort" in node or "port" in node:
            node = {"protocol": "TCP", **node}  # part of the key by which ports are told apart
        values = ((key, _pruned(value)) for key, value in node.items())
        return {
            key: value
            for key, value in values
            if value is not None and (value not in ({}, []) or _means_all(key, value))
        }
    if isinstance(node, list):
        return [_pruned(value) for value in node]
    return node


def _means_all(key: str, value: Json) -> bool:
    """An empty podSelector selects every pod, an empty list of rules allows nothing."""
    return key.endswith("elector") or (value == [] and key in ("ingress", "egress", "rules"))


def _agrees_at(edit: FieldEdit, *, whole: bool) -> bool:
    way = segments(edit.path)
    names = [segment for segment in way if isinstance(segment, str)]
    name = names[-1] if names else ""
    if name in BY_SERVER or (names and names[-1] in BOOKKEEPING):
        return True
    if whole:
        return _same(edit.before, edit.after, name)
    return agrees(edit.before, edit.after, name)


def agrees(written: Json, live: Json, name: str = "") -> bool:
    """Whether a live value is what the written one becomes once the server has filled it in."""
    if written is ABSENT:
        return _is_default(name, live)
    if live is ABSENT:
        return _is_default(name, written)
    if isinstance(written, Mapping) and isinstance(live, Mapping):
        keys = [*written, *(key for key in live if key not in written)]
        return all(
            key in BY_SERVER or agrees(written.get(key, ABSENT), live.get(key, ABSENT), key)
            for key in keys
        )
    if isinstance(written, list) and isinstance(live, list):
        pairs = zip(written, live, strict=False)
        return len(written) == len(live) and all(agrees(one, two) for one, two in pairs)
    return _same(written, live, name)


def _same(one: Json, two: Json, name: str) -> bool:
    if one is ABSENT or two is ABSENT:
        return one is two
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(_same(one[key], two[key], key) for key in one)
    if same_value(one, two):
        return True
    is_amount = name.rpartition(".")[2] in AMOUNTS
    if not is_amount or not isinstance(one, str | int) or not isinstance(two, str | int):
        return False
    try:
        return parse_quantity(one) == parse_quantity(two)
    except ValueError:
        return False


def _is_default(name: str, value: Json) -> bool:
    if isinstance(value, Mapping):
        return all(key in BY_SERVER or _is_default(key, part) for key, part in value.items())
    if name == "type":
        return value in TYPE_DEFAULTS
    return any(same_value(value, known) for known in DEFAULTS.get(name, ()))


def telling_words(edit: FieldEdit) -> frozenset[str]:
    """Words by which a log would speak of this change: what is there now, or what is gone."""
    found: set[str] = set()
    value = edit.before if edit.after is ABSENT else edit.after
    _gather_words(value, found)
    way = segments(edit.path)
    found.update(
        part["name"]
        for one, part in pairwise(way)
        if one == "env" and isinstance(part, Mapping) and "name" in part
    )
    return frozenset(word for word in found if len(word) >= SHORTEST_WORD)


def the_variable(edit: FieldEdit) -> str:
    """The edit's path; where all that changed is that env has one variable, that one's."""
    value = edit.before if edit.after is ABSENT else edit.after
    if not edit.path.endswith(".env") or ABSENT not in (edit.before, edit.after):
        return edit.path
    names = [one.get("name") for one in value if isinstance(one, Mapping)] if value else []
    is_one = len(names) == 1 and may_be_key(names[0])
    return f"{edit.path}[name={names[0]}]" if is_one else edit.path


SHORTEST_WORD = 4
"""Shorter ones stand in any text. Our choice: ports above 999 and most names are longer."""
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*[A-Za-z0-9]", re.ASCII)


def _gather_words(value: Json, found: set[str]) -> None:
    if isinstance(value, Mapping):
        for part in value.values():
            _gather_words(part, found)
    elif isinstance(value, list):
        for part in value:
            _gather_words(part, found)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        found.update(_WORD.findall(str(value)))
