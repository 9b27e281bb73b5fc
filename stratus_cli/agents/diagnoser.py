"""The diagnosis agent: asks a model for causes and keeps what its references bear out."""

from __future__ import annotations

from collections.abc import Sequence

from stratus_cli.agents.answer import DiagnosisAnswer
from stratus_cli.agents.ask import Notes, ask
from stratus_cli.agents.errors import AgentError
from stratus_cli.agents.grounding import MOST_CAUSES, Checked, check_causes
from stratus_cli.agents.model import Model
from stratus_cli.agents.view import view
from stratus_cli.model.diagnosis import Diagnosis, Incident
from stratus_cli.model.snapshot import Snapshot


class ModelDiagnoser:
    """Port model.ports.Diagnoser. notes: where the person reads what came of it."""

    def __init__(self, model: Model, notes: Notes) -> None:
        self._model = model
        self._notes = notes

    def diagnose(
        self, incident: Incident, snap: Snapshot, runbooks: Sequence[str]
    ) -> tuple[Diagnosis, ...]:
        """Ranked causes whose evidence holds. AgentError, said before it is raised."""
        try:
            shown = view(incident, snap, runbooks)
            answered = ask(self._model, "diagnoser", shown, DiagnosisAnswer, most=str(MOST_CAUSES))
        except AgentError as error:
            self._notes.failed(self._model, f"diagnosis of {incident.id}", error)
            raise
        checked = check_causes(answered.answer, shown.facts, snap)
        said = _summary(checked, incident)
        self._notes.say(self._model, f"diagnosis of {incident.id}: {said} ({answered.cost})")
        return checked.causes


def _summary(checked: Checked, incident: Incident) -> str:
    known = {(item.cause, item.root, item.field) for item in (*incident.roots, *incident.rivals)}
    agreed = [x for x in checked.causes if (x.cause, x.root, x.field) in known]
    parts = [
        f"agrees with {item.cause} (place {checked.causes.index(item) + 1})" for item in agreed
    ]
    added = len(checked.causes) - len(agreed)
    parts.append(f"{added} further cause{'' if added == 1 else 's'}")
    if checked.struck:
        parts.append(
            f"{checked.struck} wrong reference{'' if checked.struck == 1 else 's'} struck out"
        )
    if checked.dropped:
        parts.append(f"{checked.dropped} without evidence dropped")
    return ", ".join(parts)
