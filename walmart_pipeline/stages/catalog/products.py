"""Converts a feed's row to a product, or rejects it with every reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from walmart_pipeline.core.records import Product
from walmart_pipeline.stages.catalog import attribute_values, cleaning, conflicts, names, variants
from walmart_pipeline.stages.catalog.columns import Cells, Columns, Target
from walmart_pipeline.stages.catalog.variants import Offered
from walmart_pipeline.text import mending

# Beyond it, a description in the wrong column: real names have up to 243 characters.
MAX_NAME_CHARACTERS = 1_000

# Beyond it, an identifier in the wrong column.
MAX_REVIEWS = 10**10

NO_BRAND = {"unbranded", "no brand", "generic", "unknown"}
COUNTS = {"Count", "Count per pack", "Pack size"}

Value = TypeVar("Value")


class RejectedRowError(Exception):
    """An unusable row; `reasons` lists every problem."""

    def __init__(self, reasons: list[str], unmapped: Sequence[str] = ()) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        self.unmapped = list(unmapped)


@dataclass(frozen=True)
class CleanRow:
    """A product from one row; its `product_id` is empty if the feed has none.

    notes: dropped values with reasons. unmapped: columns without a field.
    """

    product: Product
    notes: list[str] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)


def clean_row(raw: str, columns: Columns, *, source_file: str, source_row: int) -> CleanRow:
    """Convert a row's JSON to a product. Raises RejectedRowError."""
    record = json.loads(raw)
    if not record:
        raise RejectedRowError(["the row is empty"])
    try:
        return _clean(columns.sort(record), source_file, source_row)
    except RecursionError as error:
        raise RejectedRowError(["its values are nested too deeply"]) from error


def _clean(cells: Cells, source_file: str, source_row: int) -> CleanRow:
    notes: list[str] = []
    name = _first(cells, "product_name", _shown, notes) or ""
    if reasons := _unusable_name(name):
        raise RejectedRowError(reasons, cells.unmapped)
    brand = _first(cells, "brand", _brand, notes)
    category = _category(cells.fields.get("category", []))
    features = _first(cells, "features", cleaning.items, notes) or []
    description = _description(cells.fields.get("description", []))
    offered = _attributes(cells)
    own_words = frozenset(re.findall(r"[a-z]+", f"{name} {brand or ''}".lower()))
    features = [line for feature in features for line in mending.mended(feature, own_words).split("\n")]
    description = mending.mended(description, own_words)
    texts = [*features, description]
    name = names.restored(
        name, brand, category, [*texts, *(value.shown for values in offered.values() for value in values)]
    )
    attributes, options = variants.divide(offered, name, texts)
    if "Model" in attributes and not attribute_values.is_model(attributes["Model"], brand, name):
        notes.append(f"Model: `{attributes.pop('Model')}` only repeats the brand or the name")
    product = Product(
        product_id=_first(cells, "product_id", _identifier, notes) or "",
        product_name=name,
        brand=brand,
        category=category,
        attributes=attributes,
        options=options,
        features=list(dict.fromkeys(features)),
        description=description,
        price=_first(cells, "price", _price, notes),
        gtin=_first(cells, "gtin", cleaning.gtin, notes),
        rating=_first(cells, "rating", _rating, notes),
        review_count=_first(cells, "review_count", _review_count, notes),
        source_file=source_file,
        source_row=source_row,
    )
    product = conflicts.settled(product)
    return CleanRow(product, notes, cells.unmapped)


def _first(cells: Cells, target: Target, convert: Callable[[Any], Value | None], notes: list[str]) -> Value | None:
    """Return the first valid value; invalid ones before it become notes."""
    for value in cells.fields.get(target, []):
        try:
            converted = convert(value)
        except ValueError as error:
            notes.append(f"{target}: {error}")
            continue
        if converted not in (None, "", []):
            return converted
    return None


def _unusable_name(name: str) -> list[str]:
    if not name:
        return ["it has no product name"]
    reasons = []
    if not re.search(r"[^\W\d_]", name):
        reasons.append(f"its product name has no letter: `{name[:80]}`")
    if len(name) > MAX_NAME_CHARACTERS:
        reasons.append(f"its product name has {len(name)} characters")
    return reasons


def _shown(value: Any) -> str:
    shown = cleaning.line(value)
    return "" if shown.casefold() in cleaning.ABSENT - {"-", "--"} else shown


def _identifier(value: Any) -> str:
    """Format an identifier as text, without the `.0` of a spreadsheet's float."""
    shown = cleaning.listed(value)
    return "" if shown.casefold() in cleaning.ABSENT else re.sub(r"^(\d+)\.0+$", r"\1", shown)


def _brand(value: Any) -> str:
    brand = cleaning.listed(value)
    return "" if brand.casefold() in cleaning.ABSENT | NO_BRAND else brand


def _category(values: list[Any]) -> list[str]:
    """Join a category path from one column, or its levels from several columns."""
    return list(dict.fromkeys(part for value in values for part in cleaning.path(value)))


def _attributes(cells: Cells) -> dict[str, list[Offered]]:
    """Every value that columns and lists of attributes give, columns first."""
    found: dict[str, list[Offered]] = {}
    for name, value in cells.attributes:
        shown = cleaning.listed(value)
        if shown.casefold() not in cleaning.NO_ATTRIBUTE:
            # Spreadsheets turn counts into floats.
            shown = re.sub(r"^(\d+)\.0+$", r"\1", shown) if name in COUNTS else shown
            parsed = cleaning.parsed(value)
            items = cleaning.items(parsed) if isinstance(parsed, list) else []
            found.setdefault(name, []).append(Offered(attribute_values.with_points(name, shown), items))
    for value in cells.fields.get("attributes", []):
        for name, shown in cleaning.named_values(value).items():
            found.setdefault(name, []).append(Offered(attribute_values.with_points(name, shown), []))
    return found


def _description(values: list[Any]) -> str:
    """Join all descriptive columns, the best first, except those contained in another one."""
    cleaned = (cleaning.text(cleaning.parsed(value)) for value in values)
    stated = [text for text in cleaned if text.casefold() not in cleaning.ABSENT]
    if len(stated) < 2:
        return "".join(stated)
    texts: dict[str, str] = {}
    for text in stated:
        searched = _search_text(text)
        if not any(searched in other for other in texts):
            texts[searched] = text
    return "\n\n".join(texts.values())


def _search_text(text: str) -> str:
    """Normalize a text for search by whole words: lower case, without punctuation, each word between spaces."""
    return " ".join(["", *re.findall(r"\w+", text.casefold()), ""])


def _price(value: Any) -> float | None:
    if _is_absent(value):
        return None
    price = cleaning.number(value)
    if price is None or price < 0:
        raise ValueError(f"`{cleaning.line(value)[:40]}` is not an amount")
    return round(price, 2)


def _rating(value: Any) -> float | None:
    if _is_absent(value):
        return None
    match = re.match(r"\d+(?:[.,]\d+)?", cleaning.line(value))
    rating = float(match[0].replace(",", ".")) if match else None
    if rating is None or rating > 5:
        raise ValueError(f"`{cleaning.line(value)[:40]}` is not a rating from 0 to 5")
    return rating


def _review_count(value: Any) -> int | None:
    if isinstance(value, list):
        return len(value)
    if _is_absent(value):
        return None
    count = cleaning.number(value)
    if count is None or not 0 <= count <= MAX_REVIEWS:
        raise ValueError(f"`{cleaning.line(value)[:40]}` is not a number of reviews")
    return int(count)


def _is_absent(value: Any) -> bool:
    return cleaning.line(value).casefold() in cleaning.ABSENT
