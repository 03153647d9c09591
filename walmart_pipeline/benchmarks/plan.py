"""Measures time and memory of planning for a catalog of which a part has changed."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from pydantic import BaseModel

from walmart_pipeline.benchmarks import resource_usage, synthetic_catalog
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.generation.template.writer import TemplateWriter
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.content import planning


class PlanFigures(BaseModel):
    """Time and memory of planning. peak_rss_mb: of the whole process, including the creation of the products."""

    products: int
    planned: int
    seconds: float
    rss_mb_before: int
    peak_rss_mb: int


def measure(*, products: int, changed: float) -> PlanFigures:
    """Create a warehouse, change a part of it, and plan. Run it in a fresh process."""
    provider = TemplateWriter(Judge(profiles.load("walmart-2025")))
    with tempfile.TemporaryDirectory(prefix="walmart-bench-") as folder:
        warehouse = FileWarehouse(Path(folder) / "warehouse.duckdb")
        with warehouse.writing() as db:
            synthetic_catalog.make(db, products)
            synthetic_catalog.write_texts(db, provider)
            synthetic_catalog.change(db, round(products * changed))
        before = resource_usage.rss_mb()
        started = time.perf_counter()
        with warehouse.writing() as db:
            reasons = planning.plan(db, provider, "bench")
        return PlanFigures(
            products=products,
            planned=sum(row["products"] for row in reasons),
            seconds=round(time.perf_counter() - started, 2),
            rss_mb_before=before,
            peak_rss_mb=resource_usage.peak_rss_mb(),
        )
