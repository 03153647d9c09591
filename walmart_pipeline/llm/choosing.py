"""Which provider a run generates with, from what is configured.

Belongs here: the names that a user can give, the choice where none is given, and how each is put together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from walmart_pipeline.llm import prices
from walmart_pipeline.llm.calls import CallError, Client
from walmart_pipeline.llm.composer_provider import Composer
from walmart_pipeline.llm.dispatching.budget import Budget
from walmart_pipeline.llm.dispatching.outcomes import DispatchLimits
from walmart_pipeline.llm.model_provider import Calling, ModelProvider
from walmart_pipeline.llm.prices import Price
from walmart_pipeline.llm.provider import Provider
from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.settings import Settings

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.transport import Timeouts

PROVIDERS = ("ollama", "openai", "embedded", "composer")

# `auto` looks for an Ollama before each run: one that is there answers in milliseconds.
LOOK_SECONDS = 2.0


class ProviderError(ValueError):
    """The provider can't be used as it is configured; the message says what to change."""


def choose(settings: Settings, judge: Judge, *, repairs: bool = True) -> Provider:
    """The provider that the settings name; for `auto` an Ollama with a model, else the composer.

    A provider that costs money is used only when it is named. Raises ProviderError.
    """
    match settings.provider:
        case "composer":
            return Composer(judge)
        case "auto":
            model = settings.model or settings.default_model or _found_model(settings)
            if model is None:
                return Composer(judge)
            return _ollama(settings, model, judge, repairs=repairs)
        case "ollama":
            model = settings.model or settings.default_model or _found_model(settings)
            if model is None:
                raise ProviderError(
                    f"no Ollama answers with a model at {', '.join(_ollama_urls(settings))}: start it with `ollama "
                    "serve`, pull a model, or set OLLAMA_BASE_URL; or run with --provider composer"
                )
            return _ollama(settings, model, judge, repairs=repairs)
        case "openai":
            return _openai(settings, judge, repairs=repairs)
        case "embedded":
            return _embedded(settings, judge, repairs=repairs)
        case other:
            raise ProviderError(f"there is no provider `{other}`: use {', '.join(PROVIDERS)} or auto")


def _ollama(settings: Settings, model: str, judge: Judge, *, repairs: bool) -> Provider:
    calling = _calling(settings, lambda: _ollama_clients(settings, model), prices.FREE)
    return ModelProvider("ollama", judge, calling, repairs=repairs)


def _ollama_clients(settings: Settings, model: str) -> list[Client]:
    from walmart_pipeline.llm.clients.ollama import CloudModelError, Ollama

    try:
        return [
            Ollama(
                url,
                model,
                connections=settings.concurrency,
                timeouts=_timeouts(settings),
                allow_cloud=settings.allow_cloud_models,
            )
            for url in _ollama_urls(settings)
        ]
    except CloudModelError as error:
        raise ProviderError(f"{error} (WALMART_ALLOW_CLOUD_MODELS=true)") from error
    except ValueError as error:
        raise ProviderError(str(error)) from error


def _ollama_urls(settings: Settings) -> list[str]:
    """Several servers may be named, divided by commas; they share the work."""
    named = settings.base_url or ",".join(filter(None, (settings.ollama_base_url, settings.cloud_ollama_url)))
    return [url.strip() for url in named.split(",") if url.strip()]


def _found_model(settings: Settings) -> str | None:
    """A Walmart-GPT if an Ollama has one, else the first of its models by name; None if no Ollama answers."""
    from walmart_pipeline.llm.clients.ollama import Ollama
    from walmart_pipeline.llm.clients.transport import Timeouts

    async def look(url: str) -> list[str]:
        client = Ollama(url, "any", connections=1, timeouts=Timeouts(read=LOOK_SECONDS, connect=LOOK_SECONDS))
        try:
            return await client.models()
        finally:
            await client.close()

    for url in _ollama_urls(settings):
        try:
            names = asyncio.run(look(url))
        except CallError:
            continue
        local = [name for name in names if not name.lower().endswith((":cloud", "-cloud"))]
        if local:
            return next((name for name in local if name.startswith("walmart-gpt")), local[0])
    return None


def _openai(settings: Settings, judge: Judge, *, repairs: bool) -> Provider:
    from walmart_pipeline.llm.clients.openai import OPENAI_URL, OpenAI

    model = settings.model or settings.default_model
    if not model:
        raise ProviderError("name the model: --model, or DEFAULT_MODEL")
    url = settings.base_url or OPENAI_URL
    if url == OPENAI_URL and not settings.openai_api_key:
        raise ProviderError("OPENAI_API_KEY is not set")
    try:
        price = prices.load(settings.prices).price(model) if url == OPENAI_URL else _own_price(settings.prices, model)
    except (prices.PricesError, prices.UnknownPriceError) as error:
        raise ProviderError(str(error)) from error

    def clients() -> list[Client]:
        try:
            return [
                OpenAI(
                    model,
                    price=price,
                    connections=settings.concurrency,
                    timeouts=_timeouts(settings),
                    key=settings.openai_api_key,
                    base_url=url,
                )
            ]
        except ValueError as error:
            raise ProviderError(str(error)) from error

    return ModelProvider("openai", judge, _calling(settings, clients, price), repairs=repairs)


def _own_price(table: Path | None, model: str) -> Price:
    """A server of one's own is free, unless the user's table has a price for its model."""
    try:
        return prices.load(table).price(model) if table else prices.FREE
    except prices.UnknownPriceError:
        return prices.FREE


def _embedded(settings: Settings, judge: Judge, *, repairs: bool) -> Provider:
    from walmart_pipeline.llm.clients.embedded import MAX_TOKENS, Embedded

    def clients() -> list[Client]:
        digests = settings.home / "digests.json"
        return [Embedded(settings.embedded_model, adapter=settings.embedded_adapter, digests=digests)]

    calling = replace(
        _calling(settings, clients, prices.FREE), small_model=True, max_tokens=min(settings.max_tokens, MAX_TOKENS)
    )
    return ModelProvider("embedded", judge, calling, repairs=repairs)


def _calling(settings: Settings, clients: Callable[[], Sequence[Client]], price: Price) -> Calling:
    return Calling(
        clients=clients,
        ledger_url=settings.ledger,
        limits=DispatchLimits(
            concurrency=settings.concurrency,
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
            call_seconds=settings.max_response_time,
        ),
        budget=Budget(usd=settings.budget_usd if price != prices.FREE else None, calls=settings.budget_calls),
        price=price,
        max_tokens=settings.max_tokens,
    )


def _timeouts(settings: Settings) -> Timeouts:
    from walmart_pipeline.llm.clients.transport import Timeouts

    return Timeouts(read=settings.max_response_time)
