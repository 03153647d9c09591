"""Accepted listings as CSV, for people who open it in a spreadsheet.

Programs have JSON Lines (jsonl.py); so where the two readers differ, this file is made for the spreadsheet.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.stages.delivery.export_file import Accepted, ExportSummary, export

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

# Excel reads a CSV without it in the computer's local code page: “Café” becomes “CafÃ©”. DuckDB, pandas and
# Python's utf-8-sig skip it.
BYTE_ORDER_MARK = "\ufeff"

_STARTS_A_FORMULA = "=+-@"


def write_csv(path: Path, accepted: Iterable[Accepted]) -> ExportSummary:
    """RFC 4180 (CRLF, quotes doubled), UTF-8 with a byte order mark, with a header.

    A category is its path with " > ", key features stand one a line in their cell, keywords are divided by ", ".
    No text can run as a formula (`harmless`); price and quality_score are numbers; what a product lacks is empty.
    """
    rows = (_row(_cells(*row)) for row in accepted)
    return export(path, rows, format="csv", header=BYTE_ORDER_MARK + _row(COLUMNS))


def harmless(text: str) -> str:
    """The text, with a leading apostrophe where a spreadsheet could take it for a formula.

    That is where the first character is a tab, carriage return or line feed, or where = + - @ comes first after
    white space, invisible characters and double quotes, in any width (＝ ﹢ －). Quoting the cell does not help:
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
    """White space, control and format characters (such as U+200B), and double quotes of any kind."""
    return not character.isprintable() or character.isspace() or character in '"“”„‟″＂'


def _cells(product: Product, listing: Listing, score: float) -> list[str | float | None]:
    return [
        harmless(product.product_id),
        harmless(product.gtin or ""),
        harmless(product.brand or ""),
        harmless(" > ".join(product.category)),
        product.price,
        score,
        harmless(listing.title),
        harmless("\n".join(listing.key_features)),
        harmless(listing.description),
        harmless(", ".join(listing.seo_keywords)),
    ]


def _row(cells: Iterable[str | float | None]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
