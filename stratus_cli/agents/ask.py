"""Ask a model until its answer has the right form, a few times at most; and say what it took."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from stratus_cli.agents.answer import decode, schema_of
from stratus_cli.agents.errors import AgentError, BudgetSpent, MalformedAnswer
from stratus_cli.agents.model import Model, Reply
from stratus_cli.agents.prompt import load
from stratus_cli.agents.view import View

RETRIES = 2  # a model that misses the form three times has not understood it
AnswerT = TypeVar("AnswerT")
Say = Callable[[str], None]
"""Where notes for the person go, one line each."""


class Notes:
    """Says what the agents do, one line for each question. That a budget is spent is said once."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._spent_said = False

    def say(self, model: Model, text: str) -> None:
        """What came of a question."""
        self._say(f"agent {model.name}: {text}")

    def failed(self, model: Model, task: str, error: AgentError) -> None:
        """Nothing came of it."""
        if isinstance(error, BudgetSpent):
            if self._spent_said:
                return
            self._spent_said = True
        self.say(model, f"no {task} ({error.what}); going on without it")


@dataclass(frozen=True)
class Answered(Generic[AnswerT]):
    """A well-formed answer, and what it took, as text for a note."""

    answer: AnswerT
    cost: str


def ask(
    model: Model, role: str, shown: View, form: type[AnswerT], **values: str
) -> Answered[AnswerT]:
    """The answer to prompts/<role>.md. AgentError when the model gives none of this form."""
    schema = schema_of(form)
    prompt = load(
        role,
        {
            "incident": shown.text,
            "fence_begin": shown.begin,
            "fence_end": shown.end,
            "schema": json.dumps(schema, indent=1),
            **values,
        },
    )
    replies: list[Reply] = []
    user = prompt.user
    while True:
        replies.append(model.complete(prompt.system, user, schema))
        try:
            return Answered(decode(replies[-1].text, form), _cost(replies))
        except MalformedAnswer as error:
            if len(replies) > RETRIES:
                raise MalformedAnswer(f"{error.what}, {_cost(replies)}", model.name) from error
            user = f"{prompt.user}\n\nYour last answer was refused: {error.what}. Answer again."


def _cost(replies: list[Reply]) -> str:
    calls = f"{len(replies)} call" + ("s" if len(replies) > 1 else "")
    tokens = " + ".join(f"{reply.tokens_in}/{reply.tokens_out}" for reply in replies)
    return f"{calls}, tokens in/out {tokens}"
