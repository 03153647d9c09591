"""Checks of the generated content: products that nobody wrote a text for."""

import dagster as dg

from walmart_pipeline import reporting
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.content import writing_figures
from walmart_pipeline.stages.content.assets import generated_content


@dg.asset_check(
    asset=generated_content,
    description=f"At most {writing_figures.WITHOUT_TEXT_AT_MOST:.0f} % of the products were declined or failed. The "
    "share of publishable texts does not show them: they have no text.",
    pool=WAREHOUSE_POOL,
)
def declined_share(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Warn if many products end without a text."""
    with warehouse.reading() as db:
        found = writing_figures.without_text(db)
    return dg.AssetCheckResult(
        passed=found.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.message,
        metadata={**found.counts, "products without a text": reporting.table(found.products)},
    )
