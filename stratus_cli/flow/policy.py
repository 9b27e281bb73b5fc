"""What may not be written, whoever asks: protected namespaces and names. Pure.

Who else writes an object is read from the cluster: see flow.ownership.
"""

from __future__ import annotations

import fnmatch

from stratus_cli.kube.for_good import is_for_good
from stratus_cli.model.change import Change, Reversibility
from stratus_cli.model.plan import Refusal
from stratus_cli.model.ports import Policy
from stratus_cli.model.ref import Ref


def irreversible(change: Change, policy: Policy) -> Refusal | None:
    """What cannot be undone is done only where a person said so (--irreversible)."""
    ref = change.ref
    gone = is_for_good(ref.kind, change.before, change.after)
    if policy.irreversible or not (gone or change.reversibility is Reversibility.IRREVERSIBLE):
        return None
    return Refusal(
        "irreversible",
        f"a deleted {ref.kind} cannot be put back as it was" if gone else f"{ref} cannot be undone",
        "on a terminal, --irreversible and the name typed; or do it by hand",
    )


def protected(ref: Ref, policy: Policy) -> Refusal | None:
    """The policy's word on an object, or None where it has none."""
    namespace = ref.name if ref.kind == "Namespace" else ref.namespace
    if namespace in policy.protected_namespaces:
        return Refusal(
            "protected",
            f"namespace {namespace} is protected",
            "take it out of `protected-namespaces` in the configuration",
        )
    for pattern in policy.protected_names:
        if fnmatch.fnmatchcase(ref.name, pattern) or fnmatch.fnmatchcase(str(ref), pattern):
            return Refusal(
                "protected",
                f"{ref} is protected by {pattern!r}",
                "take the pattern out of `protected-names` in the configuration",
            )
    return None
