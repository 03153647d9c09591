"""Great Expectations suites as asset checks of the catalog."""

from collections.abc import Iterator

import dagster as dg

from walmart_pipeline.core import markdown
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.catalog import expectations
from walmart_pipeline.stages.catalog.assets import products, raw_products

# By severity of an expectation: its check, and whether the check is blocking.
CHECKS = {"critical": ("required", True), "warning": ("expected", False)}


def _suite(asset: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    table = asset.key.path[-1]

    @dg.multi_asset_check(
        name=f"{table}_expectations",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=asset,
                blocking=blocking,
                description=f"Great Expectations of severity `{severity}`"
                + (": stops everything downstream." if blocking else ": a warning."),
            )
            for severity, (name, blocking) in CHECKS.items()
        ],
        pool=WAREHOUSE_POOL,
    )
    def run_suite(
        settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        with warehouse.reading() as db:
            result = expectations.validate(db, table, settings.reports / "data_docs")
        for severity, (name, blocking) in CHECKS.items():
            failed = result.failed(severity)
            yield dg.AssetCheckResult(
                asset_key=asset.key,
                check_name=name,
                passed=not failed,
                severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
                description="; ".join(row["expectation"] for row in failed) or None,
                metadata={
                    "expectations": dg.MetadataValue.md(
                        markdown.table([row for row in result.expectations if row["severity"] == severity])
                    ),
                    "data docs": dg.MetadataValue.url(result.docs.as_uri()),
                },
            )

    return run_suite


raw_products_suite = _suite(raw_products)
products_suite = _suite(products)
