"""What happened when: changes and first signs, oldest first, each once, never invented."""

from __future__ import annotations

from stratus_cli.flow.detect import detect
from stratus_cli.flow.diagnose import diagnose
from tests.cases.loader import CaseFile
from tests.causes.test_causes import ALL


def _case(name: str) -> CaseFile:
    return next(case for case in ALL if case.id == name)


def test_a_rollout_precedes_its_symptom() -> None:
    """The revision, then the pods that are not ready."""
    case = _case("template-changed-field-that-no-struct-has")
    (incident,) = diagnose(detect(case.snapshot()))
    told = [(moment.ref.short, moment.what) for moment in incident.history]
    assert told == [
        ("Deployment/web", "rollout of revision 2 began"),
        ("Deployment/web", "first pod not ready"),
    ]
    times = [moment.at for moment in incident.history]
    assert times == sorted(times)


def test_an_edited_service_is_told_with_who_did_it() -> None:
    """By managedFields."""
    case = _case("object-changed-a-service-that-it-calls-leads-elsewhere")
    (incident,) = diagnose(detect(case.snapshot()))
    first = incident.history[0]
    assert first.ref.short == "Service/web"
    assert first.what.endswith("targetPort set by kubectl-edit")
