"""Checks of the dataset: what would make a comparison of models worthless stops what is built from it."""

import dagster as dg

from walmart_pipeline.core import markdown
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.training import leakage
from walmart_pipeline.stages.training.assets import dataset
from walmart_pipeline.stages.training.near_duplicates import NEAR_COPY


@dg.asset_check(
    asset=dataset,
    name="leakage",
    blocking=True,
    description="No product family, no component and no near-copy of an input or output (Jaccard index "
    f"{NEAR_COPY} or more) stands on two splits: stops everything downstream.",
    pool=WAREHOUSE_POOL,
)
def no_leakage(warehouse: dg.ResourceParam[Warehouse], judge: dg.ResourceParam[Judge]) -> dg.AssetCheckResult:
    """A model would be tested on what it has learned, and every comparison flatter it."""
    with warehouse.reading() as db:
        found = leakage.leakage(db, judge)
    return dg.AssetCheckResult(
        passed=not found.found,
        severity=dg.AssetCheckSeverity.ERROR,
        description=(
            f"{found.divided_families} families, {found.divided_components} components and {found.near_copies} "
            f"near-copies stand on two splits, of {found.examples} examples"
        ),
        metadata={"near-copies on two splits": dg.MetadataValue.md(markdown.table(found.pairs))},
    )
