"""Exports the accepted listings to files."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from pydantic import Field

from walmart_pipeline.core.files import atomic_writer
from walmart_pipeline.core.records import Listing, Product, Record
from walmart_pipeline.core.warehouse import Database, struct

# Bumped when the same listings would give other files: the asset's code_version.
VERSION = "2"

# A product, its accepted listing, and the listing's quality score from 0 to 100.
Accepted: TypeAlias = tuple[Product, Listing, float]

COLUMNS = (
    "product_id",
    "gtin",
    "brand",
    "category",
    "price",
    "quality_score",
    "title",
    "key_features",
    "description",
    "seo_keywords",
)

# Without it, Excel reads a CSV in the local code page: “Café” becomes “CafÃ©”. DuckDB, pandas and Python's utf-8-sig
# skip it.
BYTE_ORDER_MARK = "\ufeff"

_STARTS_A_FORMULA = "=+-@"

_RULE = "-" * 72

# Only what is publishable by the latest report on this very text and record, and by the latest verdict of a reviewer: a
# run that failed before `listings` leaves older rows there.
PUBLISHABLE = f"""
select
    product_id,
    to_json({struct("products", Product)})::varchar as product,
    to_json({struct("listings", Listing)})::varchar as listing,
    listings.score
from quality.listings
join catalog.products using (product_id)
semi join quality.publishable as publishable
    on publishable.product_id = listings.product_id
    and publishable.content_hash = listings.content_hash
    and publishable.facts_hash = products.facts_hash
"""


# The chosen ones of the publishable listings. An empty list is no condition.
SELECTED = f"""
create or replace temp table selected_listings as
select product_id
from ({PUBLISHABLE})
join catalog.products using (product_id)
join quality.listings using (product_id)
where (len($ids::varchar[]) = 0 or product_id in (select unnest($ids::varchar[])))
    and (len($categories::varchar[]) = 0 or category[1] in (select unnest($categories::varchar[])))
    and (len($feeds::varchar[]) = 0 or source_file in (select unnest($feeds::varchar[])))
    and (len($models::varchar[]) = 0 or split_part(model, '@', 1) in (select unnest($models::varchar[])))
    and listings.score >= $score_at_least
