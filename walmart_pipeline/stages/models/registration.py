"""Registers versions at each Ollama server: creates the model, verifies it, and tests it with one listing.

Idempotent: after an interruption the next run continues from the server's state. `models.registrations` is for people.
A missing base model is not pulled: it has gigabytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from walmart_pipeline.llm.clients.ollama_models import OllamaRegistry, Shown

State: TypeAlias = Literal["waiting", "uploaded", "created", "compared", "registered", "refused"]

# Faults of the server or the network: the next run retries.
TRANSIENT = frozenset(("unreachable", "refused", "timeout", "dropped", "server"))

# For requests of milliseconds; creating a model has its own limit.
READ_SECONDS = 60.0

# For the first listing of a new model: one call and its retries.
SMOKE_CALLS = 3


class RegistrationError(Exception):
    """A version can't be registered at a server. `state`: waiting (retry later) or refused (the model's fault)."""

    def __init__(self, state: State, message: str) -> None:
        super().__init__(message)
        self.state: State = state


@dataclass(frozen=True)
class RegistrationRequest:
    """A version to register, its Modelfile, and the product for its first listing, None for no listing."""

    version: ModelVersion
    modelfile: Modelfile
    product: Product | None


def register_all(
    warehouse: Warehouse,
    settings: Settings,
    judge: Judge,
    requests: Sequence[RegistrationRequest],
    *,
    advance: Callable[[int, str], None],
) -> list[Row]:
    """Register versions at every server, oldest first. Returns their rows of `models.registrations`.

    A failure is stored as the row's problem. Each step is committed, and the warehouse is closed in between.
    advance: called after each registration.
    """
    with warehouse.reading() as db:
        known = {(row["name"], row["endpoint"]): row for row in db.query("select * from models.registrations")}
    rows: list[Row] = []
    for url in ollama_models.urls(settings):
        server = _Server(warehouse, settings.model_copy(update={"base_url": url}), judge)
        own = []
        for each in requests:
            own.append(server.register(each, known.get((each.version.name, server.endpoint))))
            advance(1, f"{each.version.name} {own[-1]['state']}")
        server.point_latest(own)
        rows += own
    return rows


class _Server:
    def __init__(self, warehouse: Warehouse, settings: Settings, judge: Judge) -> None:
        from walmart_pipeline.llm.clients import transport

        self._warehouse = warehouse
        self._settings = settings
        self._judge = judge
        self._url = settings.base_url or settings.ollama_base_url
        self.endpoint = transport.address(self._url).shown

    def register(self, request: RegistrationRequest, known: Row | None) -> Row:
        """Register one version; returns its row. known: the row of an earlier run."""
        row: Row = {"name": request.version.name, "endpoint": self.endpoint, "digest": None, "smoke_score": None}
        row |= (known or {}) | {"problem": None}

        def store(state: State, problem: str | None = None) -> None:
            row.update(state=state, problem=problem, updated_at=datetime.now(UTC))
            self._store(row)

        try:
            digest = asyncio.run(self._created(request, store))
            if digest != row["digest"]:
                row |= {"digest": digest, "smoke_score": None}
            if row["smoke_score"] is None and request.product is not None:
                row["smoke_score"] = self._smoke_score(request.version, request.product)
            store("registered")
        except RegistrationError as error:
            store(error.state, str(error))
        except (ProviderError, OSError) as error:
            store("refused", str(error))
        except CallError as error:
            store("waiting" if error.error_class in TRANSIENT else "refused", str(error))
        return row

    def point_latest(self, rows: Sequence[Row]) -> None:
        """Point `walmart-gpt-<tier>:latest` to the newest registered version of the tier."""
        newest = {row["name"].partition(":")[0]: row for row in rows if row["state"] == "registered"}
        for model, row in newest.items():
            try:
                asyncio.run(self._copied(row["name"], f"{model}:latest"))
            except CallError as error:
                row["problem"] = f"{model}:latest still names an older version: {error}"
                self._store(row)

    def _store(self, row: Row) -> None:
        with self._warehouse.writing() as db:
            db.upsert("models.registrations", [row], ["name", "endpoint"])

    async def _created(self, request: RegistrationRequest, store: Callable[[State], None]) -> str | None:
        """Create and verify the model unless it exists; returns its digest.

        Raises RegistrationError, CallError, OSError.
        """
        from walmart_pipeline.llm.clients import gguf

        name, modelfile = request.version.name, request.modelfile
        adapter = gguf.digest(Path(modelfile.adapter)) if modelfile.adapter else None
        async with self._client(modelfile.from_) as client:
            base = await self._base(client, request)
            shown = await client.show(name)
            if shown is None or differences(shown, modelfile, base, adapter):
                if modelfile.adapter and adapter:
                    await client.upload(Path(modelfile.adapter), adapter)
                    store("uploaded")
                await client.create(name, create_payload(modelfile, adapter))
                store("created")
                shown = await client.show(name)
            wrong = ["it is not there"] if shown is None else differences(shown, modelfile, base, adapter)
            if wrong:
                what = f"`{name}` at {client.endpoint} differs from its Modelfile: {'; '.join(wrong)}"
                raise RegistrationError("refused", what)
            store("compared")
            return await client.manifest(name)

    async def _base(self, client: OllamaRegistry, request: RegistrationRequest) -> Shown:
        """Return the server's base model. Raises RegistrationError if it is missing or has other weights."""
        if client.is_hosted:
            raise RegistrationError("refused", f"{client.endpoint} is a hosted Ollama, which keeps no models of ours")
        recipe = request.version.recipe
        digest, base = await client.manifest(recipe.base_model), await client.show(recipe.base_model)
        if base is None:
            raise RegistrationError(
                "waiting",
                f"Ollama at {client.endpoint} has no base model `{recipe.base_model}`: run `ollama pull "
                f"{recipe.base_model}`; the next `walmart-pipeline retrain` continues from there",
            )
        if recipe.base_digest and digest != recipe.base_digest:
            raise RegistrationError(
                "refused",
                f"`{recipe.base_model}` at {client.endpoint} has other weights than {request.version.name} was made "
                "for: run `walmart-pipeline retrain`, and pull the same base model at every server",
            )
        return base

    def _smoke_score(self, version: ModelVersion, product: Product) -> float:
        """Score (0–100) the model's first listing. Raises RegistrationError if it writes none."""
        about = f"the first listing of {version.name}, about {product.product_id}"
        caller = RecipeCaller(self._settings, self._judge, calls=SMOKE_CALLS)
        try:
            score = caller.scores(version.recipe, [product])[product.product_id]
        except (NoAnswerError, OutOfBudgetError) as error:
            raise RegistrationError("waiting", f"{about}, was not answered: {error}") from error
        if score == 0:
            raise RegistrationError("refused", f"{about}, is unusable")
        return score

    async def _copied(self, name: str, latest: str) -> None:
        async with self._client(name) as client:
            if await client.manifest(latest) != await client.manifest(name):
                await client.copy(name, latest)

    @asynccontextmanager
    async def _client(self, model: str) -> AsyncIterator[OllamaRegistry]:
        from walmart_pipeline.llm.clients.ollama_models import OllamaRegistry
        from walmart_pipeline.llm.clients.transport import Timeouts

        timeouts = Timeouts(read=READ_SECONDS)
        client = ollama_models.connected(OllamaRegistry, self._settings, self._url, model, timeouts)
        try:
            yield client
        finally:
            await client.close()


