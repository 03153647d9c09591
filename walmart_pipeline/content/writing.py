"""The plan, carried out: a provider's answers into `content.generated_content`.

Belongs here: passing products to the provider in batches and keeping each batch at once. Does not: the plan, the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from walmart_pipeline.llm import answers
from walmart_pipeline.llm.provider import Provider
from walmart_pipeline.records import Completion, Product
from walmart_pipeline.warehouse import Database, Row, batches

# Bumped when the same answers would be stored otherwise: the asset's code_version.
VERSION = "1"

# What a crash may cost in answers that are not in the warehouse yet; a commit takes some 10 ms.
CHECKPOINT_PRODUCTS = 500

PLANNED = f"""
select {", ".join(f"products.{name}" for name in Product.model_fields)}
from content.generation_plan as plan
join catalog.products using (product_id)
where plan.product_id > $after
order by plan.product_id
limit {CHECKPOINT_PRODUCTS}
"""


def write(db: Database, provider: Provider, *, advance: Callable[[int], None]) -> Counter[str]:
    """Write every planned product. Returns how many completions have which status.

    advance: told the number of products done since the last call. What is done is kept, whatever happens next.
    """
    statuses: Counter[str] = Counter()
    for written in batches(_rows(db, provider), CHECKPOINT_PRODUCTS):
        db.upsert("content.generated_content", written, ["product_id"])
        db.checkpoint()
        statuses.update(row["status"] for row in written)
        advance(len(written))
    return statuses


def _rows(db: Database, provider: Provider) -> Iterator[Row]:
    for product, completion in provider.write(_planned(db)):
        yield content_row(product, completion)


def _planned(db: Database) -> Iterator[Product]:
    after = ""
    while page := db.query(PLANNED, {"after": after}):
        for row in page:
            yield Product(**row)
        after = page[-1]["product_id"]


def content_row(product: Product, completion: Completion) -> Row:
    """A row of `content.generated_content`; an answer that is no listing becomes a failure with its reason."""
    row = completion.model_dump(include={"provider", "model", "prompt_version", "request_hash", "seconds", "cost_usd"})
    row |= {
        "product_id": product.product_id,
        "facts_hash": product.facts_hash,
        "status": completion.status,
        "error": completion.error,
        "generated_at": datetime.now(UTC),
    }
    if completion.status != "complete":
        return row
    try:
        listing = answers.listing(completion)
    except answers.UnusableAnswerError as error:
        return row | {"status": "failed", "error": str(error)}
    return row | listing.model_dump() | {"content_hash": listing.content_hash}
