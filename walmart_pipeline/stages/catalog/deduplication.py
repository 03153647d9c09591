"""Rows that tell of the same product become one.

Belongs here: what identifies a product, and which value stands where rows differ.
Does not: cleaning of a row (products.py), or tables (normalization.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from walmart_pipeline.core.records import Product, content_hash

Identity: TypeAlias = Literal["product_id", "gtin", "brand and name"]

# A text must not change because a price did, so these take the newest value; all others take the fuller one.
NEWEST = ("price", "rating", "review_count")


def name_key(product: Product) -> str:
    """Brand and name without case, marks and spaces, hashed: equal for rows that spell the same product alike."""
    words = re.findall(r"\w+", f"{product.brand or ''} {product.product_name}".casefold())
    return content_hash(words)[:16]


def identity(product: Product) -> Identity:
    """By what a row says which product it is."""
    if product.product_id:
        return "product_id"
    return "gtin" if product.gtin else "brand and name"


def merge(rows: Sequence[Product]) -> tuple[Product, list[list[str]]]:
    """One product from rows in the order of reading, and for each row after the first the fields that it won.

    The fuller value wins: more text, more items, a deeper path; attributes are united. On equal fullness the first
    one stands, so that reading the same rows again changes nothing. Price, rating and review count are the newest's.
    """
    merged = rows[0].model_dump()
    taken = []
    for row in rows[1:]:
        won = []
        for field, value in row.model_dump().items():
            if field in ("product_id", "source_file", "source_row"):
                continue
            chosen = _choose(field, merged[field], value)
            if chosen != merged[field]:
                merged[field] = chosen
                won.append(field)
        taken.append(won)
    return Product.model_validate(merged), taken


def _choose(field: str, standing: Any, offered: Any) -> Any:
    if offered in (None, "", [], {}):
        return standing
    if standing is None or field in NEWEST:
        return offered
    if field == "attributes":
        return standing | {
            name: value for name, value in offered.items() if _fullness(value) > _fullness(standing.get(name, ""))
        }
    return offered if _fullness(offered) > _fullness(standing) else standing


def _fullness(value: Any) -> tuple[int, int]:
    """How much a value says: items, then letters and digits. A dash for a comma makes no text fuller."""
    items = value if isinstance(value, list) else [str(value)]
    return len(items), sum(len(re.findall(r"\w", item)) for item in items)
