"""Labelled pairs of passages and statement, from texts of independent writers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from training.corpus import Labelled, statements_of
from training.mutations import SYNTHETIC
from walmart_pipeline.core.records import Listing
from walmart_pipeline.judge.claims.passages import Passages

# A false twin that a program made counts less than what a writer wrote.
SYNTHETIC_WEIGHT = 0.7


@dataclass(frozen=True)
class Pair:
    """A statement with the passages of its record. twin: the honest statement that a changed one was made of."""

    premise: str
    statement: str
    is_false: bool
    kind: str
    product_id: str
    writer: str
    twin: str | None = None
    is_added: bool = False

    @property
    def is_synthetic(self) -> bool:
        """Whether a program made it."""
        return self.kind == SYNTHETIC

    @property
    def weight(self) -> float:
        """How much it counts in training."""
        return SYNTHETIC_WEIGHT if self.is_synthetic else 1.0


def pairs(texts: Iterable[Labelled]) -> Iterator[Pair]:
    """Every labelled statement; of a listing that is honest, all of them."""
    honest: dict[str, Listing] = {}
    known: dict[str, Passages] = {}
    for text in texts:
        product_id = text.product.product_id
        if product_id not in known:
            known[product_id] = Passages(text.product)
        if not text.field:
            honest[product_id] = text.listing
        for statement in statements_of(text.listing):
            if text.labels_at(statement):
                twin = None if text.is_added or not text.field else _at(honest[product_id], text.field, text.start)
                yield Pair(
                    known[product_id].premise(statement.text),
                    statement.text,
                    text.is_false,
                    text.kind,
                    product_id,
                    text.writer,
                    twin,
                    text.is_added,
                )


def _at(listing: Listing, field: str, place: int) -> str | None:
    """The statement at a place of a field."""
    found = (each.text for each in statements_of(listing) if each.field == field and each.start <= place < each.end)
    return next(found, None)
