"""Builds the provider that the settings name, or chooses one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import ollama_models, server_list
from walmart_pipeline.generation.batch_provider import BatchProvider
from walmart_pipeline.generation.model_provider import TEMPERATURE, CallSettings, ModelProvider
from walmart_pipeline.generation.ollama_models import WriterAwayError
from walmart_pipeline.generation.provider import Provider, ProviderError
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.generation.template.writer import TemplateWriter
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.calls import Client
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.pricing import Price, Prices

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.openai import OpenAI

PROVIDERS = ("ollama", "openai", "embedded", "template")

BATCH_WITHOUT_OPENAI = "only the provider openai takes batches: add --provider openai, or --no-batch"

NO_SERVERS: Mapping[str, float] = MappingProxyType({})
NO_CHAMPIONS: Mapping[str, Recipe] = MappingProxyType({})


def choose(
    settings: Settings,
    judge: Judge,
    *,
    repairs: bool = True,
    champions: Mapping[str, Recipe] = NO_CHAMPIONS,
    last_writer: str | None = None,
    batches: bool = False,
) -> Provider:
    """The provider that writes.

    `auto` is an Ollama with a model that can write, otherwise the template writer, as a stand-in if a model is known
    that should write. A provider that costs money has to be named.
    champions: by provider, the recipe used if no model is named. last_writer: the Ollama model that wrote before, used
    if nothing else is named. batches: `openai` becomes a BatchProvider, which submits batches if the settings say so
    and always collects earlier ones. Raises ProviderError.
    """
    if batches and settings.batch and settings.provider != "openai":
        raise ProviderError(BATCH_WITHOUT_OPENAI)
    named = settings.model or settings.default_model
    match settings.provider:
        case "template":
            return TemplateWriter(judge)
        case "auto":
            return _automatic(settings, judge, repairs, champions, last_writer)
        case "ollama" | "openai" | "embedded" as name if name in champions and not named:
            return for_recipe(settings, judge, champions[name], repairs=repairs, batches=batches)
        case "ollama" if not named:
            try:
                model, notice = ollama_models.choose(settings, last_writer)
            except WriterAwayError as error:
                raise ProviderError(
                    f"{error}: start it with `ollama serve`, pull a model, or set OLLAMA_BASE_URL; or run with "
                    "--provider template"
                ) from error
            return _ollama(settings, model, judge, repairs=repairs, notice=notice)
        case _:
            return model_provider(settings, judge, repairs=repairs, batches=batches)


def _automatic(
    settings: Settings, judge: Judge, repairs: bool, champions: Mapping[str, Recipe], last_writer: str | None
) -> Provider:
    named, champion = settings.model or settings.default_model, champions.get("ollama")
    expected = named or (champion.model if champion else last_writer)
    try:
        if not named and not champion:
            model, notice = ollama_models.choose(settings, last_writer)
            return _ollama(settings, model, judge, repairs=repairs, notice=notice)
        ollama_models.check_answer(settings, str(expected))
    except WriterAwayError as error:
        return TemplateWriter(judge, outage=str(error) if expected else None)
    if champion and not named:
        return for_recipe(settings, judge, champion, repairs=repairs)
    return _ollama(settings, str(named), judge, repairs=repairs)


def model_provider(
    settings: Settings, judge: Judge, *, repairs: bool = False, batches: bool = False, recipe: Recipe | None = None
) -> ModelProvider:
    """The provider of the configured model, with an optional recipe. Raises ProviderError."""
    match settings.provider:
        case "ollama":
            model = settings.model or settings.default_model or ollama_models.choose(settings, None)[0]
            return _ollama(settings, model, judge, repairs=repairs, recipe=recipe)
        case "openai":
            return _openai(settings, judge, repairs=repairs, recipe=recipe, batches=batches)
        case "embedded":
            return _embedded(settings, judge, repairs=repairs, recipe=recipe)
        case other:
            raise ProviderError(f"there is no provider `{other}`: use {', '.join(PROVIDERS)} or auto")


def for_recipe(
    settings: Settings, judge: Judge, recipe: Recipe, *, repairs: bool = False, batches: bool = False
) -> ModelProvider:
    """The provider of a recipe; without repairs, answers are the model's own. Raises ProviderError."""
    changes: dict[str, object] = {"provider": recipe.provider, "model": recipe.model}
    if recipe.provider == "embedded" and recipe.adapter:
        changes["embedded_adapter"] = Path(recipe.adapter)
    return model_provider(settings.model_copy(update=changes), judge, repairs=repairs, batches=batches, recipe=recipe)


def base_recipe(settings: Settings, judge: Judge, *, last_writer: str | None = None) -> Recipe | None:
    """The base model of a retraining with the task alone; None for the template writer, which can't be trained.

    `auto` uses the Ollama model that writes, else the embedded model. last_writer: see `choose`. Raises ProviderError,
    and CallError if a named provider is not available.
    """
    if settings.provider == "template":
        return None
    provider, model = settings.provider, settings.model or settings.default_model
    if provider in ("auto", "ollama") and not model:
        try:
            model = settings.base_model if provider == "ollama" else ollama_models.choose(settings, last_writer)[0]
        except WriterAwayError:
            if last_writer:
                raise
            provider = "embedded"
    provider = "ollama" if provider == "auto" else provider
    named = settings.model_copy(update={"provider": provider, "model": model})
    prompt = model_provider(named, judge).prompt
    return Recipe(
        provider=provider,
        base_model=prompt.model,
        base_digest=prompt.digest,
        model=prompt.model,
        system=prompt.system,
        parameters={"temperature": TEMPERATURE},
    )


