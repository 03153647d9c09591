"""A feed's row becomes a product, or a reject with every reason.

Belongs here: which cells make which field, and what makes a row unusable.
Does not: finding columns (columns.py), mending values (cleaning.py), or joining rows of one product (identity.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from walmart_pipeline.catalog import cleaning
from walmart_pipeline.catalog.columns import Cells, Columns, Target
from walmart_pipeline.records import Product

# The longest name in the real catalogs has 243 characters; a thousand is a description in the wrong column.
LONGEST_NAME = 1_000

COUNTS = {"Count", "Count per pack", "Pack size"}

Value = TypeVar("Value")


class RejectedRowError(Exception):
    """The row can't be used; `reasons` holds all that is wrong with it."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class CleanRow:
    """A product as one row tells it. `product_id` is the feed's own, empty where it has none."""

    product: Product
    notes: list[str] = field(default_factory=list)


def clean_row(raw: str, columns: Columns, *, source_file: str, source_row: int) -> CleanRow:
    """A product from a row's JSON, with notes on what was dropped. Raises RejectedRowError."""
    record = json.loads(raw)
    if not record:
        raise RejectedRowError(["the row is empty"])
    cells = columns.sort(record)
    notes: list[str] = []
    name = cleaning.line(_first(cells, "product_name"))
    if reasons := _unusable_name(name):
        raise RejectedRowError(reasons)
    return CleanRow(
        Product(
            product_id=_identifier(_first(cells, "product_id")),
            product_name=name,
            brand=_noted(notes, "brand", cells, _brand),
            category=_category(cells.fields.get("category", [])),
            attributes=_attributes(cells),
            features=cleaning.items(_first(cells, "features")),
            description=_description(cells.fields.get("description", [])),
            price=_noted(notes, "price", cells, _price),
            gtin=_noted(notes, "gtin", cells, cleaning.gtin),
            rating=_noted(notes, "rating", cells, _rating),
            review_count=_noted(notes, "review_count", cells, _review_count),
            source_file=source_file,
            source_row=source_row,
        ),
        notes,
    )


def _first(cells: Cells, target: Target) -> Any:
    return next((value for value in cells.fields.get(target, []) if cleaning.line(value)), None)


def _noted(notes: list[str], target: Target, cells: Cells, convert: Callable[[Any], Value | None]) -> Value | None:
    """The first cell that converts; what is wrong with the others becomes a note."""
    for value in cells.fields.get(target, []):
        try:
            converted = convert(value)
        except ValueError as error:
            notes.append(f"{target}: {error}")
            continue
        if converted is not None:
            return converted
    return None


def _unusable_name(name: str) -> list[str]:
    if not name:
        return ["it has no product name"]
    reasons = []
    if not re.search(r"[^\W\d_]", name):
        reasons.append(f"its product name has no letter: `{name[:80]}`")
    if len(name) > LONGEST_NAME:
        reasons.append(f"its product name has {len(name)} characters")
    return reasons


def _identifier(value: Any) -> str:
    """An identifier is text: the `.0` of a spreadsheet's float is not part of it."""
    return re.sub(r"^(\d+)\.0+$", r"\1", cleaning.listed(value))


def _brand(value: Any) -> str | None:
    brand = cleaning.listed(value)
    if brand.casefold() in ("", "n/a", "na", "none", "null", "unbranded", "no brand", "generic", "unknown", "-"):
        return None
    return brand


def _category(values: list[Any]) -> list[str]:
    """A path in one column, or the levels of several columns one after the other."""
    return list(dict.fromkeys(part for value in values for part in cleaning.path(value)))


def _attributes(cells: Cells) -> dict[str, str]:
    found = {name: text for name, value in cells.attributes.items() if (text := cleaning.listed(value))}
    # A count is a whole number, whatever a spreadsheet made of it.
    found |= {name: re.sub(r"^(\d+)\.0+$", r"\1", found[name]) for name in COUNTS & found.keys()}
    for value in cells.fields.get("attributes", []):
        for name, text in cleaning.named_values(value).items():
            found.setdefault(name, text)
    return found


def _description(values: list[Any]) -> str:
    """All descriptive columns, the best one first; one that another one holds already is left out."""
    texts: list[str] = []
    for text in map(cleaning.text, values):
        folded = _folded(text)
        if folded and not any(folded in _folded(other) for other in texts):
            texts.append(text)
    return "\n\n".join(texts)


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _price(value: Any) -> float | None:
    if not cleaning.line(value):
        return None
    price = cleaning.number(value)
    if price is None or price < 0:
        raise ValueError(f"`{cleaning.line(value)[:40]}` is not an amount")
    return round(price, 2)


def _rating(value: Any) -> float | None:
    if not cleaning.line(value):
        return None
    match = re.match(r"\s*(\d+(?:[.,]\d+)?)", cleaning.line(value))
    rating = float(match[1].replace(",", ".")) if match else None
    if rating is None or rating > 5:
        raise ValueError(f"`{cleaning.line(value)[:40]}` is not a rating from 0 to 5")
    return rating


def _review_count(value: Any) -> int | None:
    if isinstance(value, list):
        return len(value)
    if not cleaning.line(value):
        return None
    count = cleaning.number(value)
    if count is None or count < 0:
        raise ValueError(f"`{cleaning.line(value)[:40]}` is not a number of reviews")
    return int(count)
