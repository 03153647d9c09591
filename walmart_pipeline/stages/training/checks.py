"""Checks of the dataset."""

import dagster as dg

from walmart_pipeline import reporting
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.training import leakage
from walmart_pipeline.stages.training.assets import dataset
from walmart_pipeline.stages.training.near_duplicates import NEAR_COPY


@dg.asset_check(
    asset=dataset,
    name="leakage",
    blocking=True,
    description="No product family, component or near-copy of an input or output (Jaccard index "
    f"{NEAR_COPY} or more) is in two splits; otherwise nothing downstream is built.",
    pool=WAREHOUSE_POOL,
)
def no_leakage(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Fail if a model would be tested on its training data."""
    with warehouse.reading() as db:
        found = leakage.leakage(db)
    return dg.AssetCheckResult(
        passed=not found.found,
        severity=dg.AssetCheckSeverity.ERROR,
        description=(
            f"{found.divided_families} families, {found.divided_components} components and {found.near_copies} "
            f"near-copies are in two splits, of {found.examples} examples"
        ),
        metadata={
            "families in two splits": found.divided_families,
            "components in two splits": found.divided_components,
            "near-copies": found.near_copies,
            "examples": found.examples,
            "near-copies in two splits": reporting.table(found.pairs),
        },
    )
