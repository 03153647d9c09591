"""The records that all stages share: product, listing, completion, quality report, rating and training example."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

Severity: TypeAlias = Literal["blocking", "major", "minor"]
Band: TypeAlias = Literal["poor", "good", "excellent"]
Dimension: TypeAlias = Literal["compliance", "grounding", "writing", "coverage", "readability", "search", "uniqueness"]
CompletionStatus: TypeAlias = Literal["complete", "declined", "failed"]

# Name of the provider, and of the author, that writes without a model.
TEMPLATE = "template"

_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Record(BaseModel):
    """Base of all records: immutable, compared by content, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Product(Record):
    """One product of the retailer's catalog, cleaned: the only source of truth for a text about it."""

    product_id: str
    product_name: str
    brand: str | None = None
    category: list[str] = Field(default_factory=list, description="Path, broad to narrow.")
    attributes: dict[str, str] = Field(default_factory=dict, description="Name to value, in the order of the feed.")
    options: dict[str, list[str]] = Field(
        default_factory=dict, description="Values of the product's variants: which one is this item is unknown."
    )
    conflicts: dict[str, list[str]] = Field(
        default_factory=dict, description="What the record contradicts itself on, with the values that it gives."
    )
    features: list[str] = Field(default_factory=list)
    description: str = Field(default="", description="The source's own text; paragraphs and list items on own lines.")
    price: float | None = None
    gtin: str | None = Field(default=None, description="14 digits, check digit verified.")
    rating: float | None = None
    review_count: int | None = None
    source_file: str = ""
    source_row: int = Field(default=0, description="1 is the first row of data.")

    @property
    def facts(self) -> dict[str, Any]:
        """What generation may use, without price, rating and identifiers: their changes make no text stale.

        Without options and conflicts it is as it was before these existed, and so is its hash.
        """
        stated = {
            "product_name": self.product_name,
            "brand": self.brand,
            "category": self.category,
            "attributes": self.attributes,
            "features": self.features,
            "description": self.description,
        }
        return stated | {name: value for name in ("options", "conflicts") if (value := getattr(self, name))}

    @property
    def facts_hash(self) -> str:
        """Hash of `facts`, 32 hex digits."""
        return content_hash(self.facts)


class Listing(Record):
    """The text that Walmart shows for a product."""

    title: str = ""
    key_features: list[str] = Field(default_factory=list)
    description: str = Field(default="", description="Paragraphs are separated by a blank line.")
    seo_keywords: list[str] = Field(default_factory=list)

    @property
    def content_hash(self) -> str:
        """Hash of the text, 32 hex digits."""
        return content_hash(self.model_dump())


class Completion(Record):
    """One answer of a provider to one request; `text` is the raw answer, which can be parsed again."""

    request_hash: str
    provider: str
    model: str
    prompt_version: str
    status: CompletionStatus = Field(description="declined: the facts cannot carry a listing.")
    text: str = ""
    error: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0
    fallback: str | None = Field(default=None, description="Why the template writer's text stands in for the model's.")

    @property
    def written_by(self) -> str:
        """The text's true author: `model`, unless the template writer stands in for it."""
        return TEMPLATE if self.fallback else self.model


class Violation(Record):
    """A broken rule, with the exact words that break it."""

    rule: str
    severity: Severity
    field: str = Field(description="title, key_features[0], description, seo_keywords or listing.")
    evidence: str
    message: str = Field(description="What a writer should change.")


class QualityReport(Record):
    """The scores of one listing. A dimension that was not measured is None, never 0."""

    product_id: str
    score: float = Field(ge=0, le=100)
    band: Band
    publishable: bool
    dimensions: dict[Dimension, float | None]
    violations: list[Violation]
    policy: str = Field(description="Profile and version, such as walmart-2025@3f2a….")

    def as_row(self) -> dict[str, Any]:
        """The report as a table row, with a column for each dimension."""
        return self.model_dump(exclude={"dimensions"}) | dict(self.dimensions)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The report of a table row; other columns are ignored."""
        fields = {name: row[name] for name in cls.model_fields if name != "dimensions"}
        return cls(**fields, dimensions={name: row[name] for name in get_args(Dimension)})


class Rating(Record):
    """A reviewer's rating of a listing: 1 (unusable) to 5 (publish as it is)."""

    product_id: str
    content_hash: str
    stars: int = Field(ge=1, le=5)
    reviewer: str
    rated_at: datetime
    comment: str = ""


class ExampleInput(Record):
    """The product as sent to a model."""

    product_name: str
    features: list[str]
    category: str
    user_preferences: dict[str, str] = Field(default_factory=dict)


class ExampleOutput(Record):
    """The target answer of a model."""

    title: str
    features_formatted: str = Field(description="One feature a line.")
    description: str
    seo_keywords: list[str]


class ExampleMetadata(Record):
    """Origin and quality of the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model_used: str
    generation_time: float = Field(description="Seconds.")
    quality_score: float
    user_rating: float | None = None


class TrainingExample(Record):
    """The published schema of a training example; training_data.json is a list of these."""

    timestamp: datetime
    input: ExampleInput
    output: ExampleOutput
    metadata: ExampleMetadata


def content_hash(value: Any) -> str:
    """Hash of a JSON value, 32 hex digits; the order of keys does not matter."""
    return hashlib.blake2b(_CANONICAL.encode(value).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
