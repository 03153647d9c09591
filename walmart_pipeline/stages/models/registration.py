"""A version's model at each Ollama of the settings, made once and read back.

Belongs here: the steps of registration, their order, and what is kept after each. Does not: the REST calls
(llm/clients/ollama_models.py), a model in their words (ollama_payloads.py), which versions are registered
(candidates.py).

A version is registered at a server when its model reads back as its Modelfile says and has written one listing. What
holds already is not done again, so whatever ended a run, even a kill, the next one goes on from the server's state; the
table is what a person reads. Where the base model is missing, nothing is downloaded: it has gigabytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse
from walmart_pipeline.generation import ollama_models
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.generation.recipe_trials import NoAnswerError, OutOfBudgetError, RecipeCaller
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.registry.model_versions import ModelVersion
from walmart_pipeline.stages.models.modelfile import Modelfile
from walmart_pipeline.stages.models.ollama_payloads import differences, fields

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.ollama_models import OllamaRegistry, Shown

State: TypeAlias = Literal["waiting", "uploaded", "created", "compared", "registered", "refused"]

# Of the server's own making or of the way to it: the next run tries again.
PASSING = frozenset(("unreachable", "refused", "timeout", "dropped", "server"))

# Listing models and showing one take milliseconds; a create has a limit of its own.
READ_SECONDS = 60.0

# The listing that a new model writes: calls at most, the first and its repeats after a fault of the server.
SMOKE_CALLS = 3


class RegistrationError(Exception):
    """A version cannot be registered at a server. `state`: waiting (try again) or refused (it is the model's fault)."""

    def __init__(self, state: State, message: str) -> None:
        super().__init__(message)
        self.state: State = state


@dataclass(frozen=True)
class Meant:
    """A version, what its Modelfile says, and the product that its first listing is about (none: no listing)."""

    version: ModelVersion
    says: Modelfile
    smoke: Product | None


def register_all(
    warehouse: Warehouse,
    settings: Settings,
    judge: Judge,
    wanted: Sequence[Meant],
    *,
    advance: Callable[[int, str], None],
) -> list[Row]:
    """Register versions at every server, oldest first; returns their rows of `models.registrations`.

    What is in the way is kept as a row's problem and ends only that registration: Ollama need not be there. Each step
    is committed when it is done, and the warehouse is closed in between. advance: told each registration that ends.
    """
    with warehouse.reading() as db:
        known = {(row["name"], row["endpoint"]): row for row in db.query("select * from models.registrations")}
    rows: list[Row] = []
    for url in ollama_models.urls(settings):
        here = settings.model_copy(update={"base_url": url})
        own = [_register(warehouse, here, judge, meant, known, advance) for meant in wanted]
        _point_latest(warehouse, here, own)
        rows += own
    return rows


def _register(
    warehouse: Warehouse,
    settings: Settings,
    judge: Judge,
    meant: Meant,
    known: Mapping[tuple[str, str], Row],
    advance: Callable[[int, str], None],
) -> Row:
    name, endpoint = meant.version.name, _shown_address(settings)
    row: Row = {"name": name, "endpoint": endpoint, "digest": None, "smoke_score": None}
    row |= known.get((name, endpoint), {}) | {"problem": None}

    def keep(state: State, **changed: object) -> None:
        row.update(changed, state=state, updated_at=datetime.now(UTC))
        _write(warehouse, row)

    try:
        digest = asyncio.run(_make(settings, meant, keep))
        if digest != row["digest"]:
            row |= {"digest": digest, "smoke_score": None}
        if row["smoke_score"] is None and meant.smoke is not None:
            row["smoke_score"] = _smoke(settings, judge, meant.version, meant.smoke)
        keep("registered")
    except RegistrationError as error:
        keep(error.state, problem=str(error))
    except (ProviderError, OSError) as error:
        keep("refused", problem=str(error))
    except CallError as error:
        keep("waiting" if error.error_class in PASSING else "refused", problem=str(error))
    advance(1, f"{meant.version.name} {row['state']}")
    return row


async def _make(settings: Settings, meant: Meant, keep: Callable[[State], None]) -> str | None:
    """The model at the server, made unless it is there as it should be; returns its digest.

    Raises RegistrationError, CallError, OSError.
    """
    from walmart_pipeline.llm.clients.ollama_models import sha256

    name, says = meant.version.name, meant.says
    adapter = sha256(Path(says.adapter)) if says.adapter else None
    client = _client(settings, says.from_)
    try:
        base = await _base(client, meant)
        shown = await client.show(name)
        if shown is None or differences(shown, says, base, adapter):
            if says.adapter and adapter:
                await client.upload(Path(says.adapter), adapter)
                keep("uploaded")
            await client.create(name, fields(says, adapter))
            keep("created")
            shown = await client.show(name)
        wrong = ["it is not there"] if shown is None else differences(shown, says, base, adapter)
        if wrong:
            told = "; ".join(wrong)
            raise RegistrationError("refused", f"`{name}` at {client.endpoint} is not what its Modelfile says: {told}")
        keep("compared")
        return await client.manifest(name)
    finally:
        await client.close()


async def _base(client: OllamaRegistry, meant: Meant) -> Shown:
    """The base model as the server has it. Raises RegistrationError where it is missing or has other weights."""
    if client.is_hosted:
        raise RegistrationError("refused", f"{client.endpoint} is a hosted Ollama, which keeps no models of ours")
    recipe = meant.version.recipe
    digest, base = await client.manifest(recipe.base_model), await client.show(recipe.base_model)
    if base is None:
        raise RegistrationError(
            "waiting",
            f"Ollama at {client.endpoint} has no base model `{recipe.base_model}`: run `ollama pull "
            f"{recipe.base_model}`; the next `walmart-pipeline retrain` goes on from there",
        )
    if recipe.base_digest and digest != recipe.base_digest:
        raise RegistrationError(
            "refused",
            f"`{recipe.base_model}` at {client.endpoint} has other weights than {meant.version.name} was made for: run "
            "`walmart-pipeline retrain`, and pull the same base model at every server",
        )
    return base


def _smoke(settings: Settings, judge: Judge, version: ModelVersion, product: Product) -> float:
    """Score (0–100) of the first listing that the model writes. Raises RegistrationError where it writes none."""
    about = f"the first listing of {version.name}, about {product.product_id}"
    try:
        score = RecipeCaller(settings, judge, calls=SMOKE_CALLS).scores(version.recipe, [product])[product.product_id]
    except (NoAnswerError, OutOfBudgetError) as error:
        raise RegistrationError("waiting", f"{about}, did not come: {error}") from error
    if score == 0:
        raise RegistrationError("refused", f"{about}, is none: what it answered cannot be used")
    return score


def _write(warehouse: Warehouse, row: Row) -> None:
    with warehouse.writing() as db:
        db.upsert("models.registrations", [row], ["name", "endpoint"])


def _point_latest(warehouse: Warehouse, settings: Settings, rows: Sequence[Row]) -> None:
    """Let `walmart-gpt-<tier>:latest` be the newest version of the tier that is registered at this server."""
    newest: dict[str, Row] = {}
    for row in rows:
        if row["state"] == "registered":
            newest[row["name"].partition(":")[0]] = row
    for model, row in newest.items():
        try:
            asyncio.run(_copied(settings, row["name"], f"{model}:latest"))
        except CallError as error:
            row["problem"] = f"{model}:latest still names an older version: {error}"
            _write(warehouse, row)


async def _copied(settings: Settings, name: str, latest: str) -> None:
    client = _client(settings, name)
    try:
        if await client.manifest(latest) != await client.manifest(name):
            await client.copy(name, latest)
    finally:
        await client.close()


def _client(settings: Settings, model: str) -> OllamaRegistry:
    """A client of the one server that these settings name. Raises ProviderError."""
    from walmart_pipeline.llm.clients.ollama import CloudModelError, key_for
    from walmart_pipeline.llm.clients.ollama_models import OllamaRegistry
    from walmart_pipeline.llm.clients.transport import Timeouts

    url = settings.base_url or settings.ollama_base_url
    try:
        return OllamaRegistry(
            url,
            model,
            connections=1,
            timeouts=Timeouts(read=READ_SECONDS),
            allow_cloud=settings.allow_cloud_models,
            key=key_for(url, settings.cloud_ollama_url, settings.ollama_api_key),
        )
    except CloudModelError as error:
        raise ProviderError(f"{error} (WALMART_ALLOW_CLOUD_MODELS=true)") from error
    except ValueError as error:
        raise ProviderError(str(error)) from error


def _shown_address(settings: Settings) -> str:
    from walmart_pipeline.llm.clients import transport

    return transport.address(settings.base_url or settings.ollama_base_url).shown
