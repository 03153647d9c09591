"""Executes the plan of a run: from the provider's answers to rows of `content.generated_content`.

The warehouse is closed during model calls: products are read in pages and answers written in batches, each in a short
transaction.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

from walmart_pipeline.core.progress import Advance
from walmart_pipeline.core.records import TEMPLATE, Completion, Product
from walmart_pipeline.core.warehouse import SPAN_ROWS, Database, Row, Warehouse, struct
from walmart_pipeline.generation import parsing
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.registry import writers

# Bumped when the same answers would be stored otherwise: the asset's code_version.
VERSION = "2"

# The answers that a crash may lose from the warehouse; the ledger still has them.
CHECKPOINT_PRODUCTS = 500
# A slow model takes minutes per listing: completed ones become visible at least this often.
CHECKPOINT_SECONDS = 2.0

# A page of the plan; a product that was removed from the catalog has no facts_hash.
PLANNED = f"""
with page as materialized (
    select product_id, revision
    from content.generation_plan
    where run_id = $plan and product_id > $after
        and ($deferred or product_id not in (select product_id from content.waiting))
        and not ($is_outage and product_id in (
            select product_id from content.generated_content where status = 'complete' and provider <> 'template'
        ))
    order by product_id
    limit {SPAN_ROWS}
)
select page.product_id, to_json({struct("products", Product)})::varchar as product, products.facts_hash, page.revision
from page
left join catalog.products using (product_id)
order by page.product_id
"""

BEFORE = """
select product_id, status, coalesce(failures, 0) + 1 as failures
from content.generated_content
where product_id in (select unnest($failed))
"""

# A failure never replaces an existing text.
COUNT_FAILURE = """
update content.generated_content
set failures = coalesce(failures, 0) + 1, attempted_at = now()
where product_id in (select unnest($failed))
"""

# The request is stored, so that a later plan repeats it: a forced text is not in the plan of a run that forces nothing.
AS_PLANNED = """
update content.waiting
set facts_hash = plan.facts_hash, revision = plan.revision
from content.generation_plan as plan
where plan.product_id = waiting.product_id and plan.run_id = $plan
"""


def defer(warehouse: Warehouse, provider: Provider, plan: str, *, log: Callable[[str], None]) -> Counter[str]:
    """Collect and submit batches, and record the planned products in them. Returns their number by batch.

    They stay in the plan. Raises CallError and LedgerError.
    """
    tasks = ((product, row["revision"]) for product, row in _planned(warehouse, provider, plan, deferred=True))
    waiting = list(provider.defer(tasks, log))
    with warehouse.writing() as db:
        db.replace("content.waiting", ({"product_id": product_id, "batch": batch} for product_id, batch in waiting))
        db.execute(AS_PLANNED, {"plan": plan})
    return Counter(batch for _, batch in waiting)


def write(warehouse: Warehouse, provider: Provider, plan: str, *, advance: Advance) -> Counter[str]:
    """Write every planned product that is not in a batch. Returns the number of completions by status.

    plan: id of its run. advance: called with the number of products since the last call, and the provider's note.
    Progress is committed in batches.
    """
    statuses: Counter[str] = Counter()
    planned: dict[str, Row] = {}

    def tasks() -> Iterator[Task]:
        for product, row in _planned(warehouse, provider, plan):
            planned[product.product_id] = row
            yield product, row["revision"]

    # Closed explicitly: the garbage collector would be too late to store in-flight calls of a stopped run.
    with closing(provider.write(tasks())) as completions:
        rows = (planned.pop(product.product_id) | _content(completion, provider) for product, completion in completions)
        for written in _batches(rows, CHECKPOINT_PRODUCTS, CHECKPOINT_SECONDS):
            with warehouse.writing() as db:
                _store(db, written)
                if provider.writer_to_keep:
                    writers.keep(db, provider.writer_to_keep)
            statuses.update(row["status"] for row in written)
            advance(len(written), provider.note())
    return statuses


def _planned(
    warehouse: Warehouse, provider: Provider, plan: str, *, deferred: bool = False
) -> Iterator[tuple[Product, Row]]:
    """Yield planned products with their product_id, facts_hash and revision. deferred: include those in batches.

    During an outage, which may be newer than the plan, texts by other writers are not replaced.
    """
    after, is_outage = "", provider.outage is not None
    while True:
        with warehouse.reading() as db:
            page = db.query(PLANNED, {"plan": plan, "after": after, "deferred": deferred, "is_outage": is_outage})
        for row in page:
            product = row.pop("product")
            if row["facts_hash"]:
                yield Product.model_validate_json(product), row
        if len(page) < SPAN_ROWS:
            return
        after = page[-1]["product_id"]


def _batches(rows: Iterable[Row], most: int, seconds: float) -> Iterator[list[Row]]:
    """Yield lists of at most `most` rows, and at least one list every `seconds`."""
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
    before = {row["product_id"]: row for row in db.query(BEFORE, {"failed": failed})} if failed else {}
    have_text = [product_id for product_id, row in before.items() if row["status"] == "complete"]
    if have_text:
        db.execute(COUNT_FAILURE, {"failed": have_text})
    for row in rows:
        if row["status"] == "failed":
            row["failures"] = before[row["product_id"]]["failures"] if row["product_id"] in before else 1
    replaced = [row for row in rows if row["status"] != "failed" or row["product_id"] not in have_text]
    db.upsert("content.generated_content", replaced, ["product_id"])


def _content(completion: Completion, provider: Provider) -> Row:
    """Return the row of a completion; an answer that is not a listing becomes a failure with its reason."""
    row = completion.model_dump(include={"request_hash", "status", "error", "fallback", "seconds", "cost_usd"})
    row |= {"provider": provider.name, "model": provider.model, "prompt_version": provider.prompt_version}
    now = datetime.now(UTC)
    row |= {"parser_version": parsing.VERSION, "generated_at": now, "attempted_at": now, "failures": 0}
    if completion.status != "complete":
        return row
    try:
        listing = parsing.listing(completion.text)
    except parsing.UnusableAnswerError as error:
        return row | {"status": "failed", "error": str(error)}
    author = TEMPLATE if completion.fallback else provider.model
    return row | listing.model_dump() | {"content_hash": listing.content_hash, "written_by": author}
