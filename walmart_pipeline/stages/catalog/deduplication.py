"""Identifies products and merges rows of the same product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from walmart_pipeline.core.records import Product, content_hash

Identity: TypeAlias = Literal["product_id", "gtin", "brand and name"]

# Among rows of one load the last value of these wins; otherwise the fuller one.
NEWEST = ("price", "rating", "review_count")

# Merged name by name.
NAMED = ("attributes", "options")

NOT_MERGED = ("product_id", "source_file", "source_row", "conflicts", *NAMED)


def name_key(product: Product) -> str:
    """Hash brand and name without case, punctuation and spaces."""
    words = re.findall(r"\w+", f"{product.brand or ''} {product.product_name}".casefold())
    return content_hash(words)[:16]


def identity(product: Product) -> Identity:
    """Return what identifies a row's product: its id, else its GTIN, else brand and name."""
    if product.product_id:
        return "product_id"
    return "gtin" if product.gtin else "brand and name"


def merge(rows: Sequence[Product], loads: Sequence[int]) -> tuple[Product, list[list[str]]]:
    """Merge rows, in reading order, into one product. Returns it, and the fields taken from each row after the first.

    loads: the load of each row. Values of later loads win, earlier ones fill gaps, attribute by attribute and option by
    option. Among rows of one load the fuller value wins (more items, then more text), then the first; price, rating and
    review count are the last row's.
    """
    values: dict[str, Any] = {}
    value_loads: dict[str, int] = {}
    named: dict[str, dict[str, Any]] = {name: {} for name in NAMED}
    named_loads: dict[str, dict[str, int]] = {name: {} for name in NAMED}
    won = []
    for row, load in zip(rows, loads, strict=True):
        offered = {name: value for name, value in row.model_dump().items() if name not in NOT_MERGED}
        taken = _take(values, value_loads, offered, load)
        taken += [name for name in NAMED if _take(named[name], named_loads[name], getattr(row, name), load)]
        won.append([name for name in Product.model_fields if name in taken])
    return rows[0].model_copy(update=values | named), won[1:]


def _take(current: dict[str, Any], loads: dict[str, int], offered: dict[str, Any], load: int) -> list[str]:
    """Update `current` with the winning values. Returns the names whose value changed."""
    changed = []
    for name, value in offered.items():
        if value in (None, "", []):
            continue
        newer = loads.get(name) != load or name in NEWEST
        loads[name] = load
        if current.get(name) != value and (newer or _fullness(value) > _fullness(current[name])):
            current[name] = value
            changed.append(name)
    return changed


def _fullness(value: Any) -> tuple[int, int]:
    """Return the number of items, and of letters and digits; punctuation does not count."""
    items = value if isinstance(value, list) else [str(value)]
    return len(items), sum(len(re.findall(r"\w", item)) for item in items)
