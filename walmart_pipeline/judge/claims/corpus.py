"""Labelled listings of independent writers: honest ones, and twins with one false or one added fact."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from walmart_pipeline.core.records import Listing, Product

DATA = Path(__file__).parents[3] / "data/judging"


class Labelled(NamedTuple):
    """A listing, and the place and kind of its only false statement; kind "" for an honest listing.

    field: as ListingText names it. writer: who wrote it, so that no writer is in both training and test.
    """

    writer: str
    product: Product
    listing: Listing
    kind: str = ""
    is_added: bool = False
    field: str = ""
    start: int = 0
    end: int = 0


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


def _labelled(writer: str, product: Product, row: dict[str, Any]) -> Iterator[Labelled]:
    listing = Listing.model_validate(row["listing"])
    yield Labelled(writer, product, listing)
    for fault in row["faults"]:
        yield _with_fault(Labelled(writer, product, listing, fault["kind"]), fault)
    for extra in row["extras"]:
        text = f"{listing.description} {extra['sentence']}"
        changed = listing.model_copy(update={"description": text})
        start = len(listing.description) + 1
        yield Labelled(writer, product, changed, extra["kind"], True, "description", start, len(text))


def _with_fault(honest: Labelled, fault: dict[str, Any]) -> Labelled:
    """The listing with a fault in place of the honest words."""
    before, after, listing = fault["honest"], fault["faulty"], honest.listing
    if fault["field"] == "key_features":
        for index, feature in enumerate(listing.key_features):
            if before in feature:
                features = [*listing.key_features]
                features[index] = feature.replace(before, after, 1)
                changed = listing.model_copy(update={"key_features": features})
                return _placed(honest, changed, f"key_features[{index}]", feature.index(before), before, after)
    else:
        text: str = getattr(listing, fault["field"])
        if before in text:
            changed = listing.model_copy(update={fault["field"]: text.replace(before, after, 1)})
            return _placed(honest, changed, fault["field"], text.index(before), before, after)
    raise ValueError(f"{honest.product.product_id}: {before!r} is not in the {fault['field']}")


def _placed(honest: Labelled, changed: Listing, field: str, at: int, before: str, after: str) -> Labelled:
    """The place of the words that differ."""
    first = _shared(before, after)
    last = _shared(before[first:][::-1], after[first:][::-1])
    return honest._replace(listing=changed, field=field, start=at + first, end=at + max(first + 1, len(after) - last))


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)
