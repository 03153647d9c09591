"""The plan, carried out: a provider's answers into `content.generated_content`.

Belongs here: passing products to the provider in batches and keeping each batch at once. Does not: the plan, the judge.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

from walmart_pipeline.core.progress import Advance
from walmart_pipeline.core.records import TEMPLATE, Completion, Product
from walmart_pipeline.core.warehouse import Database, Row, struct
from walmart_pipeline.generation import parsing
from walmart_pipeline.generation.provider import Provider, Task

# Bumped when the same answers would be stored otherwise: the asset's code_version.
VERSION = "1"

# What a crash may cost in answers that are not in the warehouse yet; a commit takes some 10 ms.
CHECKPOINT_PRODUCTS = 500
# A slow model writes a listing in minutes: what it wrote is seen, and told, at least so often.
CHECKPOINT_SECONDS = 2.0

PLANNED = f"""
select plan.product_id, {struct("products", Product)} as product, plan.facts_hash, plan.revision
from content.generation_plan as plan
join catalog.products using (product_id)
anti join content.waiting using (product_id)
order by plan.product_id
"""

# A text that was good stays until another one is there: a failure never takes its place.
HAVE_TEXT = """
select product_id
from content.generated_content
where status = 'complete' and product_id in (select unnest($failed))
"""


def write(db: Database, provider: Provider, *, advance: Advance) -> Counter[str]:
    """Write every planned product. Returns how many completions have which status.

    advance: told the number of products done since the last call, and the provider's note. What is done is
    kept, whatever happens next.
    """
    statuses: Counter[str] = Counter()
    asked = {"provider": provider.name, "model": provider.model, "prompt_version": provider.prompt_version}
    planned: dict[str, Row] = {}
    # Closed here and now when a run is stopped: left to the garbage collector, calls in flight would not be kept.
    with closing(provider.write(_planned(db, planned))) as completions:
        rows = (
            planned.pop(product.product_id) | _content(completion, provider) | asked
            for product, completion in completions
        )
        for written in _until(rows, CHECKPOINT_PRODUCTS, CHECKPOINT_SECONDS):
            _store(db, written)
            statuses.update(row["status"] for row in written)
            advance(len(written), provider.note())
    return statuses


def _until(rows: Iterable[Row], most: int, seconds: float) -> Iterator[list[Row]]:
    """Lists of at most `most` rows, cut earlier where the rows come slowly."""
    batch: list[Row] = []
    started = time.monotonic()
    for row in rows:
        batch.append(row)
        if len(batch) == most or time.monotonic() - started >= seconds:
            yield batch
            batch, started = [], time.monotonic()
    if batch:
        yield batch


def _store(db: Database, rows: Sequence[Row]) -> None:
    failed = [row["product_id"] for row in rows if row["status"] == "failed"]
    have_text = {row["product_id"] for row in db.query(HAVE_TEXT, {"failed": failed})} if failed else set()
    kept = [row for row in rows if row["status"] != "failed" or row["product_id"] not in have_text]
    db.upsert("content.generated_content", kept, ["product_id"])
    db.checkpoint()


def _planned(db: Database, planned: dict[str, Row]) -> Iterator[Task]:
    """The tasks of the plan; `planned` gets what the plan says of each, until its completion is there."""
    for page in db.pages_by_key(PLANNED, key="product_id", rows=CHECKPOINT_PRODUCTS):
        for row in page:
            product = Product(**row.pop("product"))
            planned[product.product_id] = row
            yield product, row["revision"]


def _content(completion: Completion, provider: Provider) -> Row:
    """What a completion says; an answer that is no listing becomes a failure with its reason."""
    row = completion.model_dump(include={"request_hash", "status", "error", "fallback", "seconds", "cost_usd"})
    row |= {"parser_version": parsing.VERSION, "generated_at": datetime.now(UTC)}
    if completion.status != "complete":
        return row
    try:
        listing = parsing.listing(completion.text)
    except parsing.UnusableAnswerError as error:
        return row | {"status": "failed", "error": str(error)}
    author = TEMPLATE if completion.fallback else provider.model
    return row | listing.model_dump() | {"content_hash": listing.content_hash, "written_by": author}
