"""Products and accepted texts in a warehouse, as the stages before would have left them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.warehouse import Database

AT = datetime(2025, 3, 1, tzinfo=UTC)
WORDS = [
    f"{first}{second}" for first in ("bri", "lo", "mar", "ten", "ul", "sor") for second in ("da", "ke", "mi", "ro")
]


def words(seed: str, count: int = 60) -> str:
    """A text of its own for every seed, in words of no language."""
    drawn = random.Random(seed)
    return " ".join("".join(drawn.choices(WORDS, k=2)) for _ in range(count))


def product(product_id: str, *, name: str | None = None, text: str | None = None, category: str = "Home") -> Product:
    return Product(
        product_id=product_id,
        product_name=name or f"Thing {words(product_id, 2)}",
        category=[category],
        features=["Made to be used"],
        description=words(product_id) if text is None else text,
    )


def listing(seed: str) -> Listing:
    return Listing(
        title=f"Title {seed}",
        key_features=[words(f"{seed} feature", 6)],
        description=words(f"{seed} text"),
        seo_keywords=[],
    )


def add(db: Database, *products: Product) -> None:
    rows = [one.model_dump() | {"facts_hash": one.facts_hash} for one in products]
    db.upsert("catalog.products", rows, ["product_id"])


def write(
    db: Database, product: Product, listing: Listing, *, score: float = 90.0, provider: str = "ollama", model: str = "m"
) -> None:
    """The product with an accepted text."""
    write_all(db, [(product, listing, score)], provider=provider, model=model)


def write_all(
    db: Database,
    texts: Sequence[tuple[Product, Listing, float]],
    *,
    provider: str = "ollama",
    model: str = "m",
) -> None:
    """Products, each with an accepted text and its score."""
    add(db, *(about for about, _, _ in texts))
    contents, listings = [], []
    for about, text, score in texts:
        row = text.model_dump() | {"product_id": about.product_id, "content_hash": text.content_hash}
        row |= {"provider": provider, "model": model, "written_by": model}
        made = {"facts_hash": about.facts_hash, "status": "complete", "seconds": 1.0, "generated_at": AT}
        contents.append(row | made)
        listings.append(row | {"score": score, "accepted_at": AT})
    db.upsert("content.generated_content", contents, ["product_id"])
    db.upsert("quality.listings", listings, ["product_id"])


def rate(db: Database, product_id: str, text: Listing, stars: int) -> None:
    rating = {
        "product_id": product_id,
        "content_hash": text.content_hash,
        "stars": stars,
        "reviewer": "ada",
        "rated_at": AT,
    }
    db.append("quality.ratings", [rating])
