"""The summary of a retraining, read from the warehouse."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from walmart_pipeline.automation.run_summary import EndedRun, ended_run_facts
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database

DATASET = """
select 'v' || number as dataset, (select count(*) from training.dataset) as examples
from training.dataset_versions
where in_force
"""

TUNED = """
select tier, score, baseline_score, parameters
from models.tuned
where tuned_at >= ?
order by tier
"""

CANDIDATES = """
select name
from models.versions
where created_at >= ? or name in (select candidate from evaluation.decisions where decided_at >= ?)
order by name
"""

CONTENDERS = """
select
    contender,
    kind,
    count(*) as products,
    count(*) filter (status <> 'complete') as without_text,
    avg(score) as mean_score,
    count(*) filter (publishable) as publishable
from evaluation.model_evaluation
where evaluation_number = (select max(evaluation_number) from evaluation.model_evaluation where evaluated_at >= ?)
group by contender, kind
order by mean_score desc, contender
"""

DECISIONS = """
select candidate, reference, difference, low, high, verdict, reasons
from evaluation.decisions
where decided_at >= ?
order by candidate
"""

CHAMPIONS = """
select string_agg(name || ' (' || provider || ')', ', ' order by provider)
from models.versions
where status = 'champion'
"""


class TunedSummary(BaseModel):
    """The outcome of a tier's tuning study."""

    tier: str
    score: float | None
    baseline_score: float | None
    parameters: str


class ContenderSummary(BaseModel):
    """The results of one contender of the model evaluation."""

    contender: str
    kind: str
    products: int
    without_text: int
    mean_score: float
    publishable: int


class DecisionSummary(BaseModel):
    """The decision about a candidate, with its reasons."""

    candidate: str
    reference: str
    difference: float | None
    low: float | None
    high: float | None
    verdict: str
    reasons: list[str] = Field(default_factory=list)


class Retraining(BaseModel):
    """The summary of a retraining."""

    succeeded: bool
    error: str | None = None
    dataset: str | None = None
    examples: int = 0
    tuned: list[TunedSummary] = Field(default_factory=list)
    candidates: list[str] = Field(default_factory=list)
    contenders: list[ContenderSummary] = Field(default_factory=list)
    decisions: list[DecisionSummary] = Field(default_factory=list)
    champion: str | None = None
    report: str | None = None
    calls: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    run_id: str = ""


def retrained(settings: Settings, ended: EndedRun) -> Retraining:
    """Summarize a retraining; also a failed one, as far as it went."""
    facts = ended_run_facts(settings, ended, lambda db: _facts(db, ended.started))
    report = settings.reports / f"model-evaluation-{facts.pop('evaluation_number', None)}.html"
    return Retraining.model_validate(facts | {"report": str(report) if report.is_file() else None})


def _facts(db: Database, started: datetime) -> dict[str, Any]:
    return db.query(DATASET)[0] | {
        "tuned": db.query(TUNED, [started]),
        "candidates": [row["name"] for row in db.query(CANDIDATES, [started, started])],
        "contenders": db.query(CONTENDERS, [started]),
        "decisions": db.query(DECISIONS, [started]),
        "champion": db.value(CHAMPIONS),
        "evaluation_number": db.value(
            "select max(evaluation_number) from evaluation.model_evaluation where evaluated_at >= ?", [started]
        ),
    }
