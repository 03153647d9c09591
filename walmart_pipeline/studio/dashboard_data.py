"""What the dashboards show: the figures of the insights, models and datasets, and where their reports are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.insights import overview, performance
from walmart_pipeline.stages.insights.overview import InsightsOverview
from walmart_pipeline.stages.training.data_card import CARD

MODELS = """
select name, tier, status, provider, base_model, dataset_version, policy, created_at, note
from models.versions
order by status = 'champion' desc, created_at desc, name
"""

EVALUATIONS = """
select
    evaluation_number as evaluation,
    contender,
    kind,
    count(*) as products,
    avg(coalesce(score, 0)) as mean_score,
    count(*) filter (publishable) as publishable,
    quantile_cont(seconds, 0.5) as median_seconds,
    sum(cost_usd) as cost_usd,
    max(evaluated_at) as evaluated_at
from evaluation.model_evaluation
group by evaluation_number, contender, kind
order by evaluation_number desc, mean_score desc
"""

DATASETS = """
select
    'v' || number as version,
    in_force,
    (select sum(value::bigint) from json_each(counts))::bigint as examples,
    mean_quality,
    policy,
    created_at,
    folder
from training.dataset_versions
order by number desc
"""


@dataclass(frozen=True)
class DashboardData:
    """Everything that the dashboards show of one time."""

    shown: InsightsOverview
    costs: list[Row]
    drift: list[Row]
    activity: list[Row]
    models: list[Row]
    evaluations: list[Row]
    datasets: list[Row]


def load(db: Database, now: datetime, days: int) -> DashboardData:
    """Read the figures of the last days."""
    shown = overview.overview(db, now, days)
    since = shown.since.date()
    return DashboardData(
        shown=shown,
        costs=performance.grouped(db, ["day", "model", "category"], since=since),
        drift=db.query(overview.DRIFT),
        activity=db.query("select * from insights.usage where day >= ? order by day desc, feature, actor", [since]),
        models=db.query(MODELS),
        evaluations=db.query(EVALUATIONS),
        datasets=db.query(DATASETS),
    )


def summed(rows: Sequence[Row], figure: str, *by: str) -> list[Row]:
    """Sum a figure by some columns, the latest day and the most first; groups of nothing are left out."""
    sums: dict[tuple[object, ...], float] = {}
    for row in rows:
        key = tuple(row[name] for name in by)
        sums[key] = sums.get(key, 0) + (row[figure] or 0)
    found = [dict(zip(by, key, strict=True)) | {figure: total} for key, total in sums.items() if total]
    found.sort(key=lambda row: (row.get("day", date.min), row[figure]), reverse=True)
    return found


def reports(settings: Settings) -> dict[str, Path]:
    """Return the reports that there are, by title, the newest evaluation of models first."""
    evaluations = sorted(
        settings.reports.glob("model-evaluation-*.html"),
        key=lambda path: int(path.stem.rpartition("-")[2]),
        reverse=True,
    )
    found = {f"Model evaluation {path.stem.rpartition('-')[2]}": path for path in evaluations}
    found["Generated against source texts"] = settings.reports / "evaluation.html"
    return {title: path for title, path in found.items() if path.is_file()}


def card(settings: Settings, version: str) -> str | None:
    """Return the data card of a dataset version, Markdown; None if there is none."""
    path = settings.datasets / version / CARD
    return path.read_text(encoding="utf-8") if path.is_file() else None
