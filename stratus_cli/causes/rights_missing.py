"""A ServiceAccount lost a right that its workload needs.

How we know: the API server's refusal in a log or event, or an object that waits to be deleted by a
controller that may no longer change it, and the roles and bindings that are there agree. The root
is the role that lost the rule; the role that a binding names and that is not there; or the binding,
where nothing gives the account anything.

Known good: the rules, role or binding in a recording, a release or as last applied. Otherwise
exactly the missing right is added to the role that is bound to the account already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from stratus_cli.causes.case import Case
from stratus_cli.kube.accused import accused_by_traffic
from stratus_cli.kube.denials import Denial, denials, waiting_for_rights, was_edited
from stratus_cli.kube.evidence import absent_evidence, field_evidence
from stratus_cli.kube.fields import as_text, read
from stratus_cli.kube.lost_rights import lost_binding, misdirected, unbound_role
from stratus_cli.kube.rbac import Asked, Grant, allows, reaches, roles_of, with_rule
from stratus_cli.kube.whole import as_json
from stratus_cli.model.diagnosis import CauseMeta, Diagnosis, KnownGood
from stratus_cli.model.finding import Evidence
from stratus_cli.model.objects_rbac import BindingObject, PolicyRule, RoleObject
from stratus_cli.model.objects_workload import Workload
from stratus_cli.model.ref import Ref
from stratus_cli.model.snapshot import ref_of

META = CauseMeta("rights-missing", "a ServiceAccount may not do what its workload needs")
FIELD = "rules"
SHOWS_IN = ("POD101", "POD106", "POD107", "POD108")
RBAC = "rbac.authorization.k8s.io/v1"


def diagnose(case: Case) -> Iterator[Diagnosis]:
    """One per account."""
    by_account: dict[tuple[str, str], list[Denial]] = defaultdict(list)
    for item in (*denials(case.graph), *waiting_for_rights(case.graph)):
        by_account[(item.namespace, item.account)].append(item)
    for space, account in sorted(by_account):
        yield _diagnosis(case, space, account, by_account[(space, account)])


def _diagnosis(case: Case, space: str, account: str, found: list[Denial]) -> Diagnosis:
    asked = [item.asked for item in found]
    grants = [
        grant
        for grant in roles_of(case.graph, space, account)
        if any(reaches(grant.binding, item.namespace) for item in asked)
    ]
    present = [grant.role for grant in grants if grant.role is not None]
    role = next((item.role for item in found if item.role is not None), None)
    gone = next((grant for grant in grants if grant.role is None), None)
    if role is None and present and gone is None:
        role = _weakened(case, present, asked)
    if role is not None:
        return _of_role(case, role, found)
    if gone is not None:
        return _of_missing_role(case, gone, found)
    return _of_binding(case, space, account, found)


def _weakened(case: Case, roles: list[RoleObject], asked: list[Asked]) -> RoleObject:
    """The role that once allowed it; else the one that was edited; else the closest."""
    return max(
        roles,
        key=lambda role: (
            _good_rules(case, role, asked) is not None,
            was_edited(role),
            role.KIND == "Role",
            any(item.resource in rule.resources for rule in role.rules or () for item in asked),
            role.metadata.name,
        ),
    )


def _of_role(case: Case, role: RoleObject, found: list[Denial]) -> Diagnosis:
    asked = [item.asked for item in found]
    good = _good_rules(case, role, asked)
    rules: list[dict[str, Any]] = list(as_json(case.graph.snap, role).get(FIELD) or ())
    for item in asked:
        rules = with_rule(rules, item)
    facts: dict[str, object] = {
        "role_kind": role.KIND.lower(),
        "role": role.metadata.name,
        "role_namespace": role.metadata.namespace or "default",  # of a ClusterRole it is ignored
    }
    if role.metadata.labels.get("kubernetes.io/bootstrapping") is None:
        facts["good_rules" if good else "more_rules"] = good.value if good else rules
        facts["source"] = good.source if good else "what was refused"
    return _made(
        case,
        found,
        root=ref_of(role),
        field=FIELD,
        observed=as_text(read(role, FIELD)),
        expected=as_text(good.value if good else rules),
        confidence=0.97 if good else 0.92 if was_edited(role) else 0.8,
        facts=facts | case.changed(role, FIELD),
        evidence=case.field_evidence(role, FIELD),
    )


def _of_missing_role(case: Case, grant: Grant, found: list[Denial]) -> Diagnosis:
    kind, name = grant.binding.role_ref.kind, grant.binding.role_ref.name
    space = "" if kind == "ClusterRole" else grant.binding.metadata.namespace
    ref = Ref(kind, space, name, RBAC)
    good = case.known_good.object(ref)
    rules: list[dict[str, Any]] = []
    for item in found:
        rules = with_rule(rules, item.asked)
    meta = {"name": name} | ({"namespace": space} if space else {})
    manifest = {"apiVersion": RBAC, "kind": kind, "metadata": meta, "rules": rules}
    binding = grant.binding
    return _made(
        case,
        found,
        root=ref,
        field="",
        observed="(absent)",
        expected=f"as in the {good.source}" if good else as_text(rules),
        confidence=0.96,
        facts={
            "manifest": good.value if good else manifest,
            "source": good.source if good else f"{binding.KIND} {binding.metadata.name} names it",
            "namespace": space or binding.metadata.namespace or "default",
        },
        evidence=(absent_evidence(ref), field_evidence(binding, "roleRef.name")),
    )


def _of_binding(case: Case, space: str, account: str, found: list[Denial]) -> Diagnosis:
    asked = [item.asked for item in found]
    other = misdirected(case.graph, case.known_good, space, account, asked)
    if other is not None:
        return _of_subjects(case, other, (space, account), found)
    known = lost_binding(case.graph, case.known_good, space, account)
    role = unbound_role(case.graph, space, account, asked)
    target = asked[0].namespace or space
    ref, manifest, source = Ref("RoleBinding", target, account, RBAC), None, ""
    if known is not None:
        ref, manifest, source = known.ref, known.manifest, known.source
    elif role is not None:
        ref = Ref("RoleBinding", role.metadata.namespace, role.metadata.name, RBAC)
        manifest = _binding(ref, role, space, account)
        source = f"{role.KIND} {role.metadata.name} allows it and is bound to nobody"
    facts: dict[str, object] = {"namespace": ref.namespace or "default", "account": account}
    if manifest is not None:
        facts |= {"manifest": manifest, "source": source}
    return _made(
        case,
        found,
        root=ref,
        field="",
        observed="(absent)",
        expected=f"{ref.kind} for {account}" if manifest is not None else None,
        confidence=0.95 if known else 0.85 if role is not None else 0.5,
        facts=facts,
        evidence=(absent_evidence(ref),),
    )


def _of_subjects(
    case: Case, other: tuple[BindingObject, str], who: tuple[str, str], found: list[Denial]
) -> Diagnosis:
    """A binding that gives the right to others than the account."""
    binding, source = other
    subject = {"kind": "ServiceAccount", "name": who[1], "namespace": who[0]}
    present = list(as_json(case.graph.snap, binding).get("subjects") or ())
    goods = case.known_good.object_field(binding, "subjects")
    subjects = goods[0].value if goods else [subject]
    return _made(
        case,
        found,
        root=ref_of(binding),
        field="subjects",
        observed=as_text(present),
        expected=as_text(subjects),
        confidence=0.96 if goods else 0.85,
        facts={
            "binding_kind": binding.KIND.lower(),
            "binding": binding.metadata.name,
            "binding_namespace": binding.metadata.namespace or "default",
            "good_subjects": subjects,
            "source": source,
            **case.changed(binding, "subjects"),
        },
        evidence=case.field_evidence(binding, "subjects"),
    )


def _binding(ref: Ref, role: RoleObject, space: str, account: str) -> dict[str, Any]:
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": role.KIND,
            "name": role.metadata.name,
        },
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": space}],
    }


def _good_rules(case: Case, role: RoleObject, asked: list[Asked]) -> KnownGood | None:
    """Earlier rules that allow all of it."""
    for good in case.known_good.object_field(role, FIELD):
        try:
            rules = msgspec.convert(good.value or [], tuple[PolicyRule, ...])
        except msgspec.ValidationError:
            continue
        if all(any(allows(rule, item) for rule in rules) for item in asked):
            return good
    return None


def _made(
    case: Case,
    found: list[Denial],
    *,
    root: Ref,
    field: str,
    observed: str,
    expected: str | None,
    confidence: float,
    facts: dict[str, object],
    evidence: tuple[Evidence, ...],
) -> Diagnosis:
    asked = found[0].asked
    return Diagnosis(
        cause=META.id,
        title=META.title,
        root=root,
        field=field,
        observed=observed,
        expected=expected,
        confidence=confidence,
        facts=facts | {"account": found[0].account},
        evidence=(*evidence, *(piece for item in found[:2] for piece in item.evidence)),
        explains=_explains(case, found),
        check=f"kubectl auth can-i {asked.verb} {asked.resource}"
        f" --as=system:serviceaccount:{found[0].namespace}:{found[0].account}",
    )


def _explains(case: Case, found: list[Denial]) -> tuple[tuple[str, Ref], ...]:
    keys: list[tuple[str, Ref]] = []
    for item in found:
        ref = ref_of(item.about)
        keys += [("CTL801", ref), ("CTL802", ref)]
        if not isinstance(item.about, Workload):
            keys.extend((code, ref) for code in SHOWS_IN)
            continue
        for pod in case.graph.pods_of(item.about):
            keys.extend((code, ref_of(pod)) for code in SHOWS_IN)
        accused = accused_by_traffic(case.graph, case.findings, item.about)
        keys.extend(finding.key for finding in accused)
        keys.extend(case.consequences(item.about))
    return case.present(keys)
