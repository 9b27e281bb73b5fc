"""The mitigation agent: asks a model for kubectl lines. Others parse, plan and run them."""

from __future__ import annotations

from collections.abc import Sequence

from stratus_cli.agents.answer import MOST_CANDIDATES, MOST_LINES, PlanAnswer, check_lines
from stratus_cli.agents.ask import Notes, ask
from stratus_cli.agents.errors import AgentError
from stratus_cli.agents.model import Model
from stratus_cli.agents.view import view
from stratus_cli.model.diagnosis import Incident
from stratus_cli.model.snapshot import Snapshot


class ModelPlanner:
    """Port model.ports.Planner. notes: where the person reads what came of it."""

    def __init__(self, model: Model, notes: Notes) -> None:
        self._model = model
        self._notes = notes

    def propose(
        self,
        incident: Incident,
        snap: Snapshot,
        runbooks: Sequence[str],
        learnt: Sequence[str],
    ) -> tuple[tuple[str, ...], ...]:
        """Candidates, best first. AgentError, said before it is raised."""
        try:
            shown = view(incident, snap, runbooks, learnt)
            answered = ask(
                self._model,
                "planner",
                shown,
                PlanAnswer,
                most=str(MOST_CANDIDATES),
                most_lines=str(MOST_LINES),
            )
        except AgentError as error:
            self._notes.failed(self._model, f"plan for {incident.id}", error)
            raise
        lines = check_lines(answered.answer)
        count = len(lines.candidates)
        said = f"{count} candidate{'' if count == 1 else 's'}"
        said += "".join(f"; one dropped: {why}" for why in lines.dropped)
        self._notes.say(self._model, f"plan for {incident.id}: {said} ({answered.cost})")
        return lines.candidates
