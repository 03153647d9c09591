"""Executes the plan of a run: from the provider's answers to rows of `content.generated_content`.

The warehouse is closed during model calls: products are read in pages and answers written in batches, each in a short
transaction, or by a worker into a staged file, whose rows a committer stores by the same statements.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from walmart_pipeline.core.buckets import EVERYTHING, Share, count_sql
from walmart_pipeline.core.progress import Advance
from walmart_pipeline.core.records import TEMPLATE, Completion, Product
from walmart_pipeline.core.staging import Staging, staged
from walmart_pipeline.core.warehouse import SPAN_ROWS, Database, Row, Warehouse, struct
from walmart_pipeline.generation import parsing
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.registry import writers

# Bumped when the same answers would be stored otherwise: the asset's code_version.
VERSION = "2"

TABLE = "content.generated_content"

# The answers that a crash may lose from the warehouse; the ledger still has them.
CHECKPOINT_PRODUCTS = 500
# A slow model takes minutes per listing: completed ones become visible at least this often.
CHECKPOINT_SECONDS = 2.0

# Without those in a batch, without texts that an outage keeps, and without what was tried since a time.
OPEN = """
from content.generation_plan
where run_id = $plan
    and ($deferred or product_id not in (select product_id from content.waiting))
    and not ($is_outage and product_id in (
        select product_id from content.generated_content where status = 'complete' and provider <> 'template'
    ))
    and ($since is null or product_id not in (
        select product_id from content.generated_content where attempted_at >= $since::timestamptz
    ))
"""

# A product that was removed from the catalog has no facts_hash.
PAGE_ROWS = f"""
select page.product_id, to_json({struct("products", Product)})::varchar as product, products.facts_hash, page.revision
from page
left join catalog.products using (product_id)
order by page.product_id
"""

# Of staged rows the newest attempt at each product, unless the warehouse has a newer one.
NEWEST = """
select incoming.*
from {staged} as incoming
left join content.generated_content as present using (product_id)
where present.product_id is null
    or coalesce(present.attempted_at, least(present.generated_at, now())) <= incoming.attempted_at
qualify row_number() over (partition by incoming.product_id order by incoming.attempted_at desc) = 1
"""

ARRIVED = """
create or replace temp table arrived as
select
    incoming.*,
    coalesce(present.status = 'complete', false) as has_text,
    coalesce(present.failures, 0) as failures_before
