"""A warehouse with cases to review: texts of kettles that are good, false, forbidden, poor, or absent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.template.writer import compose
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline_tests.conftest import KETTLE

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GOOD, FALSE, FORBIDDEN, NO_TEXT = "K-GOOD", "K-FALSE", "K-FORBIDDEN", "K-NONE"


def kettle(product_id: str, name: str = KETTLE["product_name"], **given: object) -> Product:
    record = {key: KETTLE[key] for key in ("brand", "category", "features", "description", "price")}
    fields = record | {"attributes": KETTLE["specs"], "source_file": "kettles.jsonl", "source_row": 1} | given
    return Product.model_validate({"product_id": product_id, "product_name": name, **fields})


def judge() -> Judge:
    return Judge(profiles.load("walmart-2025"))


def make(workspace: Path, extra: Sequence[tuple[Product, Listing | None]] = ()) -> Settings:
    """Four products with their texts, judged and queued, and these."""
    settings, judging = Settings(workspace=workspace), judge()
    good = compose(kettle(GOOD), judging.policy.limits)
    cases: list[tuple[Product, Listing | None]] = [
        (kettle(GOOD), good),
        (kettle(FALSE), good.model_copy(update={"description": f"{good.description}\n\nIt holds 2.5 L of water."})),
        (
            kettle(FORBIDDEN),
            good.model_copy(update={"description": f"{good.description} Find more at www.brindlewick.example."}),
        ),
        (kettle(NO_TEXT), None),
        *extra,
    ]
    with FileWarehouse(settings.warehouse).writing() as db:
        products = [product.model_dump() | {"facts_hash": product.facts_hash} for product, _ in cases]
        schema = db.schema("catalog.products")
        db.append("catalog.products", [{k: v for k, v in row.items() if k in schema.names} for row in products])
        db.append("content.generated_content", [_written(product, listing) for product, listing in cases])
        scored_texts.score(db, judging, advance=lambda _: None, processes=1)
        scored_texts.accept(db)
        scored_texts.queue(db, judging)
    return settings


def _written(product: Product, listing: Listing | None) -> dict[str, object]:
    about = {"product_id": product.product_id, "facts_hash": product.facts_hash, "generated_at": NOW, "revision": 0}
    if listing is None:
        return about | {"status": "declined", "error": "the facts carry too few words", "provider": "template"}
    text = listing.model_dump() | {"content_hash": listing.content_hash, "status": "complete"}
    return about | text | {"provider": "openai", "model": "gpt-x", "written_by": "gpt-x", "prompt_version": "2"}