def create_payload(modelfile: Modelfile, adapter_sha256: str | None) -> dict[str, Any]:
    """Convert a Modelfile to the body of POST /api/create, with typed parameters: Ollama would not check texts."""
    given: dict[str, Any] = {
        "from": modelfile.from_,
        "parameters": modelfile.parameters,
        "system": modelfile.system,
        "template": modelfile.template,
        "license": modelfile.license,
        "messages": [{"role": role, "content": content} for role, content in modelfile.messages],
    }
    if modelfile.adapter and adapter_sha256:
        given["adapters"] = {Path(modelfile.adapter).name: f"sha256:{adapter_sha256}"}
    return {name: value for name, value in given.items() if value}


def differences(shown: Shown, modelfile: Modelfile, base: Shown, adapter_sha256: str | None) -> list[str]:
    """Return the differences of a model from its Modelfile.

    base: the base model, whose parameters, system text and messages it inherits.
    """
    from walmart_pipeline.llm.clients.ollama import full_name

    found = []
    if shown.parent and full_name(shown.parent) != full_name(modelfile.from_):
        found.append(f"it is made from {shown.parent}, not {modelfile.from_}")
    parameters = {**base.parameters, **{name: _stored(value) for name, value in modelfile.parameters.items()}}
    for name in sorted(parameters.keys() | shown.parameters.keys()):
        actual, expected = shown.parameters.get(name), parameters.get(name)
        if actual != expected or type(actual) is not type(expected):
            found.append(f"{name} is {actual!r}, not {expected!r}")
    if shown.system != (modelfile.system or base.system):
        found.append("its system text differs")
    messages = modelfile.messages or base.messages
    if shown.messages != messages:
        found.append(f"its {len(shown.messages)} messages are not the {len(messages)} of its Modelfile")
    if adapter_sha256 and adapter_sha256 not in shown.adapters:
        found.append("its adapter differs")
    return found


def _stored(value: Any) -> Any:
    """Convert a parameter as Ollama does: every number to a float."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
