"""Token prices, cost of calls, and estimates of runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.llm import token_counts

SHIPPED = Path(__file__).parent / "pricing.yaml"
# Dated snapshots of OpenAI have the price of their model: gpt-5-mini-2025-08-07.
SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
# Fine-tuned models have the price of their base: ft:gpt-4.1-mini-2025-04-14:acme:walmart:C3rey7aw.
FINE_TUNED = re.compile(r"^(ft:[^:]+):.*$")
# Sections that a user's file overrides line by line.
SECTIONS = ("models", "training", "servers")
MILLION = 1_000_000


class PricesError(ValueError):
    """A price table is invalid. The message names the file, the entry and the remedy."""


class UnknownPriceError(ValueError):
    """No price is known for a model."""


class _PricePart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_PricePart):
    """USD per million tokens. Cache prices default to the input price."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    cache_write: float | None = Field(default=None, ge=0)

    def cost(
        self, *, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0, written_tokens: int = 0
    ) -> float:
        """USD of a call. cached_tokens, written_tokens: prompt tokens read from and written to the cache."""
        plain = max(0, prompt_tokens - cached_tokens - written_tokens)
        cached = self.input if self.cached_input is None else self.cached_input
        written = self.input if self.cache_write is None else self.cache_write
        prompt = plain * self.input + cached_tokens * cached + written_tokens * written
        return (prompt + completion_tokens * self.output) / MILLION


# Self-hosted servers.
FREE = Price(input=0, output=0)


class Prices(_PricePart):
    """The price table.

    batch: price of a batch call as a share of a normal one. training: see `training_price`. servers: USD an hour of
    servers that are rented, by address.
    """

    batch: float = Field(gt=0, le=1)
    models: Mapping[str, Price]
    training: Mapping[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    servers: Mapping[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)

    def price(self, model: str, *, batch: bool = False) -> Price:
        """The price of a model, also by its dated snapshot or a fine-tuned version. Raises UnknownPriceError."""
        base = FINE_TUNED.sub(r"\1", model)
        found = self.models.get(model) or self.models.get(base) or self.models.get(SNAPSHOT.sub("", base))
        if found is None:
            raise UnknownPriceError(
                f"no price is known for `{model}`, so no budget could hold it: add it to a YAML file of your own, "
                f"in the form of {SHIPPED}"
            )
        if not batch:
            return found
        return Price(**{name: None if usd is None else usd * self.batch for name, usd in found.model_dump().items()})

    def training_price(self, model: str) -> float:
        """USD per million trained tokens of all epochs. Raises UnknownPriceError."""
        for name in (model, SNAPSHOT.sub("", model)):
            if name in self.training:
                return self.training[name]
        raise UnknownPriceError(
            f"no price is known for training `{model}`, so no budget could hold it: fine-tune one of "
            f"{', '.join(sorted(self.training))}, or add it under `training:` to a YAML file of your own, in the form "
            f"of {SHIPPED}"
        )


class Estimate(_PricePart):
    """Estimated calls, tokens and cost of a run."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float


def estimate(price: Price, *, calls: int, prompt_characters: int, completion_tokens_a_call: int) -> Estimate:
    """Estimate a run from the characters of all its prompts, without caching and repeated calls."""
    prompt_tokens, completion_tokens = token_counts.estimate(prompt_characters), calls * completion_tokens_a_call
    return Estimate(
        calls=calls,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost_usd=price.cost(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens),
    )


def load(path: Path | None = None) -> Prices:
    """The shipped table, overridden model by model by the file at `path`. Raises PricesError."""
    shipped = _content(SHIPPED)
    if path is None:
        return _table(SHIPPED, shipped)
    own = _content(path)
    merged = {}
    for section in SECTIONS:
        lines = own.get(section) or {}
        if not isinstance(lines, dict):
            raise PricesError(f"{path}: {section}: not a mapping: write `{section}:` and a line for each model")
        merged[section] = shipped.get(section, {}) | lines
    return _table(path, shipped | own | merged)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        raise PricesError(f"{path}: {error.strerror}: give the path of a price table that exists") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PricesError(f"{path}: not YAML in UTF-8 ({error}): correct the file") from error
    if not isinstance(content, dict):
        raise PricesError(f"{path}: not a mapping: begin with `models:`")
    return content


def _table(path: Path, content: dict[str, Any]) -> Prices:
    try:
        return Prices.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise PricesError(f"{path}: {wrong}") from error
