"""What a run's writing came to, what is left without a text, and the latest listing in full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from walmart_pipeline.core.warehouse import Database, Row

# Per cent of the products. The template writer declines 3 % of the sample's 270.
WITHOUT_TEXT_AT_MOST = 20.0
# Products that a message names.
NAMED = 10

WRITTEN = """
select
    coalesce(round(100.0 * avg((fallback is not null)::integer), 1), 0.0) as "stand-in share (%)",
    coalesce(round(sum(cost_usd), 4), 0.0) as "cost (USD)",
    coalesce(round(quantile_cont(seconds, 0.5), 2), 0.0) as "seconds per text, median",
    coalesce(round(quantile_cont(seconds, 0.95), 2), 0.0) as "seconds per text, 95th percentile"
from content.generated_content
where attempted_at >= $since and status = 'complete'
"""

WITHOUT_TEXT = """
select product_id, coalesce(status, 'not written yet') as state, coalesce(error, '') as reason
from catalog.products
left join content.generated_content using (product_id)
where status is distinct from 'complete'
order by product_id
"""

LATEST = """
select product_id, title, key_features, description, seo_keywords
from content.generated_content
where status = 'complete'
order by generated_at desc, product_id
limit 1
"""


@dataclass(frozen=True)
class WithoutText:
    """Products that were declined, failed, or are not written yet."""

    passed: bool
    message: str
    counts: dict[str, int | float]
    products: list[Row]


def of_run(db: Database, since: datetime) -> dict[str, int | float]:
    """Cost, latency and share of stand-ins of the texts that were written since then."""
    return db.query(WRITTEN, {"since": since})[0]


def without_text(db: Database) -> WithoutText:
    """Count the products without a text. Those that wait for a later run (a limit, a batch) do not count as wrong."""
    total = db.count("catalog.products")
    rows = db.query(WITHOUT_TEXT)
    states = ("declined", "failed", "not written yet")
    by_state = {state: [row["product_id"] for row in rows if row["state"] == state] for state in states}
    wrong = by_state["declined"] + by_state["failed"]
    share = 100 * len(wrong) / total if total else 0.0
    named = ", ".join(wrong[:NAMED]) + (", …" if len(wrong) > NAMED else "")
    message = (
        f"{len(wrong):,} of {total:,} products were asked for and have no text ({share:.1f} %): "
        f"{len(by_state['declined']):,} declined for too few facts, {len(by_state['failed']):,} failed"
        + (f": {named}" if named else "")
    )
    counts = {"products": total, **{state: len(ids) for state, ids in by_state.items()}}
    return WithoutText(
        share <= WITHOUT_TEXT_AT_MOST, message, counts | {"declined share (%)": round(share, 1)}, rows[:NAMED]
    )


def latest_listing(db: Database) -> list[Row]:
    """The text that was written last, with a row for each field."""
    found = db.query(LATEST)
    return [{"field": name, "text": value} for name, value in found[0].items()] if found else []
