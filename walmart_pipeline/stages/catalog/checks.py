"""Checks of the catalog: readable feeds, withdrawn products, and Great Expectations suites."""

from collections.abc import Iterator, Mapping

import dagster as dg

from walmart_pipeline import reporting
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.catalog import expectations, feed_states
from walmart_pipeline.stages.catalog.assets import products, raw_products

COLUMNS = ("expectation", "met", "found", "examples")

# By table and severity of an expectation: its check.
SUITES: Mapping[str, Mapping[str, str]] = {
    "raw_products": {"critical": "rows_have_source_and_text", "warning": "rows_are_readable"},
    "products": {"critical": "products_are_identified", "warning": "products_have_facts"},
}


@dg.asset_check(
    asset=raw_products,
    description="Every feed can be read, has rows, and is still where it was read. A feed that is not keeps its last "
    "good version: without this check a night would end green on old data.",
    pool=WAREHOUSE_POOL,
)
def feeds_are_readable(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Name each feed that is unreadable, has only a header, or whose file was deleted."""
    with warehouse.reading() as db:
        found = feed_states.feed_states(db)
    return dg.AssetCheckResult(
        passed=not found.problems,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.message,
        metadata={**found.counts, "problems": reporting.table(found.problems)},
    )


@dg.asset_check(
    asset=products,
    description="The latest run withdrew no more products than WALMART_MAX_SHRINKAGE_SHARE and "
    "WALMART_MAX_SHRINKAGE_ROWS allow a feed to lose.",
    pool=WAREHOUSE_POOL,
)
def withdrawn_share(
    context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings]
) -> dg.AssetCheckResult:
    """Warn if a large part of the catalog disappeared, for whatever reason."""
    run = reporting.last_metadata(context, products.key)
    left, withdrawn = int(run.get("dagster/row_count", 0)), int(run.get("withdrawn", 0))
    before = left + withdrawn
    share = 100 * withdrawn / before if before else 0.0
    return dg.AssetCheckResult(
        passed=withdrawn <= max(settings.max_shrinkage_share * before, settings.max_shrinkage_rows),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{withdrawn:,} of {before:,} products were withdrawn ({share:.1f} %): no feed has them any more, "
        "or their rows were rejected",
        metadata={"withdrawn": withdrawn, "withdrawn share (%)": round(share, 1), "products left": left},
    )


def _suite(asset: dg.AssetsDefinition) -> dg.AssetChecksDefinition:
    table = asset.key.path[-1]
    names = SUITES[table]

    @dg.multi_asset_check(
        name=f"{table}_expectations",
        specs=[
            dg.AssetCheckSpec(
                name,
                asset=asset,
                blocking=severity == "critical",
                description=" ".join(
                    item["notes"] for item in expectations.load_suite(table) if item["severity"] == severity
                )
                + (" Otherwise everything downstream stops." if severity == "critical" else " A warning."),
            )
            for severity, name in names.items()
        ],
        can_subset=True,
        pool=WAREHOUSE_POOL,
    )
    def run_suite(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        with warehouse.reading() as db:
            result = expectations.validate(db, table, settings.reports / "data_docs")
        for severity, name in names.items():
            if name not in selected:
                continue
            rows, failed = result.of(severity), result.failed(severity)
            yield dg.AssetCheckResult(
                asset_key=asset.key,
                check_name=name,
                passed=not failed,
                severity=dg.AssetCheckSeverity.ERROR if severity == "critical" else dg.AssetCheckSeverity.WARN,
                description="; ".join(
                    f"{row['found']}: {row['examples']}" if failed and row["examples"] else row["found"]
                    for row in failed or rows
                ),
                metadata={
                    **{row["what"]: row["number"] for row in rows},
                    "expectations": reporting.table([{name: row[name] for name in COLUMNS} for row in rows]),
                    "data docs": reporting.link(settings, result.docs),
                    "data docs file": dg.MetadataValue.path(result.docs),
                },
            )

    return run_suite


raw_products_suite = _suite(raw_products)
products_suite = _suite(products)
