"""The Ollama servers that the settings name: which models they have, which one writes, and pulling one they lack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.llm.calls import CallError

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama import Ollama, PullProgress
    from walmart_pipeline.llm.clients.transport import Timeouts

# `auto` looks for an Ollama before each run: one that is there answers in milliseconds.
LOOK_SECONDS = 2.0

# Models that are built by `walmart-pipeline retrain`. The registry decides which of them writes.
OWN_MODELS = "walmart-gpt"


@dataclass(frozen=True)
class Survey:
    """The servers as they answer now.

    local: models on each server that answers, without those that a hosted service runs. silent: URLs of the others.
    """

    local: dict[str, list[str]]
    silent: list[str]


class WriterAwayError(ProviderError):
    """The model that writes can't be asked this time: its server does not answer, or no model is there."""


def urls(settings: Settings) -> list[str]:
    """Several servers may be named, separated by commas; they share the work."""
    named = settings.base_url or ",".join(filter(None, (settings.ollama_base_url, settings.cloud_ollama_url)))
    return [url.strip() for url in named.split(",") if url.strip()]


def clients(settings: Settings, model: str) -> list[Ollama]:
    """A client for each server. Raises ProviderError."""
    from walmart_pipeline.llm.clients.transport import Timeouts

    return [_client(settings, url, model, Timeouts(read=settings.max_response_time)) for url in urls(settings)]


def survey(settings: Settings) -> Survey:
    """Ask every server for its models. Raises ProviderError for an address that is none."""

    async def look() -> Survey:
        found = Survey({}, [])
        for url in urls(settings):
            client = _quick(settings, url, "any")
            try:
                names = await client.models()
                found.local[url] = [name for name in names if not name.lower().endswith((":cloud", "-cloud"))]
            except CallError:
                found.silent.append(url)
            finally:
                await client.close()
        return found

    return asyncio.run(look())


def check_answer(settings: Settings, model: str) -> None:
    """Raise WriterAwayError where no server answers that could have the model."""
    found = survey(settings)
    if not found.local:
        raise _silent(found, model)


def _silent(found: Survey, model: str | None) -> WriterAwayError:
    away = f"Ollama does not answer at {', '.join(found.silent)}"
    return WriterAwayError(f"{away}: {model} can't be asked" if model else away)


def choose(settings: Settings, last: str | None) -> tuple[str, str | None]:
    """The model that writes where none is named, and what a user should know about the choice.

    last: the model that wrote before. It stays the writer for as long as a server may have it, whatever else is pulled.
    Without one: the configured base model, else the first by name that can write; a Walmart-GPT only where there is
    nothing else. Raises WriterAwayError, and ProviderError for an address that is none.
    """
    found = survey(settings)
    names = sorted({name for names in found.local.values() for name in names})
    if last and _with_tag(last) in map(_with_tag, names):
        return last, None
    where = ", ".join(urls(settings))
    if not found.local or (last and found.silent):
        raise _silent(found, last)
    names.sort(key=lambda name: (name != settings.base_model, name.lower().startswith(OWN_MODELS)))
    writer = asyncio.run(_first_that_writes(settings, found, names))
    if writer is None:
        raise WriterAwayError(f"no model at {where} can write{f'; {last} is no longer there' if last else ''}")
    return writer, f"{last} is no longer at {where}: {writer} writes from now on" if last else None


def _with_tag(name: str) -> str:
    return name.lower() if ":" in name else f"{name.lower()}:latest"


async def _first_that_writes(settings: Settings, found: Survey, names: list[str]) -> str | None:
    """Embedding models are on the same servers, and answer no chat."""
    for name in names:
        url = next(url for url, local in found.local.items() if name in local)
        client = _quick(settings, url, name)
        try:
            if await client.can_chat():
                return name
        except CallError:
            continue
        finally:
            await client.close()
    return None


def _quick(settings: Settings, url: str, model: str) -> Ollama:
    from walmart_pipeline.llm.clients.transport import Timeouts

    return _client(settings, url, model, Timeouts(read=LOOK_SECONDS, connect=LOOK_SECONDS))


def _client(settings: Settings, url: str, model: str, timeouts: Timeouts) -> Ollama:
    from walmart_pipeline.llm.clients.ollama import CloudModelError, Ollama, key_for

    try:
        return Ollama(
            url,
            model,
            connections=settings.concurrency,
            timeouts=timeouts,
            allow_cloud=settings.allow_cloud_models,
            key=key_for(url, settings.cloud_ollama_url, settings.ollama_api_key),
        )
    except CloudModelError as error:
        raise ProviderError(f"{error} (WALMART_ALLOW_CLOUD_MODELS=true)") from error
    except ValueError as error:
        raise ProviderError(str(error)) from error


@dataclass(frozen=True)
class Missing:
    """A model, and the servers that answer and do not have it."""

    model: str
    endpoints: tuple[str, ...]


def missing(settings: Settings) -> Missing | None:
    """The model that a run would ask for, where an Ollama lacks it; None if there is nothing to pull.

    Without a named model, the provider `ollama` takes one that its servers have: only if none of them can write, the
    base model is missing. Raises ProviderError.
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
        # The run itself says which server does not answer, and what to do.
        with suppress(CallError):
            if not client.is_hosted and not await client.has_model():
                absent.append(client.endpoint)

    asyncio.run(_each(settings, model, look))
    return Missing(model, tuple(absent)) if absent else None


def pull(settings: Settings, wanted: Missing, report: Callable[[str, PullProgress], object]) -> None:
    """Download a model to each server that lacks it. report: gets the server and each step. Raises CallError."""

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
