"""A model that an Ollama does not have yet, fetched from Ollama's registry.

Belongs here: which model is missing where, and fetching it. Does not: asking whether to (cli), or the wire (clients).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.llm.calls import CallError

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama import Ollama, PullProgress


@dataclass(frozen=True)
class Missing:
    """A model, and the servers that answer and do not have it."""

    model: str
    endpoints: tuple[str, ...]


def missing(settings: Settings) -> Missing | None:
    """The model that a run would ask for, where an Ollama lacks it; None if there is nothing to pull.

    Without a named model, the provider `ollama` takes any that its servers have: only if they have none, the base model
    is missing. Raises ProviderError.
    """
    model = settings.model or settings.default_model
    if settings.provider not in ("ollama", "auto"):
        return None
    if not model and (settings.provider == "auto" or provider_factory.found_model(settings)):
        return None
    model = model or settings.base_model
    # Ours are built by `walmart-pipeline retrain`; no registry has them.
    if model.lower().startswith("walmart-gpt"):
        return None
    absent: list[str] = []

    async def look(client: Ollama) -> None:
        # A server that does not answer is told, with its remedy, by the run itself.
        with suppress(CallError):
            if not client.is_hosted and not await client.has_model():
                absent.append(client.endpoint)

    asyncio.run(_each(settings, model, look))
    return Missing(model, tuple(absent)) if absent else None


def pull(settings: Settings, wanted: Missing, tell: Callable[[str, PullProgress], object]) -> None:
    """Fetch a model to each server that lacks it. tell: gets the server and each step. Raises CallError."""

    async def fetch(client: Ollama) -> None:
        if client.endpoint in wanted.endpoints:
            async for step in client.pull(wanted.model):
                tell(client.endpoint, step)

    asyncio.run(_each(settings, wanted.model, fetch))


async def _each(settings: Settings, model: str, work: Callable[[Ollama], Awaitable[None]]) -> None:
    clients = provider_factory.ollama_clients(settings, model)
    try:
        for client in clients:
            await work(client)
    finally:
        for client in clients:
            await client.close()
