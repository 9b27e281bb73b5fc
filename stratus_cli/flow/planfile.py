"""A plan as a file that a reviewer reads and `mitigate --plan` executes; and its digest.

For each step the file holds only the fields that change (kube.skeleton), so that no value which
the change does not touch leaves the cluster. Execution reads the objects again anyway.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from stratus_cli.kube.by_hand import inverse_of
from stratus_cli.kube.diff import diff
from stratus_cli.kube.normal import normal_form
from stratus_cli.kube.pre_image import given_values
from stratus_cli.kube.seals import is_sealed
from stratus_cli.kube.skeleton import skeleton
from stratus_cli.model.change import Absent, Change, Reversibility
from stratus_cli.model.errors import PlanRefused
from stratus_cli.model.plan import Plan, Risk, Step
from stratus_cli.model.ref import ClusterIdentity, Ref

SCHEMA = "stratus/plan/v1"
VALUELESS = "a plan file may not carry a Secret's value"
AGAIN = "Make a new one: stratus plan --out FILE"

Json = Any
Document = dict[str, Any]


def body(plan: Plan) -> Document:
    """The plan as plain JSON, its digest left out. Also what the journal keeps of it."""
    return {
        "schema": SCHEMA,
        "id": plan.id,
        "title": plan.title,
        "cluster": {
            "uid": plan.cluster.uid,
            "context": plan.cluster.context,
            "server": plan.cluster.server,
            "user": plan.cluster.user,
            "version": plan.cluster.version,
        },
        "created_at": _time(plan.created_at),
        "expires_at": _time(plan.expires_at),
        "risk": plan.risk.value,
        "success": plan.success,
        "incident": plan.incident,
        "runbook": plan.runbook,
        "candidate": plan.candidate,
        "because": list(plan.sources),
        "notes": list(plan.notes),
        "targets": [str(ref) for ref in plan.targets],
        "roots": [{"rule": rule, "ref": str(ref)} for rule, ref in plan.roots],
        "blast_radius": [str(ref) for ref in plan.blast_radius],
        "stops": [str(ref) for ref in plan.stops],
        "steps": [_step(step) for step in plan.steps],
    }


def document(plan: Plan) -> Document:
    """What the file holds: the body, and the digest last."""
    return {**body(plan), "digest": digest_of(plan)}


def digest_of(plan: Plan) -> str:
    """sha256 over the body, in hex: what a reviewer approves."""
    text = json.dumps(body(plan), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def dump(plan: Plan) -> str:
    """The file's text (YAML), readable from the top; its schema is plan.schema.json.

    PlanRefused for a plan that needs a Secret's value which only this process knows.
    """
    import yaml

    for step in plan.steps:
        given = given_values(step.change)
        if given:
            raise PlanRefused(
                VALUELESS,
                f"{step.change.ref}: {', '.join(given)}",
                "Such a plan is executed where it is made: stratus run, answer e.",
            )
    text: str = yaml.safe_dump(document(plan), sort_keys=False, allow_unicode=True, width=100)
    return text


def load(text: str) -> Plan:
    """The plan in a file's text. PlanRefused when it is none, or was edited."""
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise PlanRefused("the plan file is not YAML", "", AGAIN) from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise PlanRefused(f"this is not a plan of schema {SCHEMA}", "", AGAIN)
    claimed = content.pop("digest", "")
    try:
        plan = from_body(content)
        edited = content != body(plan) or claimed != digest_of(plan)
    except (LookupError, TypeError, ValueError, AttributeError, msgspec.MsgspecError) as error:
        raise PlanRefused(f"the plan is incomplete or malformed ({error})", "", AGAIN) from error
    for step in plan.steps:
        change = step.change
        if change.ref.kind == "Secret" and not (
            is_sealed(change.before) and is_sealed(change.after)
        ):
            raise PlanRefused(VALUELESS, str(change.ref), AGAIN)
    if edited:
        raise PlanRefused("the plan was edited after it was made: its digest differs", "", AGAIN)
    return plan


