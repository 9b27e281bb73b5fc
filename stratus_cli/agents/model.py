"""The port to a language model, and the only file that imports litellm (at the first call).

Nothing here knows what is asked. No tools are offered to the model: it can answer, never act.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stratus_cli.agents.errors import AgentError, BudgetSpent, MalformedAnswer, ModelUnreachable

# litellm reads these when it is imported. Without them it fetches its price list from the network
# and loads a .env file of the working directory into this process.
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_MODE": "PRODUCTION",
}


@dataclass(frozen=True)
class ModelLimits:
    """Bounds of one run. Our choices: an incident's text is some 15,000 tokens, an answer 500.

    max_tokens: of one answer, thinking included. timeout_s: of one call. max_calls: of the run.
    max_failures: calls in a row without a usable response before the model is left alone.
    longest: characters of an answer that are read at all.
    """

    max_tokens: int = 4096
    timeout_s: float = 60.0
    max_calls: int = 30
    max_failures: int = 2
    longest: int = 100_000


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. Tokens as the server counts them; 0 when it does not say."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0


class Model(Protocol):
    """Answers one question. name: what notes call it."""

    name: str

    def complete(self, system: str, user: str, schema: Mapping[str, Any]) -> Reply:
        """The answer, meant to be JSON of that schema but not checked. Raises AgentError."""


class LitellmModel:
    """A model by litellm's name of it, at its own API or at an OpenAI-compatible server's URL.

    env: where keys are looked up (OPENAI_API_KEY, ANTHROPIC_API_KEY ... by the name's prefix).
    """

    def __init__(
        self, name: str, url: str, env: Mapping[str, str], limits: ModelLimits | None = None
    ) -> None:
        self.name = name
        self._url = url
        self._env = env
        self._limits = limits or ModelLimits()
        self._calls = 0
        self._failures = 0
        self._plain = False

    def complete(self, system: str, user: str, schema: Mapping[str, Any]) -> Reply:
        """One call, counted. ModelUnreachable, MalformedAnswer (too long), BudgetSpent."""
        if self._failures >= self._limits.max_failures:
            raise BudgetSpent("the model failed before and is not asked again", self.name)
        if self._calls >= self._limits.max_calls:
            raise BudgetSpent(f"all {self._limits.max_calls} calls of this run are used", self.name)
        self._calls += 1
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        try:
            reply = self._call(messages, schema)
        except ModelUnreachable:
            self._failures += 1
            raise
        self._failures = 0
        if len(reply.text) > self._limits.longest:
            raise MalformedAnswer(f"an answer of {len(reply.text)} characters", self.name)
        return reply

    def _call(self, messages: list[dict[str, str]], schema: Mapping[str, Any]) -> Reply:
        litellm = _load()
        options = self._options(litellm, messages)
        if not self._plain:
            held = {"name": "answer", "schema": dict(schema)}
            form = {"type": "json_schema", "json_schema": held}
            try:
                return self._sent(litellm, options | {"response_format": form, "temperature": 0})
            except litellm.exceptions.BadRequestError:
                # Servers that cannot be held to a schema, and models that take no temperature,
                # answer 400. The prompt states the schema as well.
                self._plain = True
        try:
            return self._sent(litellm, options)
        except litellm.exceptions.BadRequestError as error:
            raise ModelUnreachable(_said(error), self.name) from error

    def _sent(self, litellm: Any, options: Mapping[str, Any]) -> Reply:  # noqa: ANN401  # as above
        limit = self._limits.timeout_s
        try:
            return _reply(_within(limit, lambda: litellm.completion(**options)))
        except (AgentError, litellm.exceptions.BadRequestError):
            raise
        except (TimeoutError, litellm.exceptions.Timeout) as error:
            raise ModelUnreachable(f"no answer within {limit:g} s", self.name) from error
        except Exception as error:  # litellm lets errors of many libraries through
            raise ModelUnreachable(_said(error), self.name) from error

    def _options(
        self,
        litellm: Any,  # noqa: ANN401  # a module without types
        messages: list[dict[str, str]],
    ) -> dict[str, Any]:
        name, provider = self.name, self.name.partition("/")[0]
        options: dict[str, Any] = {}
        if self._url:
            known = {str(getattr(item, "value", item)) for item in litellm.provider_list}
            if "/" not in name or provider not in known:
                name, provider = f"openai/{name}", "openai"
            options["api_base"] = self._url
        key = self._env.get(f"{provider.upper()}_API_KEY", "")
        if key or (self._url and provider == "openai"):
            options["api_key"] = key or "none"  # local servers want a key, whichever
        return options | {
            "model": name,
            "messages": messages,
            "max_tokens": self._limits.max_tokens,
            "timeout": self._limits.timeout_s,
            "drop_params": True,  # options that litellm knows a model not to take
            "num_retries": 0,
            "max_retries": 0,
        }


def _load() -> Any:  # noqa: ANN401  # a module without types
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    try:
        import litellm
    except Exception as error:  # a broken installation may fail with anything
        raise ModelUnreachable(f"litellm cannot be loaded ({error})") from error
    import logging

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return litellm


def _within(seconds: float, call: Callable[[], Any]) -> Any:  # noqa: ANN401  # what call returns
    """The call's result; TimeoutError after that time, however slowly the server drips.

    The call runs on a daemon thread, so that Ctrl-C is seen at once and nothing waits at the end.
    """
    results: queue.Queue[tuple[bool, Any]] = queue.Queue()

    def run() -> None:
        try:
            results.put((True, call()))
        except Exception as error:  # noqa: BLE001  # handed over to the caller, who raises it
            results.put((False, error))

    threading.Thread(target=run, daemon=True, name="model-call").start()
    try:
        succeeded, result = results.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if succeeded:
        return result
    raise result


def _said(error: Exception) -> str:
    """The error for one line of a note: its kind and the first line of what it says."""
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _reply(answer: Any) -> Reply:  # noqa: ANN401  # litellm's response object
    try:
        text = answer.choices[0].message.content
    except (AttributeError, IndexError, TypeError) as error:
        raise MalformedAnswer("a response without an answer in it") from error
    usage = getattr(answer, "usage", None)
    return Reply(
        text if isinstance(text, str) else "",
        _count(getattr(usage, "prompt_tokens", 0)),
        _count(getattr(usage, "completion_tokens", 0)),
    )


def _count(number: object) -> int:
    return number if isinstance(number, int) and number > 0 else 0
