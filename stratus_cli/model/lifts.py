"""What would lift a refusal, by the name of its check, where the place that refuses says no more.

A refusal without a way on leaves whoever reads it at night with nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping

_VERBS = (
    "use a verb that changes objects: set, scale, patch, label, annotate, rollout, taint, cordon,"
    " uncordon, drain, delete, create, apply, expose, autoscale"
)
_BY_HAND = "make this change by hand; Stratus could not take it back"
_OTHER_KIND = "name the object that has it: most often its Deployment, StatefulSet or Service"
_OBJECT = "look at the object with kubectl get -o yaml, and put the named field right by hand"
_RUNBOOK = "correct the runbook's line or its variables: stratus runbook lint DIR"

LIFTS: Mapping[str, str] = {
    "annotation": "leave this key out of the line; the tool that writes it keeps it up to date",
    "bounds": "give a number inside the bounds",
    "budget": "wait until more of its pods are ready, or add replicas first",
    "container": "name one of the containers it has: kubectl get KIND/NAME -o yaml",
    "credential": _BY_HAND,
    "document": "look at the value as it is now, and correct the field or the tested value",
    "dry run": "correct what the server names, or ask whoever set that rule",
    "exists": "look at its name and namespace",
    "finalizers": _BY_HAND,
    "flag": "leave the flag out or correct it; there is no other way in",
    "grammar": "write the line as kubectl takes it, with each object as KIND/NAME",
    "irreversible": _BY_HAND,
    "kind": _OTHER_KIND,
    "known-good value": "give a recording taken when all was well: --known-good RECORDING",
    "manifest": "correct the manifest so that the API server would take it",
    "name": "correct the name; names are lower-case letters, digits, - and .",
    "namespace": "correct the namespace: -n NAME and the manifest must say the same",
    "owner": "make the change in the owner's source",
    "patch": "leave this field out of the patch, or correct it",
    "permission": "ask for this permission: stratus doctor shows what you may do",
    "plan": "make a new plan: stratus plan --out FILE",
    "quantity": "write it as Kubernetes does: 500m, 2, 256Mi, 1Gi",
    "read": "see that the API server answers and lets you read it: stratus doctor",
    "remedy": "write a runbook for this cause, or type the repair: stratus plan 'kubectl ...'",
    "secret": "correct the value (base64 in data, text in stringData), or change it by hand",
    "shape": _OBJECT,
    "shell": "give one plain kubectl command a line, and quote a value with special characters",
    "unchanged": "look at what changed, and make a new plan: stratus plan",
    "unschedulable": "free room on the nodes, or ask for less",
    "variable": _RUNBOOK,
    "verb": _VERBS,
    "words": "close every quote; give one plain kubectl command a line",
}

NEED_NONE = frozenset({"interrupted", "no change", "still broken"})
"""Checks after which there is nothing to lift: it is done already, or somebody stopped it."""

NO_REMEDY = "remedy"
"""The check of a candidate that stands for "nothing is known to repair this": no refusal."""
