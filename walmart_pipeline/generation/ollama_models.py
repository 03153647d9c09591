"""The configured Ollama servers: their models, the choice of the one that writes, and pulling missing ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, TypeVar

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import server_list
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.pricing import FREE, Price

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama import Ollama, PullProgress
    from walmart_pipeline.llm.clients.transport import Timeouts

Server = TypeVar("Server", bound="Ollama")

# Before each run `auto` looks for an Ollama, which answers in milliseconds.
LOOK_SECONDS = 2.0

# Models that are built by `walmart-pipeline retrain`. The registry decides which of them writes.
OWN_MODELS = "walmart-gpt"


@dataclass(frozen=True)
class Survey:
    """Models on each server that responds, without cloud models, and the URLs of silent servers."""

    local: dict[str, list[str]]
    silent: list[str]


class WriterAwayError(ProviderError):
    """The model that writes is not available: its server does not respond, or has no model."""


def weights(settings: Settings) -> dict[str, float]:
    """Weights of the servers that share the work, by URL."""
    both = ",".join(filter(None, (settings.ollama_base_url, settings.cloud_ollama_url)))
    return server_list.weights(settings.base_url or both)


def urls(settings: Settings) -> list[str]:
    """URLs of the servers that share the work."""
    return list(weights(settings))


def clients(settings: Settings, model: str, price: Price = FREE) -> list[Ollama]:
    """A client for each server. price: of the model's tokens. Raises ProviderError."""
    from walmart_pipeline.llm.clients.ollama import Ollama
    from walmart_pipeline.llm.clients.transport import Timeouts

    timeouts = Timeouts(read=settings.max_response_time)
    return [connected(Ollama, settings, url, model, timeouts, price) for url in urls(settings)]


def survey(settings: Settings) -> Survey:
    """List the models of every server. Raises ProviderError for an invalid address."""
    from walmart_pipeline.llm.clients.ollama import is_cloud

    async def look() -> Survey:
        found = Survey({}, [])
        for url in urls(settings):
            client = _quick(settings, url, "any")
            try:
                names = await client.models()
                found.local[url] = [name for name in names if not is_cloud(name)]
            except CallError:
                found.silent.append(url)
            finally:
                await client.close()
        return found

    return asyncio.run(look())


def check_answer(settings: Settings, model: str) -> None:
    """Raise WriterAwayError if no server responds that could have the model."""
    found = survey(settings)
    if not found.local:
        raise _silent(found, model)


def _silent(found: Survey, model: str | None) -> WriterAwayError:
    away = f"Ollama does not answer at {', '.join(found.silent)}"
    return WriterAwayError(f"{away}: {model} can't be asked" if model else away)


def choose(settings: Settings, last: str | None) -> tuple[str, str | None]:
    """Choose the model that writes if none is named; returns it and a notice for the user.

    last: the model that wrote before, which stays the writer as long as a server may have it. Without one: the base
    model, else the first by name that can write, a Walmart-GPT only as a last resort. Raises WriterAwayError, and
    ProviderError for an invalid address.
    """
    from walmart_pipeline.llm.clients.ollama import full_name

    found = survey(settings)
    names = sorted({name for names in found.local.values() for name in names})
    if last and full_name(last) in map(full_name, names):
        return last, None
    where = ", ".join(urls(settings))
    if not found.local or (last and found.silent):
        raise _silent(found, last)
    names.sort(key=lambda name: (name != settings.base_model, name.lower().startswith(OWN_MODELS)))
    writer = asyncio.run(_first_that_writes(settings, found, names))
    if writer is None:
        raise WriterAwayError(f"no model at {where} can write{f'; {last} is no longer there' if last else ''}")
    return writer, f"{last} is no longer at {where}: {writer} writes from now on" if last else None


async def _first_that_writes(settings: Settings, found: Survey, names: list[str]) -> str | None:
    """The first model that can chat, which embedding models can't."""
    for name in names:
        if await _can_chat(settings, found, name):
            return name
    return None


def that_write(settings: Settings, found: Survey) -> list[str]:
    """The models of a survey that can chat, sorted. Raises ProviderError."""
    names = sorted({name for names in found.local.values() for name in names})

    async def look() -> list[bool]:
        return await asyncio.gather(*(_can_chat(settings, found, name) for name in names))

    return list(compress(names, asyncio.run(look())))


async def _can_chat(settings: Settings, found: Survey, name: str) -> bool:
    client = _quick(settings, next(url for url, local in found.local.items() if name in local), name)
    try:
        return await client.can_chat()
    except CallError:
        return False
    finally:
        await client.close()


def _quick(settings: Settings, url: str, model: str) -> Ollama:
    from walmart_pipeline.llm.clients.ollama import Ollama
    from walmart_pipeline.llm.clients.transport import Timeouts

    return connected(Ollama, settings, url, model, Timeouts(read=LOOK_SECONDS, connect=LOOK_SECONDS))


def connected(
    kind: type[Server], settings: Settings, url: str, model: str, timeouts: Timeouts, price: Price = FREE
) -> Server:
    """A client of this kind for one server. Raises ProviderError."""
    from walmart_pipeline.llm.clients.ollama import CloudModelError, key_for

    try:
        return kind(
            url,
            model,
            connections=settings.concurrency,
            timeouts=timeouts,
            allow_cloud=settings.allow_cloud_models,
            key=key_for(url, settings.cloud_ollama_url, settings.ollama_api_key),
            price=price,
        )
    except CloudModelError as error:
        raise ProviderError(f"{error} (WALMART_ALLOW_CLOUD_MODELS=true)") from error
    except ValueError as error:
        raise ProviderError(str(error)) from error


@dataclass(frozen=True)
class Missing:
    """A model, and the responding servers that lack it."""

    model: str
    endpoints: tuple[str, ...]


def missing(settings: Settings) -> Missing | None:
    """The model of a run that Ollama servers lack; None if there is nothing to pull.

    Without a named model, the provider `ollama` uses one that its servers have; if none can write, the base model is
    missing. Raises ProviderError.
    """
    model = settings.model or settings.default_model
    if settings.provider not in ("ollama", "auto") or (not model and settings.provider == "auto"):
        return None
    if not model:
        with suppress(WriterAwayError):
            choose(settings, None)
            return None
    model = model or settings.base_model
    if model.lower().startswith(OWN_MODELS):
        return None
    absent: list[str] = []

    async def look(client: Ollama) -> None:
        # The run itself reports servers that do not respond.
        with suppress(CallError):
            if not client.is_hosted and not await client.has_model():
                absent.append(client.endpoint)

    asyncio.run(_each(settings, model, look))
    return Missing(model, tuple(absent)) if absent else None


def pull(settings: Settings, wanted: Missing, report: Callable[[str, PullProgress], object]) -> None:
    """Download a model to each server that lacks it. report: called with server and progress. Raises CallError."""

    async def fetch(client: Ollama) -> None:
        if client.endpoint in wanted.endpoints:
            async for step in client.pull(wanted.model):
                report(client.endpoint, step)

    asyncio.run(_each(settings, wanted.model, fetch))


async def _each(settings: Settings, model: str, work: Callable[[Ollama], Awaitable[None]]) -> None:
    opened = clients(settings, model)
    try:
        for client in opened:
            await work(client)
    finally:
        for client in opened:
            await client.close()
