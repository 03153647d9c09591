"""Rated listings, one JSON object a line, and how they are gathered from the sheets that raters get."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, TypeAlias

from pydantic import Field

from walmart_pipeline.core.records import Listing, Product, Record

Publish: TypeAlias = Literal["yes", "edits", "no"]


class ReaderRating(Record):
    """What one reader says of a listing, without knowing who wrote it or what the judge says."""

    rater: str
    stars: int = Field(ge=1, le=5)
    publish: Publish
    faults: list[str] = Field(default_factory=list)
    worst: str = Field(default="", description="The worst sentence or feature; empty where the text is not ours.")


class RatedListing(Record):
    """A listing with its ratings. Texts that are not ours are kept by their hashes alone."""

    kind: str = Field(description="template, source, independent, embedded, mutated or soup.")
    source: str = Field(description="The catalog of the record.")
    writer: str
    facts_hash: str
    content_hash: str
    product: Product | None = None
    listing: Listing | None = None
    ratings: list[ReaderRating]

    @property
    def stars(self) -> float:
        """The raters' mean."""
        return fmean(rating.stars for rating in self.ratings)

    def without_text(self) -> RatedListing:
        """The hashes and labels alone."""
        ratings = [rating.model_copy(update={"worst": ""}) for rating in self.ratings]
        return self.model_copy(update={"product": None, "listing": None, "ratings": ratings})


def read(paths: Iterable[Path]) -> list[RatedListing]:
    """The rated listings of JSONL files."""
    return [RatedListing.model_validate_json(line) for path in paths for line in _lines(path)]


def gather(sheet: Path, key: Path, ratings: Mapping[str, Path]) -> Iterator[RatedListing]:
    """The rated listings of a sheet: {n, record, listing} in `sheet`, {n, kind, source, writer} in `key`.

    ratings: the file of each rater, {n, publish, stars, faults, worst} a line. A listing that nobody rated is left out.
    """
    about = {row["n"]: row for row in _rows(key)}
    said = {rater: {row["n"]: row for row in _rows(path)} for rater, path in ratings.items()}
    for row in _rows(sheet):
        number = row["n"]
        found = [_rating(rater, rows[number]) for rater, rows in said.items() if number in rows]
        if not found:
            continue
        product = _product({"product_id": about[number].get("product_id") or str(number), **row["record"]})
        listing = Listing.model_validate(row["listing"])
        yield RatedListing(
            kind=about[number]["kind"],
            source=about[number]["source"],
            writer=about[number].get("writer") or about[number]["kind"],
            facts_hash=product.facts_hash,
            content_hash=listing.content_hash,
            product=product,
            listing=listing,
            ratings=found,
        )


def listings(paths: Iterable[Path]) -> list[Listing]:
    """The listing of each line of JSONL files."""
    return [Listing.model_validate(row["listing"]) for path in paths for row in _rows(path)]


def texts(rated: Sequence[RatedListing]) -> list[tuple[RatedListing, Product, Listing]]:
    """The listings whose text is at hand, with their product."""
    return [(each, each.product, each.listing) for each in rated if each.product and each.listing]


def _rating(rater: str, row: Mapping[str, Any]) -> ReaderRating:
    names = ("stars", "publish", "faults", "worst")
    return ReaderRating(rater=rater, **{name: row[name] for name in names if name in row})


def _product(record: Mapping[str, Any]) -> Product:
    return Product.model_validate({name: record[name] for name in Product.model_fields if record.get(name) is not None})


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
