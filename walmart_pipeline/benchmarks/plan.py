"""How long the plan takes, and how much memory, over a catalog of which a part has changed."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from pydantic import BaseModel

from walmart_pipeline.benchmarks import catalog, usage
from walmart_pipeline.content import planning
from walmart_pipeline.llm.composer_provider import Composer
from walmart_pipeline.quality import policy
from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.warehouse import Warehouse


class PlanFigures(BaseModel):
    """peak_rss_mb is that of the whole process, making the products included."""

    products: int
    planned: int
    seconds: float
    rss_mb_before: int
    peak_rss_mb: int


def measure(*, products: int, changed: float) -> PlanFigures:
    """Make a warehouse, change a part of it, and plan, in a process that has just begun."""
    provider = Composer(Judge(policy.load("walmart-2025")))
    with tempfile.TemporaryDirectory(prefix="walmart-bench-") as folder:
        warehouse = Warehouse(Path(folder) / "warehouse.duckdb")
        with warehouse.writing() as db:
            catalog.make(db, products)
            catalog.write_texts(db, provider)
            catalog.change(db, round(products * changed))
        before = usage.rss_mb()
        started = time.perf_counter()
        with warehouse.writing() as db:
            reasons = planning.plan(db, provider)
            planning.estimate(db, provider)
        return PlanFigures(
            products=products,
            planned=sum(row["products"] for row in reasons),
            seconds=round(time.perf_counter() - started, 2),
            rss_mb_before=before,
            peak_rss_mb=usage.peak_rss_mb(),
        )