from ({rows}) as incoming
left join content.generated_content as present using (product_id)
"""

# A failure never replaces an existing text.
STORE = (
    """
    update content.generated_content
    set failures = failures_before + 1, attempted_at = arrived.attempted_at
    from arrived
    where generated_content.product_id = arrived.product_id and arrived.status = 'failed' and has_text
    """,
    """
    delete from content.generated_content
    where product_id in (select product_id from arrived where status <> 'failed' or not has_text)
    """,
    """
    insert into content.generated_content by name
    select
        * exclude (has_text, failures_before)
        replace (if(status = 'failed', failures_before + 1, 0) as failures)
    from arrived
    where status <> 'failed' or not has_text
    """,
)

# The request is stored, so that a later plan repeats it: a forced text is not in the plan of a run that forces nothing.
AS_PLANNED = """
update content.waiting
set facts_hash = plan.facts_hash, revision = plan.revision
from content.generation_plan as plan
where plan.product_id = waiting.product_id and plan.run_id = $plan
"""


def defer(
    warehouse: Warehouse, provider: Provider, plan: str, *, log: Callable[[str], None], since: datetime | None = None
) -> Counter[str]:
    """Collect and submit batches, and record the planned products in them. Returns their number by batch.

    since: see `write`.

    They stay in the plan. Raises CallError and LedgerError.
    """
    tasks = (
        (product, row["revision"]) for product, row in _planned(warehouse, provider, plan, deferred=True, since=since)
    )
    waiting = list(provider.defer(tasks, log))
    with warehouse.writing() as db:
        db.replace("content.waiting", ({"product_id": product_id, "batch": batch} for product_id, batch in waiting))
        db.execute(AS_PLANNED, {"plan": plan})
    return Counter(batch for _, batch in waiting)


def write(
    warehouse: Warehouse, provider: Provider, plan: str, *, advance: Advance, since: datetime | None = None
) -> Counter[str]:
    """Write every planned product that is not in a batch. Returns the number of completions by status.

    plan: id of its run. advance: called with the number of products since the last call, and the provider's note.
    since: without the products that were tried since then. Progress is committed in batches.
    """
    statuses: Counter[str] = Counter()
    # Closed explicitly: the garbage collector would be too late to store in-flight calls of a stopped run.
    with closing(_written(warehouse, provider, plan, EVERYTHING, since)) as rows:
        for written in _batches(rows, CHECKPOINT_PRODUCTS, CHECKPOINT_SECONDS):
            with warehouse.writing() as db:
                db.hold("written", written, like=TABLE)
                statuses.update(_store(db, "from written", provider))
            advance(len(written), provider.note())
    return statuses


def stage(
    warehouse: Warehouse, provider: Provider, plan: str, share: Share, path: Path, *, advance: Advance
) -> Counter[str]:
    """Write the planned products of a share into a staged file. Returns the number of completions by status.

    The warehouse is only read. A killed worker leaves no file; the ledger has its answers.
    """
    statuses: Counter[str] = Counter()
    with warehouse.reading() as db:
        schema = db.schema(TABLE)
    with staged(path, schema) as put, closing(_written(warehouse, provider, plan, share, None)) as rows:
        for written in _batches(rows, CHECKPOINT_PRODUCTS, CHECKPOINT_SECONDS):
            put(written)
            statuses.update(row["status"] for row in written)
            advance(len(written), provider.note())
    return statuses


def commit(warehouse: Warehouse, provider: Provider, staging: Staging) -> Counter[str]:
    """Store what workers left in staged files. Returns the number of completions by status."""
    statuses: Counter[str] = Counter()

    def store(db: Database, rows: str) -> None:
        statuses.update(_store(db, NEWEST.format(staged=rows), provider))

    staging.commit(warehouse, TABLE, store)
    return statuses


def open_by_bucket(warehouse: Warehouse, provider: Provider, plan: str) -> dict[int, int]:
    """Return the number of planned products in each bucket that are not in a batch."""
    given = {"plan": plan, "deferred": False, "is_outage": provider.outage is not None, "since": None}
    with warehouse.reading() as db:
        return {row["bucket"]: row["rows"] for row in db.query(count_sql(f"select product_id {OPEN}"), given)}


def _written(
    warehouse: Warehouse, provider: Provider, plan: str, share: Share, since: datetime | None
) -> Generator[Row, None, None]:
    """Yield a row of `content.generated_content` for each planned product, in the order of the answers."""
    planned: dict[str, Row] = {}

    def tasks() -> Iterator[Task]:
        for product, row in _planned(warehouse, provider, plan, share=share, since=since):
            planned[product.product_id] = row
            yield product, row["revision"]

    with closing(provider.write(tasks())) as completions:
        for product, completion in completions:
            yield planned.pop(product.product_id) | _content(completion, provider)


def _planned(
    warehouse: Warehouse,
    provider: Provider,
    plan: str,
    *,
    deferred: bool = False,
    share: Share = EVERYTHING,
    since: datetime | None = None,
) -> Iterator[tuple[Product, Row]]:
    """Yield planned products with their product_id, facts_hash and revision. deferred: include those in batches.

    During an outage, which may be newer than the plan, texts by other writers are not replaced.
    """
    after, is_outage = "", provider.outage is not None
    page_ids = (
        f"select product_id, revision {OPEN} and product_id > $after and {share.holds('product_id')} "
        f"order by product_id limit {SPAN_ROWS}"
    )
    while True:
        given = {"plan": plan, "after": after, "deferred": deferred, "is_outage": is_outage, "since": since}
        with warehouse.reading() as db:
            page = db.query(f"with page as materialized ({page_ids}) {PAGE_ROWS}", given)
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


def _store(db: Database, rows: str, provider: Provider) -> dict[str, int]:
    """Store the rows of a query. Returns their number by status."""
    db.execute(ARRIVED.format(rows=rows))
    for statement in STORE:
        db.execute(statement)
    if provider.writer_to_keep:
        writers.keep(db, provider.writer_to_keep)
    counted = db.query("select status, count(*) as products from arrived group by status")
    return {row["status"]: row["products"] for row in counted}


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
