"""Which provider a run generates with, from what is configured.

Belongs here: the names that a user can give, the choice where none is given, and how each is put together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.batch_provider import BatchProvider
from walmart_pipeline.generation.model_provider import TEMPERATURE, Calling, ModelProvider
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.generation.template.provider import TemplateWriter
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.calls import CallError, Client
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.pricing import Price

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama import Ollama
    from walmart_pipeline.llm.clients.openai import OpenAI
    from walmart_pipeline.llm.clients.transport import Timeouts

PROVIDERS = ("ollama", "openai", "embedded", "template")

# `auto` looks for an Ollama before each run: one that is there answers in milliseconds.
LOOK_SECONDS = 2.0


BATCH_WITHOUT_OPENAI = "only the provider openai takes batches: add --provider openai, or --no-batch"

NO_CHAMPIONS: Mapping[str, Recipe] = MappingProxyType({})


class ProviderError(UserError, ValueError):
    """The provider can't be used as it is configured; the message says what to change."""


def choose(
    settings: Settings,
    judge: Judge,
    *,
    repairs: bool = True,
    champions: Mapping[str, Recipe] = NO_CHAMPIONS,
    batches: bool = False,
) -> Provider:
    """The provider that the settings name; for `auto` an Ollama with a model, else the template writer.

    champions: by provider, the recipe that is to write where no model is named. batches: `openai` is a BatchProvider,
    which sends batches if the settings say so, and collects those of earlier runs either way.
    A provider that costs money is used only when it is named. Raises ProviderError.
    """
    if batches and settings.batch and settings.provider != "openai":
        raise ProviderError(BATCH_WITHOUT_OPENAI)
    named = settings.model or settings.default_model
    champion = champions.get(settings.provider if settings.provider != "auto" else "ollama")
    if champion and not named and (settings.provider != "auto" or found_model(settings)):
        return for_recipe(settings, judge, champion, repairs=repairs, batches=batches)
    match settings.provider:
        case "template":
            return TemplateWriter(judge)
        case "auto":
            model = named or found_model(settings)
            if model is None:
                return TemplateWriter(judge)
            return _ollama(settings, model, judge, repairs=repairs)
        case "ollama":
            model = named or found_model(settings)
            if model is None:
                raise ProviderError(
                    f"no Ollama answers with a model at {', '.join(ollama_urls(settings))}: start it with `ollama "
                    "serve`, pull a model, or set OLLAMA_BASE_URL; or run with --provider template"
                )
            return _ollama(settings, model, judge, repairs=repairs)
        case "openai":
            return _openai(settings, judge, repairs=repairs, batches=batches)
        case "embedded":
            return _embedded(settings, judge, repairs=repairs)
        case other:
            raise ProviderError(f"there is no provider `{other}`: use {', '.join(PROVIDERS)} or auto")


def for_recipe(
    settings: Settings, judge: Judge, recipe: Recipe, *, repairs: bool = False, batches: bool = False
) -> ModelProvider:
    """The provider that asks as the recipe says. repairs: off, so that what comes is the model's own. batches: as for
    `choose`. Raises ProviderError.
    """
    match recipe.provider:
        case "ollama":
            return _ollama(settings, recipe.model, judge, repairs=repairs, recipe=recipe)
        case "openai":
            named = settings.model_copy(update={"model": recipe.model})
            return _openai(named, judge, repairs=repairs, recipe=recipe, batches=batches)
        case "embedded":
            adapted = settings.model_copy(
                update={"embedded_adapter": Path(recipe.adapter) if recipe.adapter else settings.embedded_adapter}
            )
            return _embedded(adapted, judge, repairs=repairs, recipe=recipe)
        case other:
            raise ProviderError(f"no recipe can be written for `{other}`")


def base_recipe(settings: Settings, judge: Judge) -> Recipe | None:
    """The model that a retraining begins from, asked with the task alone; None where there is nothing to retrain.

    `auto` takes an Ollama with a model, else the embedded model. The template writer learns nothing. Raises
    ProviderError and CallError where the provider is named and not there.
    """
    named = settings.model or settings.default_model
    provider = settings.provider
    if provider == "template":
        return None
    if provider == "auto":
        provider = "ollama" if named or found_model(settings) else "embedded"
    model = named or (settings.base_model if provider == "ollama" else None)
    chosen = choose(settings.model_copy(update={"provider": provider, "model": model}), judge, repairs=False)
    if not isinstance(chosen, ModelProvider):
        return None
    question = chosen.question
    return Recipe(
        provider=provider,
        base_model=question.model,
        base_digest=question.digest,
        model=question.model,
        system=question.system,
        parameters={"temperature": TEMPERATURE},
    )


def _ollama(
    settings: Settings, model: str, judge: Judge, *, repairs: bool, recipe: Recipe | None = None
) -> ModelProvider:
    calling = _calling(settings, lambda: ollama_clients(settings, model), pricing.FREE, recipe)
    return ModelProvider("ollama", judge, calling, repairs=repairs)


def ollama_clients(settings: Settings, model: str) -> list[Ollama]:
    """A client for each Ollama that the settings name. Raises ProviderError."""
    from walmart_pipeline.llm.clients.ollama import CloudModelError, Ollama, key_for

    try:
        return [
            Ollama(
                url,
                model,
                connections=settings.concurrency,
                timeouts=_timeouts(settings),
                allow_cloud=settings.allow_cloud_models,
                key=key_for(url, settings.cloud_ollama_url, settings.ollama_api_key),
            )
            for url in ollama_urls(settings)
        ]
    except CloudModelError as error:
        raise ProviderError(f"{error} (WALMART_ALLOW_CLOUD_MODELS=true)") from error
    except ValueError as error:
        raise ProviderError(str(error)) from error


