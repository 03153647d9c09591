"""Checks of the scores: warnings about changes in the catalog, the provider or the rules."""

import dagster as dg

from walmart_pipeline import reporting
from walmart_pipeline.core.statistics import RUNS
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.quality import drift
from walmart_pipeline.stages.quality.assets import scores


@dg.asset_check(
    asset=scores,
    description=f"At least {drift.PUBLISHABLE_AT_LEAST:.0f} % of the texts are publishable under the active policy.",
    pool=WAREHOUSE_POOL,
)
def publishable_share(warehouse: dg.ResourceParam[Warehouse], judge: dg.ResourceParam[Judge]) -> dg.AssetCheckResult:
    """Warn if too few texts are publishable; the others are in the review queue."""
    with warehouse.reading() as db:
        return _result(drift.publishable_share(db, judge.policy.label))


@dg.asset_check(
    asset=scores,
    description=f"Mean, quantiles, dimensions and publishable share are in the range of the last {RUNS} runs.",
    pool=WAREHOUSE_POOL,
)
def score_drift(warehouse: dg.ResourceParam[Warehouse], judge: dg.ResourceParam[Judge]) -> dg.AssetCheckResult:
    """Warn if the scores drift, with the figures that moved."""
    with warehouse.reading() as db:
        return _result(drift.score_drift(db, judge.policy.label))


def _result(check: drift.ScoreCheck) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=check.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=check.message,
        metadata={**check.numbers, "figures": reporting.table(check.figures)},
    )
