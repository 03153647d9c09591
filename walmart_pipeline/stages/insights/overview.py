"""The figures that the insights page and the Studio's dashboards show: quality over time, categories, and headlines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.insights import model_findings, performance, usage

# Days that the page shows.
DAYS = 30
# The most of any ranking.
SHOWN = 12

FINDINGS = """
select severity, kind, subject, sentence, value, expected, cases, since, first_found_at, found_at
from insights.insights
order by severity = 'warning' desc, cases desc
"""

QUALITY = """
select recorded_at, policy, texts, mean, p10, p50, p90, publishable
from quality.score_history
order by recorded_at
"""

CATEGORIES = """
select
    coalesce(category[1], 'none') as category,
    count(*) as texts,
    avg(score) as mean,
    count(*) filter (publishable) / count(*) as publishable_share
from quality.scores
join catalog.products using (product_id)
group by all
order by texts desc, category
"""

# The latest mean of each category beside its mean over the runs before, under the same policy.
DRIFT = """
with ranked as (
    select *, row_number() over (partition by category order by recorded_at desc) as age
    from quality.category_history
    where policy = (select policy from quality.score_history order by recorded_at desc limit 1)
)
select
    category,
    any_value(texts) filter (age = 1) as texts,
    any_value(mean) filter (age = 1) as latest,
    median(mean) filter (age > 1 and age <= 15) as before,
    latest - before as change,
    count(*) filter (age > 1 and age <= 15)::bigint as runs_before
from ranked
group by category
order by abs(change) desc nulls last, category
"""

TEXTS = """
select count(*) as texts, avg(score) as mean_score, count(*) filter (publishable) as publishable
from quality.scores
"""


@dataclass(frozen=True)
class InsightsOverview:
    """Everything that is shown of the days since `since`."""

    since: datetime
    texts: Row
    models: Row
    findings: list[Row]
    quality: list[Row]
    categories: list[Row]
    days: list[Row]
    by_model: list[Row]
    by_category: list[Row]
    errors: list[Row]
    features: list[Row]


def overview(db: Database, now: datetime, days: int = DAYS) -> InsightsOverview:
    """Read the figures of the last days."""
    since = now - timedelta(days=days)

    def grouped(*by: performance.Grouping) -> list[Row]:
        return performance.grouped(db, by, since=since.date())

    return InsightsOverview(
        since=since,
        texts=db.query(TEXTS)[0],
        models=grouped()[0],
        findings=db.query(FINDINGS),
        quality=db.query(QUALITY),
        categories=db.query(CATEGORIES),
        days=grouped("day"),
        by_model=grouped("provider", "model", "purpose"),
        by_category=grouped("category"),
        errors=model_findings.errors(db, since),
        features=usage.by_feature(db, since=since.date()),
    )


def latest_day(db: Database) -> dict[str, Any]:
    """Figures of the latest day with calls or texts, for plots over the days; rates and seconds only where known."""
    day = db.value("select max(day) from insights.performance where calls + texts > 0")
    if day is None:
        return {}
    row = performance.grouped(db, ["day"], since=day)[0]
    figures = {
        "model calls": row["calls"],
        "failed calls": row["error_count"],
        "success rate (%)": _per_cent(row["success_rate"]),
        "response time, median (s)": row["response_time"],
        "response time, 95th percentile (s)": row["response_time_p95"],
        "tokens": row["prompt_tokens"] + row["completion_tokens"],
        "cost (USD)": row["cost_usd"],
        "cache hits": row["cache_hits"],
        "repair rate (%)": _per_cent(row["repair_rate"]),
        "texts": row["texts"],
        "stand-in share (%)": _per_cent(row["stand_in_rate"]),
        "user satisfaction (stars)": row["user_satisfaction"],
    }
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
        if value is not None
    }


def _per_cent(share: float | None) -> float | None:
    return None if share is None else 100 * share