def ollama_urls(settings: Settings) -> list[str]:
    """Several servers may be named, divided by commas; they share the work."""
    named = settings.base_url or ",".join(filter(None, (settings.ollama_base_url, settings.cloud_ollama_url)))
    return [url.strip() for url in named.split(",") if url.strip()]


def found_model(settings: Settings) -> str | None:
    """The configured base model if an Ollama has it, else the first of its models by name; None if no Ollama answers.

    A Walmart-GPT is taken only where there is nothing else: which of them writes is for the registry to say, and one
    that was rolled back must not come back by its name.
    """
    from walmart_pipeline.llm.clients.ollama import Ollama, key_for
    from walmart_pipeline.llm.clients.transport import Timeouts

    async def look(url: str) -> list[str]:
        key = key_for(url, settings.cloud_ollama_url, settings.ollama_api_key)
        quick = Timeouts(read=LOOK_SECONDS, connect=LOOK_SECONDS)
        client = Ollama(url, "any", connections=1, timeouts=quick, key=key)
        try:
            return await client.models()
        finally:
            await client.close()

    for url in ollama_urls(settings):
        try:
            names = asyncio.run(look(url))
        except CallError:
            continue
        except ValueError as error:
            raise ProviderError(str(error)) from error
        local = [name for name in names if not name.lower().endswith((":cloud", "-cloud"))]
        if local:
            return min(local, key=lambda name: (name != settings.base_model, name.startswith("walmart-gpt")))
    return None


def _openai(
    settings: Settings, judge: Judge, *, repairs: bool, recipe: Recipe | None = None, batches: bool = False
) -> ModelProvider:
    model = settings.model or settings.default_model
    if not model:
        raise ProviderError("name the model: --model, or DEFAULT_MODEL")
    _openai_url(settings)
    price = _openai_price(settings, model)

    def client() -> OpenAI:
        return openai_client(settings, model, price)

    calling = _calling(settings, lambda: [client()], price, recipe)
    if not batches:
        return ModelProvider("openai", judge, calling, repairs=repairs)
    if settings.batch:
        calling = replace(calling, price=_openai_price(settings, model, batch=True))
    return BatchProvider("openai", judge, calling, repairs=repairs, client=client, sends=settings.batch)


def openai_client(settings: Settings, model: str, price: Price) -> OpenAI:
    """A client for OpenAI, or for the server that the settings name. Raises ProviderError."""
    from walmart_pipeline.llm.clients.openai import OpenAI

    try:
        return OpenAI(
            model,
            price=price,
            connections=settings.concurrency,
            timeouts=_timeouts(settings),
            key=settings.openai_api_key,
            base_url=_openai_url(settings),
        )
    except ValueError as error:
        raise ProviderError(str(error)) from error


def _openai_url(settings: Settings) -> str:
    from walmart_pipeline.llm.clients.openai import OPENAI_URL

    url = settings.base_url or OPENAI_URL
    if url == OPENAI_URL and not settings.openai_api_key:
        raise ProviderError("OPENAI_API_KEY is not set")
    return url


def _openai_price(settings: Settings, model: str, *, batch: bool = False) -> Price:
    """OpenAI's price; a server of one's own is free, unless the user's table has a price for its model."""
    from walmart_pipeline.llm.clients.openai import OPENAI_URL

    is_own = _openai_url(settings) != OPENAI_URL
    if is_own and settings.prices is None:
        return pricing.FREE
    try:
        return pricing.load(settings.prices).price(model, batch=batch)
    except pricing.UnknownPriceError as error:
        if is_own:
            return pricing.FREE
        raise ProviderError(str(error)) from error
    except pricing.PricesError as error:
        raise ProviderError(str(error)) from error


def _embedded(settings: Settings, judge: Judge, *, repairs: bool, recipe: Recipe | None = None) -> ModelProvider:
    from walmart_pipeline.llm.clients.embedded import MAX_TOKENS, Embedded

    def clients() -> list[Client]:
        digests = settings.workspace / "digests.json"
        return [Embedded(settings.embedded_model, adapter=settings.embedded_adapter, digests=digests)]

    calling = replace(
        _calling(settings, clients, pricing.FREE, recipe),
        small_model=True,
        max_tokens=min(settings.max_tokens, MAX_TOKENS),
    )
    return ModelProvider("embedded", judge, calling, repairs=repairs)


def _calling(
    settings: Settings, clients: Callable[[], Sequence[Client]], price: Price, recipe: Recipe | None
) -> Calling:
    return Calling(
        clients=clients,
        ledger_url=settings.ledger,
        limits=DispatchLimits(
            concurrency=settings.concurrency,
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
            call_seconds=settings.max_response_time,
        ),
        budget=Budget(usd=settings.budget_usd if price != pricing.FREE else None, calls=settings.budget_calls),
        price=price,
        max_tokens=settings.max_tokens,
        recipe=recipe,
    )


def _timeouts(settings: Settings) -> Timeouts:
    from walmart_pipeline.llm.clients.transport import Timeouts

    return Timeouts(read=settings.max_response_time)
