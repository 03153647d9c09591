"""Accepted listings as JSON Lines, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.stages.delivery.export_file import Accepted, ExportSummary, export


def write_jsonl(path: Path, accepted: Iterable[Accepted]) -> ExportSummary:
    """One object a line: product_id, gtin, brand, category (broad to narrow), price, quality_score, and the listing.

    What a product lacks is null. Raises ValueError, and writes nothing, for a price that is not a finite number.
    """
    return export(path, (_line(*row) for row in accepted), format="jsonl")


def _line(product: Product, listing: Listing, score: float) -> str:
    value = {
        **product.model_dump(include={"product_id", "gtin", "brand", "category", "price"}),
        "quality_score": score,
        "listing": listing.model_dump(),
    }
    # ASCII: a reader that takes U+2028 or U+0085 for the end of a line still gets whole lines.
    return json.dumps(value, allow_nan=False) + "\n"