def from_body(content: Mapping[str, Any]) -> Plan:
    """The plan from its body. KeyError, TypeError or ValueError when something is missing."""
    cluster = content["cluster"]
    return Plan(
        id=content["id"],
        incident=content["incident"],
        title=content["title"],
        runbook=content["runbook"],
        candidate=content["candidate"],
        cluster=ClusterIdentity(**{key: str(value) for key, value in cluster.items()}),
        steps=tuple(_from_step(step) for step in content["steps"]),
        targets=tuple(Ref.parse(text) for text in content["targets"]),
        roots=tuple((item["rule"], Ref.parse(item["ref"])) for item in content["roots"]),
        blast_radius=tuple(Ref.parse(text) for text in content["blast_radius"]),
        risk=Risk(content["risk"]),
        success=content["success"],
        created_at=_moment(content["created_at"]),
        expires_at=_moment(content["expires_at"]),
        notes=tuple(content["notes"]),
        stops=tuple(Ref.parse(text) for text in content["stops"]),
        sources=tuple(content["because"]),
    )


def check_cluster(plan: Plan, identity: ClusterIdentity) -> None:
    """PlanRefused when the plan is for another cluster than this one."""
    if plan.cluster.uid != identity.uid:
        raise PlanRefused(
            "the plan is for another cluster",
            f"made for {plan.cluster.context} ({plan.cluster.uid}), this is {identity.context}"
            f" ({identity.uid})",
            f"Nothing was written. Use --context {plan.cluster.context}, or make a new plan.",
        )


def check_time(plan: Plan, now: datetime) -> None:
    """PlanRefused when the plan has expired."""
    if now > plan.expires_at:
        raise PlanRefused(
            "the plan has expired",
            f"{plan.id}, valid until {plan.expires_at:%Y-%m-%d %H:%M:%S} UTC",
            f"Nothing was written. {AGAIN}",
        )


def _step(step: Step) -> Document:
    change = step.change
    before, after = change.before, change.after
    content: Document = {
        "kubectl": step.kubectl,
        "inverse": inverse_of(change),
        "operation": change.operation,
        "ref": str(change.ref),
        "api_version": change.ref.api_version,
        "uid": step.uid,
        "reversibility": change.reversibility.value,
        **({"via": change.via} if change.via else {}),
        "depends": list(step.depends),
        "depends_digest": step.digest,
        "confirmed": step.confirmed,
        "unconfirmed": step.unconfirmed,
    }
    if before is None or after is None:
        content["before"] = None if before is None else normal_form(before)
        content["after"] = None if after is None else normal_form(after)
        return content
    edits = diff(before, after)
    paths = [edit.path for edit in edits]
    if change.ref.kind == "Secret":
        paths.append("metadata.resourceVersion")  # see flow.resealing
    content["diff"] = [
        {
            "field": edit.path,
            **({} if isinstance(edit.before, Absent) else {"before": edit.before}),
            **({} if isinstance(edit.after, Absent) else {"after": edit.after}),
        }
        for edit in edits
    ]
    content["before"] = skeleton(before, paths)
    content["after"] = skeleton(after, paths)
    return content


def _from_step(content: Mapping[str, Any]) -> Step:
    plain = Ref.parse(content["ref"])
    ref = Ref(plain.kind, plain.namespace, plain.name, content["api_version"], content["uid"])
    change = Change(
        ref,
        content["before"],
        content["after"],
        Reversibility(content["reversibility"]),
        str(content.get("via", "")),
    )
    return Step(
        kubectl=content["kubectl"],
        change=change,
        depends=tuple(content["depends"]),
        digest=content["depends_digest"],
        uid=content["uid"],
        confirmed=bool(content["confirmed"]),
        unconfirmed=content["unconfirmed"],
    )


def _time(at: datetime) -> str:
    text: str = msgspec.to_builtins(at)
    return text


def _moment(text: Json) -> datetime:
    return msgspec.convert(text, datetime)
