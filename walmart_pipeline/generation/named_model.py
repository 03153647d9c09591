"""A model that a setting names beside the writer, with a budget of its own; its answers are JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from walmart_pipeline.core.records import content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import prompt, provider_factory
from walmart_pipeline.generation.model_provider import CallSettings, ModelProvider
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import CallError, Message, Purpose, Request
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import FailureClass, Outcome
from walmart_pipeline.llm.dispatch.scheduler import Validate
from walmart_pipeline.llm.ledger import FINAL, Ledger

# Bumped when the same question is put in other words.
VERSION = "1"

# Repeating the call in another run would cost as much and fail again.
SETTLED: frozenset[FailureClass] = FINAL | {"malformed", "cut"}

Parsed = TypeVar("Parsed", bound=BaseModel)


class NamedModel:
    """Base of the models that rate texts and check facts. It connects at first use.

    task: the system's turn. schema: of the answers.
    """

    purpose: Purpose

    def __init__(
        self, provider: ModelProvider, call_settings: CallSettings, task: str, schema: Mapping[str, Any]
    ) -> None:
        self.name = provider.name
        self._task = task
        self._schema = schema
        self._parameters = {"temperature": 0.0, "max_tokens": call_settings.max_tokens}
        self._provider = provider
        self._call_settings = call_settings

    @property
    def budget(self) -> Budget:
        """Budget of a run."""
        return self._call_settings.budget

    @property
    def model(self) -> str:
        """Name and, if known, digest of the model. Raises CallError if it is not available."""
        return self._provider.model

    def served_at(self) -> str:
        """The addresses where the model is served, without asking it. Raises CallError if one of them lacks it."""
        return asyncio.run(self._served())

    @cached_property
    def prompt_version(self) -> str:
        """Version of the prompt, schema and parameters."""
        return content_hash([VERSION, self._task, self._schema, self._parameters])[:8]

    async def _served(self) -> str:
        """Where the model is served. Raises CallError if an endpoint does not answer or has no such model."""
        clients = self._call_settings.clients()
        try:
            for client in clients:
                names = await client.models()
                # Ollama has the model under a full name, and says so itself; others list what can be asked for.
                if await client.digest() is None and client.model not in names:
                    raise CallError("missing_model", f"{client.endpoint} has no model {client.model}")
            return ", ".join(client.endpoint for client in clients)
        finally:
            for client in clients:
                await client.close()

    def _request(self, product_id: str, turn: Mapping[str, Any]) -> Request:
        """A question about a product; the user's turn is sent as JSON."""
        shared = self._provider.prompt
        return Request(
            product_id=product_id,
            provider=self.name,
            model=shared.model,
            digest=shared.digest,
            prompt_version=self.prompt_version,
            messages=(Message("system", self._task), Message("user", prompt.as_json(turn))),
            schema=self._schema,
            parameters=self._parameters,
            purpose=self.purpose,
        )

    def _outcomes(self, requests: Iterable[Request], validate: Validate) -> Generator[Outcome, None, None]:
        """Outcomes in order of arrival. Close it if you stop early."""
        call_settings = self._call_settings
        with Ledger(call_settings.ledger_url) as ledger:
            dispatcher = Dispatcher(
                call_settings.clients(), ledger, call_settings.limits, call_settings.budget, validate
            )
            # Closed before the ledger, which has to store the answers in flight.
            with closing(dispatcher.run(requests)) as outcomes:
                yield from outcomes


def configured(
    settings: Settings, judge: Judge, named: str, *, budget_usd: float
) -> tuple[ModelProvider, CallSettings]:
    """Provider and call settings of a model that is named as `provider:model`. A model without a price has no budget.

    WALMART_BASE_URL is its address if its provider is also the writer's. Raises ProviderError.
    """
    provider, _, model = named.partition(":")
    base_url = settings.base_url if settings.provider == provider else None
    changes = {"provider": provider, "model": model or None, "base_url": base_url}
    chosen = provider_factory.model_provider(settings.model_copy(update=changes), judge)
    call_settings = chosen.call_settings
    budget = replace(call_settings.budget, usd=None if call_settings.budget.is_free else budget_usd, calls=None)
    return chosen, replace(call_settings, budget=budget)


def parsed(form: type[Parsed], text: str, what: str) -> Parsed:
    """An answer in this form. Raises CallError with everything that is wrong with it, if it is no `what`."""
    try:
        return form.model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'answer'}: {item['msg']}" for item in error.errors())
        raise CallError("malformed", f"the answer is no {what}: {wrong}") from error
