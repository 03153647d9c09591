"""Labelled listings of independent writers: honest ones, and twins with one false, added or reworded fact."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.judge.claims.listing_text import KEYWORDS, ListingText, fields_of
from walmart_pipeline.judge.claims.statements import Statement, statements

DATA = Path(__file__).parents[1] / "data/judging"


class Labelled(NamedTuple):
    """A listing. With a field: only the statement there counts, which is false, or true in hard words.

    kind: of what is false, "" for what is true. field: as ListingText names it. writer: who wrote the listing, so that
    no writer is in both training and test. doubted: statements of an honest listing that a reader doubts. is_hard: by a
    writer who was asked for faults, or true rewordings, that are hard to recognise.
    """

    writer: str
    product: Product
    listing: Listing
    kind: str = ""
    is_added: bool = False
    field: str = ""
    start: int = 0
    end: int = 0
    doubted: tuple[str, ...] = ()
    is_hard: bool = False

    @property
    def is_false(self) -> bool:
        """Whether the statement is false."""
        return bool(self.kind)

    def span(self, listing: ListingText) -> tuple[int, int]:
        """The place of the labelled words in the listing's whole text; the whole text where all is labelled."""
        if not self.field:
            return 0, len(listing.text)
        (offset,) = (at for (name, _), at in zip(listing.fields, listing.starts, strict=True) if name == self.field)
        return offset + self.start, offset + self.end

    def labels_at(self, statement: Statement) -> bool:
        """Whether a statement of the listing is labelled."""
        if self.field:
            return statement.field == self.field and statement.start < self.end and self.start < statement.end
        return statement.text not in self.doubted

    def labels(self, listing: ListingText, start: int, end: int) -> bool:
        """Whether a statement at this place of the listing's whole text is labelled."""
        first, last = self.span(listing)
        return start < last and first < end and not (self.doubted and listing.text[start:end] in self.doubted)


def read(texts: Iterable[Path], records: Iterable[Path]) -> Iterator[Labelled]:
    """Read files of listings in the form of the writer's brief; a listing may bring its own record.

    Raises KeyError for a listing without a record, ValueError for a fault that is not in its text.
    """
    products = {row["product_id"]: row for path in records for row in _rows(path)}
    for path in texts:
        for row in _rows(path):
            source = row.get("record") or products[row["product_id"]]
            product = Product.model_validate({name: source[name] for name in source if name in Product.model_fields})
            writer = f"{path.stem}{row.get('writer', '')}"
            yield from _labelled(writer, product, row)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options that name the files."""
    parser.add_argument("--texts", type=Path, nargs="+", default=[DATA / "listings.jsonl"], help="labelled listings")
    records = [DATA / "records.jsonl"]
    parser.add_argument("--records", type=Path, nargs="*", default=records, help="records of texts that bring none")


def statements_of(listing: Listing) -> Iterator[Statement]:
    """The statements of a listing, without keywords."""
    return statements((name, text) for name, text in fields_of(listing) if not name.startswith(KEYWORDS))


def _labelled(writer: str, product: Product, row: dict[str, Any]) -> Iterator[Labelled]:
    listing = Listing.model_validate(row["listing"])
    yield Labelled(writer, product, listing, doubted=tuple(row.get("doubted", ())))
    for fault in row["faults"]:
        changed = Labelled(writer, product, listing, fault["kind"], is_hard=fault.get("hard", False))
        yield _changed(changed, fault, fault["faulty"])
    for rewording in row.get("rewordings", ()):
        yield _changed(Labelled(writer, product, listing, is_hard=True), rewording, rewording["reworded"])
    for extra in row["extras"]:
        text = f"{listing.description} {extra['sentence']}"
        changed = listing.model_copy(update={"description": text})
        start = len(listing.description) + 1
        span = ("description", start, len(text))
        yield Labelled(writer, product, changed, extra["kind"], True, *span, is_hard=extra.get("hard", False))


def replaced(honest: Labelled, field: str, start: int, before: str, after: str) -> Labelled:
    """The listing with other words at a place of a field; what is labelled are those that differ."""
    listing = honest.listing
    if field.startswith("key_features"):
        at = int(field[len("key_features[") : -1])
        features = [*listing.key_features]
        features[at] = f"{features[at][:start]}{after}{features[at][start + len(before) :]}"
        changed = listing.model_copy(update={"key_features": features})
    else:
        text: str = getattr(listing, field)
        changed = listing.model_copy(update={field: f"{text[:start]}{after}{text[start + len(before) :]}"})
    first = _shared(before, after)
    last = _shared(before[first:][::-1], after[first:][::-1])
    return honest._replace(
        listing=changed, field=field, start=start + first, end=start + max(first + 1, len(after) - last)
    )


def _changed(honest: Labelled, change: dict[str, Any], after: str) -> Labelled:
    """The listing with a writer's change."""
    before, listing = change["honest"], honest.listing
    fields = [(f"key_features[{place}]", feature) for place, feature in enumerate(listing.key_features)]
    for field, text in (*fields, ("title", listing.title), ("description", listing.description)):
        if field.startswith(change["field"]) and before in text:
            return replaced(honest, field, text.index(before), before, after)
    raise ValueError(f"{honest.product.product_id}: {before!r} is not in the {change['field']}")


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)
