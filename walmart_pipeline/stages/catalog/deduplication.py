"""Merge rows of the same product: what identifies a product, and which value wins where rows differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from walmart_pipeline.core.records import Product, content_hash

Identity: TypeAlias = Literal["product_id", "gtin", "brand and name"]

# Of rows that were loaded together these take the last value, all others the fuller one.
NEWEST = ("price", "rating", "review_count")

NOT_MERGED = ("product_id", "source_file", "source_row", "attributes")


def name_key(product: Product) -> str:
    """Hash of brand and name without case, punctuation and spaces: equal where only these differ."""
    words = re.findall(r"\w+", f"{product.brand or ''} {product.product_name}".casefold())
    return content_hash(words)[:16]


def identity(product: Product) -> Identity:
    """What identifies the product of a row: its own id, else its GTIN, else its brand and name."""
    if product.product_id:
        return "product_id"
    return "gtin" if product.gtin else "brand and name"


def merge(rows: Sequence[Product], loads: Sequence[int]) -> tuple[Product, list[list[str]]]:
    """One product from rows in the order of reading, and for each row after the first the fields that it won.

    loads: the load that each row came with. A later load's value wins; an earlier one's fills what the later one
    lacks, attribute by attribute. Of rows that were loaded together none is newer: the fuller value wins (more items,
    then more text), on equal fullness the first; price, rating and review count are the last row's.
    """
    values: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    value_loads: dict[str, int] = {}
    attribute_loads: dict[str, int] = {}
    won = []
    for row, load in zip(rows, loads, strict=True):
        offered = {name: value for name, value in row.model_dump().items() if name not in NOT_MERGED}
        taken = _take(values, value_loads, offered, load)
        if _take(attributes, attribute_loads, row.attributes, load):
            taken.append("attributes")
        won.append([name for name in Product.model_fields if name in taken])
    return rows[0].model_copy(update=values | {"attributes": attributes}), won[1:]


def _take(standing: dict[str, Any], loads: dict[str, int], offered: dict[str, Any], load: int) -> list[str]:
    """Put the values that win into `standing`. Returns the names whose value changed."""
    changed = []
    for name, value in offered.items():
        if value in (None, "", []):
            continue
        newer = loads.get(name) != load or name in NEWEST
        loads[name] = load
        if standing.get(name) != value and (newer or _fullness(value) > _fullness(standing[name])):
            standing[name] = value
            changed.append(name)
    return changed


def _fullness(value: Any) -> tuple[int, int]:
    """Items, then letters and digits. A dash for a comma makes no text fuller."""
    items = value if isinstance(value, list) else [str(value)]
    return len(items), sum(len(re.findall(r"\w", item)) for item in items)