"""


class ListingSelection(Record):
    """Which of the publishable listings to export: those that meet every condition."""

    ids: list[str] = Field(default_factory=list)
    categories: list[str] = Field(default_factory=list, description="Broadest categories.")
    feeds: list[str] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list, description="Who wrote the text.")
    score_at_least: float = 0.0


def select(db: Database, selection: ListingSelection) -> int:
    """Choose the listings that the other functions export on this connection. Returns their number."""
    db.execute(SELECTED, selection.model_dump())
    return db.count("selected_listings")


def deliver(db: Database, folder: Path, formats: Sequence[str], *, selected: bool = False) -> list[ExportSummary]:
    """Write `listings.<format>` in each of these formats, atomically. selected: only the listings of `select`."""
    return [FORMATS[name](folder / f"listings.{name}", accepted(db, selected=selected)) for name in formats]


def accepted(db: Database, *, selected: bool = False) -> Iterator[Accepted]:
    """Yield the accepted listings, or those of `select`, by product id, one batch in memory."""
    chosen = "where product_id in (select product_id from selected_listings)" if selected else ""
    for rows in db.stream(f"select * from ({PUBLISHABLE}) {chosen} order by product_id"):
        for row in rows:
            # As JSON a product takes 10 µs, as nested Arrow values 100.
            yield (
                Product.model_validate_json(row["product"]),
                Listing.model_validate_json(row["listing"]),
                row["score"],
            )


class ExportSummary(Record):
    """An exported file."""

    path: str
    format: str = Field(description="jsonl, csv, xlsx, txt or feed.")
    rows: int = Field(description="Without the header.")
    bytes: int
    sha256: str = Field(description="Of the file's bytes, 64 hex digits.")


def export(path: Path, rows: Iterable[str], *, format: str, header: str = "") -> ExportSummary:
    """Write a header and rows of text in UTF-8; an error leaves the old file as it was."""
    # The header counts as the row before the first.
    written, size = -1, 0
    digest = hashlib.sha256()
    with atomic_writer(path) as file:
        for text in itertools.chain([header], rows):
            data = text.encode()
            digest.update(data)
            size += len(data)
            file.write(text)
            written += 1
    return ExportSummary(path=str(path), format=format, rows=written, bytes=size, sha256=digest.hexdigest())


def write_jsonl(path: Path, accepted: Iterable[Accepted]) -> ExportSummary:
    """Write one object per line: product_id, gtin, brand, category, price, quality_score, and the listing.

    Missing values are null. Raises ValueError for a price that is not finite.
    """
    return export(path, (_json_line(*row) for row in accepted), format="jsonl")


def _json_line(product: Product, listing: Listing, score: float) -> str:
    value = {
        **product.model_dump(include={"product_id", "gtin", "brand", "category", "price"}),
        "quality_score": score,
        "listing": listing.model_dump(),
    }
    # ASCII, because some readers split lines at U+2028 and U+0085.
    return json.dumps(value, allow_nan=False) + "\n"


def write_csv(path: Path, accepted: Iterable[Accepted]) -> ExportSummary:
    """Write CSV (RFC 4180) with a header, in UTF-8 with a byte order mark; no text can run as a formula."""
    return export_csv(path, COLUMNS, (_cells(*row) for row in accepted))


def export_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> ExportSummary:
    """Write CSV from cells that are harmless already."""
    return export(path, map(_row, rows), format="csv", header=BYTE_ORDER_MARK + _row(columns))


def harmless(text: str) -> str:
    """Prefix a text with an apostrophe if a spreadsheet could take it for a formula.

    It could if the first character is a tab, carriage return or line feed, or the first one after white space,
    invisible characters and double quotes is = + - @, in any width (＝ ﹢ －). Quoting the cell does not help:
    spreadsheets remove the quotes first. After OWASP, CSV Injection.
    """
    if text[:1] in ("\t", "\r", "\n"):
        return "'" + text
    for character in text:
        if unicodedata.normalize("NFKC", character)[0] in _STARTS_A_FORMULA:
            return "'" + text
        if not _is_skipped(character):
            break
    return text


def _is_skipped(character: str) -> bool:
    """Whether a character is white space, control or format (such as U+200B), or any double quote."""
    return not character.isprintable() or character.isspace() or character in '"“”„‟″＂'


# Of COLUMNS, in characters.
WIDTHS = (14, 16, 18, 28, 10, 10, 45, 60, 60, 30)


def write_xlsx(path: Path, accepted: Iterable[Accepted]) -> ExportSummary:
    """Write a workbook with the columns of the CSV; its texts need no apostrophes, none is read as a formula."""
    from walmart_pipeline.stages.delivery import workbook

    rows, size, digest = workbook.write_rows(path, COLUMNS, WIDTHS, (_values(*row) for row in accepted))
    return ExportSummary(path=str(path), format="xlsx", rows=rows, bytes=size, sha256=digest)


def _cells(product: Product, listing: Listing, score: float) -> list[str | float | None]:
    return [harmless(value) if isinstance(value, str) else value for value in _values(product, listing, score)]


def _values(product: Product, listing: Listing, score: float) -> list[str | float | None]:
    return [
        product.product_id,
        product.gtin or "",
        product.brand or "",
        " > ".join(product.category),
        product.price,
        score,
        listing.title,
        "\n".join(listing.key_features),
        listing.description,
        ", ".join(listing.seo_keywords),
    ]


def _row(cells: Iterable[str | float | None]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def write_txt(path: Path, accepted: Iterable[Accepted]) -> ExportSummary:
    """Write listings as text, without wrapping: title, identity, key features, description, keywords."""
    return export(path, (_listing(*row) for row in accepted), format="txt")


def _listing(product: Product, listing: Listing, score: float) -> str:
    identity = [f"Product {product.product_id}"]
    if product.gtin:
        identity.append(f"GTIN {product.gtin}")
    if product.brand:
        identity.append(product.brand)
    if product.category:
        identity.append(" > ".join(product.category))
    if product.price is not None:
        identity.append(f"${product.price:,.2f}")
    identity.append(f"quality {score:.1f}")
    parts = [
        f"{listing.title}\n{' | '.join(identity)}",
        "\n".join(f"* {feature}" for feature in listing.key_features),
        listing.description,
        f"Keywords: {', '.join(listing.seo_keywords)}" if listing.seo_keywords else "",
        _RULE,
    ]
    return "\n\n".join(part for part in parts if part) + "\n\n"


FORMATS: dict[str, Callable[[Path, Iterable[Accepted]], ExportSummary]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "xlsx": write_xlsx,
    "txt": write_txt,
}
