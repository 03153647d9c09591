"""The judge over the warehouse: each generated text scored once under a policy, and sorted by the verdict.

Belongs here: which texts are due, and the tables of scores, accepted listings and the review queue.
Does not: the verdict itself (judge.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.records import Listing, Product
from walmart_pipeline.warehouse import Database, Row, struct

# Bumped when the same texts would be sorted otherwise: the assets' code_version.
VERSION = "1"

DUE = f"""
select
    {struct("products", Product)} as product,
    {struct("content", Listing)} as listing,
    content.content_hash,
    products.facts_hash
from content.generated_content as content
join catalog.products using (product_id)
left join quality.scores on
    scores.product_id = content.product_id
    and scores.content_hash = content.content_hash
    and scores.facts_hash = products.facts_hash
    and scores.policy = $policy
where content.status = 'complete' and scores.product_id is null
order by content.product_id
"""

FORGET_GONE = """
delete from quality.scores
where product_id not in (
    select product_id
    from content.generated_content
    join catalog.products using (product_id)
    where status = 'complete'
)
"""

ACCEPTED = f"""
select
    product_id,
    {", ".join(f"content.{name}" for name in Listing.model_fields)},
    content_hash,
    scores.score,
    scores.band,
    scores.policy,
    content.provider,
    content.model,
    now() as accepted_at
from content.generated_content as content
join quality.scores using (product_id, content_hash)
where scores.publishable
"""

# Every product of the catalog that was written about and not accepted, with each reason.
TO_REVIEW = """
select
    content.product_id,
    case when content.status = 'failed' then 'failed' else 'needs_review' end as status,
    case
        when content.status <> 'complete' then [content.error]
        when len(blocking) > 0 then blocking
        else ['the score of ' || scores.score || ' is below the bar of ' || {bar}]
    end as reasons,
    scores.score,
    content.content_hash,
    now() as queued_at
from content.generated_content as content
join catalog.products using (product_id)
left join (
    select
        *,
        list_distinct(
            [v.rule || ': ' || v.message for v in violations if v.severity = 'blocking']
        ).list_sort() as blocking
    from quality.scores
) as scores on scores.product_id = content.product_id and scores.content_hash = content.content_hash
where scores.publishable is not true
"""


def score(db: Database, judge: Judge, *, advance: Callable[[int], None]) -> int:
    """Report on every complete text that has no report for these facts under this policy. Returns how many.

    advance: told the number of texts since the last call. What is done is kept, whatever happens next.
    """
    db.execute(FORGET_GONE)
    total = 0
    for due in db.pages(DUE, {"policy": judge.policy.label}):
        total += db.upsert("quality.scores", [_score_row(row, judge) for row in due], ["product_id"])
        db.checkpoint()
        advance(len(due))
    return total


def due_count(db: Database, judge: Judge) -> int:
    """How many texts `score` would report on."""
    return int(db.value(f"select count(*) from ({DUE})", {"policy": judge.policy.label}))


def accept(db: Database) -> tuple[int, int]:
    """Bring `quality.listings` up to date. Returns (rows written, rows removed)."""
    return db.sync("quality.listings", ACCEPTED, key="product_id", stamp="accepted_at")


def queue(db: Database, judge: Judge) -> tuple[int, int]:
    """Bring `quality.review_queue` up to date. Returns (rows written, rows removed)."""
    wanted = TO_REVIEW.format(bar=judge.policy.publishable_score)
    return db.sync("quality.review_queue", wanted, key="product_id", stamp="queued_at")


def _score_row(row: Row, judge: Judge) -> Row:
    report = judge.report(Product(**row["product"]), Listing(**row["listing"]))
    return report.flat() | {
        "content_hash": row["content_hash"],
        "facts_hash": row["facts_hash"],
        "scored_at": datetime.now(UTC),
    }
