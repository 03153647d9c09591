"""Accepted listings as plain text, for reading from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.stages.delivery.export_file import Accepted, ExportSummary, export

_RULE = "-" * 72


def write_txt(path: Path, accepted: Iterable[Accepted]) -> ExportSummary:
    """One listing after the other: title, identity, key features, description, keywords; a rule between two.

    Long lines are left long, so that a text can be copied as it is.
    """
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
