"""Records and protocol of models that rate listings."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Protocol

from pydantic import Field

from walmart_pipeline.core.records import Listing, Product, Record


class RatedText(Record):
    """A text that a model is asked about, with its record."""

    product: Product
    listing: Listing
    content_hash: str


class ModelRating(Record):
    """A model's rating of a text, or why there is none."""

    product_id: str
    content_hash: str
    stars: int | None = Field(ge=1, le=5)
    reason: str = ""
    error: str | None = None
    is_settled: bool = Field(default=True, description="Asked again, it would say the same.")
    cost_usd: float = 0.0


class Rater(Protocol):
    """A model that rates texts. Another model or prompt is another judge."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    @property
    def model(self) -> str:
        """The model, with its digest where that is known."""
        ...

    @property
    def prompt_version(self) -> str:
        """Changes whenever the same text would be asked about in another way."""
        ...

    def rate(self, texts: Iterable[RatedText]) -> Generator[ModelRating, None, None]:
        """A rating for each text, as they come; what fails has an error. Whoever stops half-way has to close it."""
        ...
