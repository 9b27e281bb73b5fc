"""The server's own word on a step before it is made: dry runs, also of a pod of a new template.

Nothing here is kept by the server. What cannot be asked is said, not assumed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from stratus_cli.actions.base import Prepared
from stratus_cli.kube.diff import apply_edits, diff
from stratus_cli.kube.kinds import WORKLOADS
from stratus_cli.kube.paths import value_at
from stratus_cli.model.change import EVICTION, ORPHAN, Change
from stratus_cli.model.errors import (
    ClusterAnswer,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    Invalid,
    Refused,
    RequestTimeout,
    StratusError,
)
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ports import Cluster
from stratus_cli.model.ref import Ref

TEMPLATE = "spec.template"
SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
EXCEEDED = "exceeded quota"
NO_DRY_RUN = "does not support dry run"  # admission.k8s.io, of a webhook with side effects
REFUSING = (400, 403, 404, 409, 422)  # of these the real request gets the same
ATTEMPTS_ON_CONFLICT = 3


def confirm(prepared: Prepared, cluster: Cluster, *, depends_on_earlier: bool) -> str | Refusal:
    """ "" when the server would take it; why it was not asked; or what it would refuse."""
    if depends_on_earlier:
        return "an earlier step changes the same object"
    change = prepared.change
    verb = change.verb
    try:
        if cluster.allowed(verb, change.ref) is False:
            return Refusal(
                "permission",
                f"you may not {verb} {change.ref}",
                f"ask for the verb {verb} on {change.ref.kind} in {change.ref.namespace or 'all'}",
            )
        _dry_run(change, cluster)
        return _pod_of_template(change, cluster)
    except Refused as error:
        return error.what
    except ClusterUnreachable:
        raise
    except RequestTimeout as error:
        return f"the dry run had no answer ({error.what})"
    except ClusterAnswer as error:
        if NO_DRY_RUN in error.what or error.status not in REFUSING:
            return f"the dry run failed ({error.what})"
        return Refusal("dry run", f"the server would refuse it: {error.what}", error.hint)


def fresh(item: Mapping[str, Any]) -> dict[str, Any]:
    """A complete object without what the server fills in, as it can be created anew."""
    made = copy.deepcopy(dict(item))
    made.pop("status", None)
    for name in SERVER_FIELDS:
        made["metadata"].pop(name, None)
    return made


def _dry_run(change: Change, cluster: Cluster) -> None:
    if change.after is None:
        uid = str((change.before or {}).get("metadata", {}).get("uid", ""))
        evict = change.via == EVICTION
        orphan = change.via == ORPHAN
        cluster.delete(change.ref, uid=uid, orphan=orphan, evict=evict, dry_run=True)
    elif change.before is None:
        cluster.create(change.after, dry_run=True)
    else:
        _dry_run_update(change.before, change.after, change.ref, cluster)


def _dry_run_update(
    before: Mapping[str, Any], after: Mapping[str, Any], ref: Ref, cluster: Cluster
) -> None:
    """On a fresh read when the object moved, which each status update makes it do."""
    for _ in range(ATTEMPTS_ON_CONFLICT):
        try:
            cluster.replace(after, dry_run=True)
            return
        except Conflict:
            live = cluster.get(ref)
            if live is None:
                raise
            after = apply_edits(live, diff(before, after))
            before = live
    cluster.replace(after, dry_run=True)


def _pod_of_template(change: Change, cluster: Cluster) -> str | Refusal:
    """Quota, PodSecurity, LimitRange and pod webhooks refuse pods, not their workloads."""
    before, after = change.before, change.after
    if after is None or change.ref.kind not in WORKLOADS:
        return ""
    if before is not None and value_at(before, TEMPLATE) == value_at(after, TEMPLATE):
        return ""
    ref = Ref("Pod", change.ref.namespace, "", "v1")
    if cluster.allowed("create", ref) is not True:
        return ""
    try:
        cluster.create(_pod(change.ref, after), dry_run=True)
    except StratusError as error:
        if not isinstance(error, Forbidden | Invalid):
            return ""
        if EXCEEDED in error.what:
            # The old pods still count now; whether room is made depends on the rollout's order.
            return f"a pod more than now would not be admitted: {error.what}"
        return Refusal("dry run", f"its pods would be refused: {error.what}", error.hint)
    return ""


def _pod(ref: Ref, workload: Mapping[str, Any]) -> dict[str, Any]:
    template = copy.deepcopy(workload["spec"]["template"])
    meta = dict(template.get("metadata") or {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{ref.name[:40]}-stratus-dry-run",
            "namespace": ref.namespace,
            "labels": meta.get("labels") or {},
            "annotations": meta.get("annotations") or {},
        },
        "spec": template["spec"],
    }