def _ollama(
    settings: Settings,
    model: str,
    judge: Judge,
    *,
    repairs: bool,
    recipe: Recipe | None = None,
    notice: str | None = None,
) -> ModelProvider:
    price = _own_price(settings, model, recipe.base_model if recipe else model)
    servers = ollama_models.weights(settings)
    call_settings = _call_settings(
        settings, lambda: ollama_models.clients(settings, model, price), price, recipe, servers=servers
    )
    return ModelProvider("ollama", judge, call_settings, repairs=repairs, notice=notice)


def _openai(settings: Settings, judge: Judge, *, repairs: bool, recipe: Recipe | None, batches: bool) -> ModelProvider:
    model = settings.model or settings.default_model
    if not model:
        raise ProviderError("name the model: --model, or DEFAULT_MODEL")
    price = _openai_price(settings, model)

    def client() -> OpenAI:
        return openai_client(settings, model, price)

    def clients() -> list[OpenAI]:
        return [openai_client(settings, model, price, url) for url in servers]

    servers = _openai_servers(settings)
    call_settings = _call_settings(settings, clients, price, recipe, servers=servers)
    if not batches:
        return ModelProvider("openai", judge, call_settings, repairs=repairs)
    if settings.batch:
        call_settings = replace(call_settings, price=_openai_price(settings, model, batch=True))
    return BatchProvider(judge, call_settings, repairs=repairs, client=client, sends=settings.batch)


def openai_client(settings: Settings, model: str, price: Price, url: str | None = None) -> OpenAI:
    """A client for OpenAI or a server of the settings, the first unless told otherwise. Raises ProviderError."""
    from walmart_pipeline.llm.clients.openai import OpenAI
    from walmart_pipeline.llm.clients.transport import Timeouts

    try:
        return OpenAI(
            model,
            price=price,
            connections=settings.concurrency,
            timeouts=Timeouts(read=settings.max_response_time),
            key=settings.openai_api_key,
            base_url=url or next(iter(_openai_servers(settings))),
        )
    except ValueError as error:
        raise ProviderError(str(error)) from error


def _openai_servers(settings: Settings) -> dict[str, float]:
    """Weights of the servers that share the work, by URL."""
    from walmart_pipeline.llm.clients.openai import OPENAI_URL

    servers = server_list.weights(settings.base_url or OPENAI_URL)
    if OPENAI_URL in servers and not settings.openai_api_key:
        raise ProviderError("OPENAI_API_KEY is not set")
    return servers


def _openai_price(settings: Settings, model: str, *, batch: bool = False) -> Price:
    """The price of a model's tokens at OpenAI where it is among the servers, else at servers of one's own."""
    from walmart_pipeline.llm.clients.openai import OPENAI_URL

    if OPENAI_URL not in _openai_servers(settings):
        return _own_price(settings, model, batch=batch)
    try:
        return _prices(settings).price(model, batch=batch)
    except pricing.UnknownPriceError as error:
        raise ProviderError(str(error)) from error


def _own_price(settings: Settings, *names: str, batch: bool = False) -> Price:
    """The price of a model's tokens at an own server: free unless the user's table has one of its names."""
    for name in names if settings.prices else ():
        with suppress(pricing.UnknownPriceError):
            return _prices(settings).price(name, batch=batch)
    return pricing.FREE


def _by_address(settings: Settings, servers: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """By the address that their clients show: weights, and USD an hour of servers that the user's table names."""
    rented = _prices(settings).servers if settings.prices else {}
    if not rented and len(servers) < 2:
        return {}, {}
    from walmart_pipeline.llm.clients import transport

    try:
        by_origin = {transport.address(url).origin: usd for url, usd in rented.items()}
        wheres = {transport.address(url): weight for url, weight in servers.items()}
    except ValueError as error:
        raise ProviderError(f"{error} (also in {settings.prices})" if settings.prices else str(error)) from error
    rents = {where.shown: by_origin[where.origin] for where in wheres if where.origin in by_origin}
    return {where.shown: weight for where, weight in wheres.items()}, rents


def _prices(settings: Settings) -> Prices:
    try:
        return pricing.load(settings.prices)
    except pricing.PricesError as error:
        raise ProviderError(str(error)) from error


def _embedded(settings: Settings, judge: Judge, *, repairs: bool, recipe: Recipe | None) -> ModelProvider:
    from walmart_pipeline.llm.clients.embedded import MAX_TOKENS, Embedded

    def clients() -> list[Client]:
        digests = settings.workspace / "digests.json"
        return [Embedded(settings.embedded_model, adapter=settings.embedded_adapter, digests=digests)]

    call_settings = _call_settings(settings, clients, pricing.FREE, recipe)
    small = replace(call_settings, small_model=True, max_tokens=min(settings.max_tokens, MAX_TOKENS))
    return ModelProvider("embedded", judge, small, repairs=repairs)


def _call_settings(
    settings: Settings,
    clients: Callable[[], Sequence[Client]],
    price: Price,
    recipe: Recipe | None,
    *,
    servers: Mapping[str, float] = NO_SERVERS,
) -> CallSettings:
    weights, rents = _by_address(settings, servers)
    budget = Budget(calls=settings.budget_calls, price=price, rents=rents)
    return CallSettings(
        clients=clients,
        ledger_url=settings.ledger,
        limits=DispatchLimits(
            concurrency=settings.concurrency,
            requests_per_minute=settings.requests_per_minute,
            tokens_per_minute=settings.tokens_per_minute,
            call_seconds=settings.max_response_time,
            weights=weights,
        ),
        budget=budget if budget.is_free else replace(budget, usd=settings.budget_usd),
        price=price,
        max_tokens=settings.max_tokens,
        recipe=recipe,
    )
