"""The summary of a run, read from the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, WarehouseError

TOTALS = """
select
    (select count(*) from catalog.raw_products) as rows_in,
    (select count(*) from catalog.merges) as rows_merged,
    (select count(*) from catalog.rejects) as rows_rejected,
    (select count(*) from catalog.products) as products,
    (select count(*) from content.generation_plan where run_id = $run_id) as planned,
    coalesce(estimate.calls, 0) as calls_at_most,
    coalesce(estimate.prompt_tokens + estimate.completion_tokens, 0) as tokens_at_most,
    coalesce(estimate.cost_usd, 0.0) as cost_usd_at_most,
    estimate.notice,
    (select count(*) from quality.listings) as accepted,
    (select count(*) from quality.review_queue where status = 'needs_review') as needs_review,
    (select count(*) from quality.review_queue where status = 'failed') as failed,
    (select count(*) from training.dataset) as examples
from (select $run_id as run_id) as run
left join content.plan_estimates as estimate using (run_id)
"""

# Reasons that differ only in a number are grouped, with `#` for the number.
REJECTS = """
select regexp_replace(reason, '[0-9]+', '#', 'g') as name, count(*) as value
from catalog.rejects, unnest(reasons) as found(reason)
group by name
order by value desc, name
"""

REVIEW = """
select regexp_replace(reason, '[0-9]+', '#', 'g') as name, count(*) as value
from quality.review_queue, unnest(reasons) as found(reason)
group by name
order by value desc, name
"""

PLAN = """
select reason as name, count(*) as value
from content.generation_plan
where run_id = $run_id
group by name
order by value desc, name
"""

BANDS = """
select band as name, count(*) as value
from quality.scores
group by name
order by min(score) desc
"""

WRITERS = """
select written_by as name, count(*) as value
from quality.listings
join content.generated_content using (product_id, content_hash)
group by name
order by value desc, name
"""

STAND_INS = """
select count(*)
from quality.listings
join content.generated_content using (product_id, content_hash)
where fallback is not null
"""

MISSING = """
select tier as name, missing as value
from models.modelfiles
where not built
order by value
"""

FEEDS = """
select source_file, status, row_count, detail
from catalog.feeds
order by source_file
"""


WAITING = """
select batch as name, count(*) as value
from content.waiting
group by name
order by name
"""


@dataclass(frozen=True)
class EndedRun:
    """A run that was executed in this process; `error` if it failed."""

    started: datetime
    run_id: str
    seconds: float
    error: str | None


class FeedFact(BaseModel):
    """The latest state of a feed."""

    source_file: str
    status: str
    row_count: int
    detail: str


class Summary(BaseModel):
    """The summary of a run; rows, products and texts are those of the whole warehouse after it."""

    succeeded: bool
    error: str | None = None
    rows_in: int = 0
    rows_merged: int = 0
    rows_rejected: int = 0
    products: int = 0
    planned: int = Field(default=0, description="Products in this run's plan.")
    calls_at_most: int = Field(default=0, description="Calls for the plan if no answer is in the ledger.")
    tokens_at_most: int = 0
    cost_usd_at_most: float = 0.0
    notice: str | None = Field(default=None, description="What a user should know about the provider.")
    plan_by_reason: dict[str, int] = Field(default_factory=dict)
    accepted: int = 0
    accepted_by_writer: dict[str, int] = Field(default_factory=dict, description="Accepted texts by their author.")
    stand_ins: int = Field(default=0, description="Accepted texts of the template writer instead of a model's.")
    needs_review: int = 0
    failed: int = 0
    waiting_by_batch: dict[str, int] = Field(default_factory=dict, description="Products by pending provider batch.")
    calls: int = Field(default=0, description="Model calls of this run, including failed ones.")
    cost_usd: float = 0.0
    examples: int = 0
    modelfiles: list[str] = Field(default_factory=list)
    report: str | None = None
    exports: list[str] = Field(default_factory=list)
    seconds: float = 0.0
    run_id: str = ""
    feeds: list[FeedFact] = Field(default_factory=list)
    rejects_by_reason: dict[str, int] = Field(default_factory=dict)
    review_by_reason: dict[str, int] = Field(default_factory=dict)
    bands: dict[str, int] = Field(default_factory=dict)
    examples_missing: dict[str, int] = Field(default_factory=dict, description="By tier without enough examples.")


def summarize(settings: Settings, ended: EndedRun) -> Summary:
    """Summarize a run; also a failed one, as far as it went."""
    report = settings.reports / "evaluation.html"
    facts = ended_run_facts(settings, ended, lambda db: _facts(db, ended.run_id))
    return Summary.model_validate(facts | {"report": str(report) if report.is_file() else None})


def ended_run_facts(settings: Settings, ended: EndedRun, read: Callable[[Database], dict[str, Any]]) -> dict[str, Any]:
    """Collect the results of `read` on the warehouse, and the run's calls, costs, time and error."""
    about = {
        "succeeded": ended.error is None,
        "error": ended.error,
        "run_id": ended.run_id,
        "seconds": round(ended.seconds, 1),
    }
    from walmart_pipeline.llm import ledger_statistics

    try:
        with warehouses.of(settings).reading() as db:
            facts = read(db)
    except WarehouseError:
        # A run that failed before its first write leaves no warehouse.
        if ended.error is None:
            raise
        return about
    used = ledger_statistics.usage_since(settings, ended.started)
    return facts | about | {"calls": used.calls, "cost_usd": used.cost_usd}


def _facts(db: Database, run_id: str) -> dict[str, Any]:
    run = {"run_id": run_id}
    return db.query(TOTALS, run)[0] | {
        "modelfiles": [row["path"] for row in db.query("select path from models.modelfiles where built order by path")],
        "exports": [row["path"] for row in db.query("select distinct path from delivery.exports order by path")],
        "feeds": db.query(FEEDS),
        "rejects_by_reason": _counts(db, REJECTS),
        "review_by_reason": _counts(db, REVIEW),
        "bands": _counts(db, BANDS),
        "accepted_by_writer": _counts(db, WRITERS),
        "stand_ins": db.value(STAND_INS),
        "plan_by_reason": _counts(db, PLAN, run),
        "waiting_by_batch": _counts(db, WAITING),
        "examples_missing": _counts(db, MISSING),
    }


def _counts(db: Database, sql: str, parameters: dict[str, str] | None = None) -> dict[str, int]:
    return {row["name"]: row["value"] for row in db.query(sql, parameters)}
