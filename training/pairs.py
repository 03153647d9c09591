"""Labelled pairs of passages and statement, from texts of independent writers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from walmart_pipeline.core.records import Listing
from walmart_pipeline.judge.claims.corpus import Labelled
from walmart_pipeline.judge.claims.passages import Passages
from walmart_pipeline.judge.claims.statements import Statement, statements


@dataclass(frozen=True)
class Pair:
    """A statement with the passages of its record. twin: the honest statement that a false one was made of."""

    premise: str
    statement: str
    is_false: bool
    kind: str
    product_id: str
    writer: str
    twin: str | None = None
    is_added: bool = False
    weight: float = 1.0

    def falsified(self, statement: str, kind: str, weight: float) -> Pair:
        """A false twin of an honest pair, with the same passages."""
        return replace(self, statement=statement, is_false=True, kind=kind, twin=self.statement, weight=weight)


def pairs(texts: Iterable[Labelled]) -> Iterator[Pair]:
    """Every statement of an honest listing; of a listing with a fault or an added sentence the false statement."""
    honest: dict[str, Labelled] = {}
    for text in texts:
        product_id = text.product.product_id
        passages = Passages(text.product)
        if not text.kind:
            honest[product_id] = text
            found: Iterable[Statement] = _statements(text.listing)
        else:
            found = [each for each in _statements(text.listing) if _overlaps(each, text)]
        for statement in found:
            twin = None if text.is_added or not text.kind else _at(honest[product_id].listing, text.field, text.start)
            yield Pair(
                passages.premise(statement.text),
                statement.text,
                bool(text.kind),
                text.kind,
                product_id,
                text.writer,
                twin,
                text.is_added,
            )


def _statements(listing: Listing) -> Iterator[Statement]:
    features = [(f"key_features[{index}]", feature) for index, feature in enumerate(listing.key_features)]
    return statements([("title", listing.title), *features, ("description", listing.description)])


def _overlaps(statement: Statement, text: Labelled) -> bool:
    return statement.field == text.field and statement.start < text.end and text.start < statement.end


def _at(listing: Listing, field: str, place: int) -> str | None:
    """The statement at a place of a field."""
    found = (each.text for each in _statements(listing) if each.field == field and each.start <= place < each.end)
    return next(found, None)
