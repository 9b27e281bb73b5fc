"""A planned step on the object as it is now: what is to be written, or that it drifted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus_cli.flow.fate import being_deleted, uid_of
from stratus_cli.kube.normal import fields_digest, normal_form
from stratus_cli.kube.paths import value_at
from stratus_cli.kube.three_way import take_back
from stratus_cli.model.errors import Refused
from stratus_cli.model.plan import Step


class Drifted(Refused):
    """The object is no longer as the plan was made for. Nothing was written to it."""


def after_on(step: Step, live: dict[str, Any] | None) -> Mapping[str, Any] | None:
    """What the step makes of the object as it is now. Drifted when it is not as planned for."""
    change = step.change
    if change.before is None:
        if live is not None:
            raise _drift(step, "it exists by now")
        return change.after
    if live is None:
        raise _drift(step, "it is gone")
    if step.uid and uid_of(live) != step.uid:
        raise _drift(step, "it was deleted and made anew")
    if being_deleted(live):
        raise _drift(step, "somebody else is deleting it")
    if fields_digest(live, step.depends) != step.digest:
        raise _drift(step, _changed(_depended(step, change.before, live)))
    if change.after is None:
        return None
    # A change is the way back of its inverse: entries that others put beside ours are kept.
    made = take_back(change.after, change.before, live)
    moved = [edit.path for edit in made.already] + [clash.path for clash in made.conflicts]
    if moved:
        raise _drift(step, _changed(moved))
    return made.wanted


def anew_on(step: Step, planned: Mapping[str, Any], gone: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the second half of a re-creation makes, of the object as it was when it was deleted.

    planned: as the plan saw it. What others wrote since goes into the new object.
    """
    made = take_back(step.change.after or {}, normal_form(planned), gone)
    if made.conflicts:
        raise _drift(step, _changed([clash.path for clash in made.conflicts]))
    return made.wanted


def _depended(step: Step, before: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    return [path for path in step.depends if value_at(live, path) != value_at(before, path)]


def _changed(paths: list[str]) -> str:
    return f"changed since: {', '.join(paths) or 'a field it depends on'}"


def _drift(step: Step, what: str) -> Drifted:
    return Drifted(
        f"{step.change.ref} is not as it was when the plan was made ({what})",
        step.kubectl,
        "Nothing was written to it. Make a new plan.",
    )
