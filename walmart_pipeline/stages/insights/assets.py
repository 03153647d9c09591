"""Assets of the stage `insights`."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from walmart_pipeline import reporting
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.insights import call_log, every_finding, findings, page
from walmart_pipeline.stages.insights import overview as figures
from walmart_pipeline.stages.insights import performance as daily
from walmart_pipeline.stages.insights import usage as features


@dg.asset(
    name="performance",
    key_prefix="insights",
    group_name="insights",
    deps=[dg.AssetKey(["content", "generated_content"]), dg.AssetKey(["quality", "fact_checks"])],
    kinds={"duckdb"},
    owners=["team:ml"],
    code_version=daily.VERSION,
    pool=WAREHOUSE_POOL,
)
def model_performance(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[None]:
    """Figures of models by day, provider, model, category and purpose: calls, `success_rate`, `error_count` and errors
    by class, `response_time` and its percentiles, tokens, cost, cache hits, repairs, stand-ins, `user_satisfaction`.

    Read from the ledger and the warehouse; days that have passed stay as they were. The numbers here are those of the
    latest day.
    """
    now = datetime.now(UTC)
    call_log.copy(settings, warehouse, now)
    with warehouse.writing() as db:
        daily.update(db, now, settings.retention_days)
        contents = reporting.contents(db, "insights.performance")
        version = db.fingerprint("from insights.performance")
        latest = figures.latest_day(db)
        since = (now - timedelta(days=figures.DAYS)).date()
        models = daily.grouped(db, ["provider", "model", "purpose"], since=since)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={**contents, **latest, f"last {figures.DAYS} days by model": reporting.table(models)},
    )


@dg.asset(
    name="usage",
    key_prefix="insights",
    group_name="insights",
    deps=[model_performance, dg.AssetKey(["delivery", "exports"]), dg.AssetKey(["training", "dataset"])],
    kinds={"duckdb"},
    owners=["team:content"],
    code_version=features.VERSION,
    pool=WAREHOUSE_POOL,
)
def feature_usage(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult[None]:
    """What was generated, exported, rated, edited, imported, compared and promoted: by whom, when, and how much of it.

    Also which features nobody has used so far.
    """
    with warehouse.writing() as db:
        features.update(db)
        contents = reporting.contents(db, "insights.usage")
        version = db.fingerprint("from insights.usage")
        used, unused = features.by_feature(db), features.unused(db)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "features used": len(used),
            "features": reporting.table(used),
            "never used": ", ".join(unused) or "none",
        },
    )


@dg.asset(
    name="insights",
    key_prefix="insights",
    group_name="insights",
    deps=[model_performance, feature_usage, dg.AssetKey(["quality", "review_queue"])],
    kinds={"duckdb", "html", "matplotlib"},
    owners=["team:content"],
    code_version=every_finding.VERSION,
    pool=WAREHOUSE_POOL,
)
def current_insights(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[None]:
    """What is worth knowing, in sentences with their figures, and `reports/insights.html` with plots.

    A finding has to be beyond its threshold and beyond chance: categories that fall behind or are withheld, moved
    scores, low ratings, failing, slow or costly models, stand-ins, waiting reviews. None where nothing is to be said.
    """
    now = datetime.now(UTC)
    with warehouse.writing() as db:
        found = findings.store(db, every_finding.find(db, now), now)
        contents = reporting.contents(db, "insights.insights")
        shown = figures.overview(db, now)
    path = write_atomically(settings.reports / "insights.html", page.render(shown, now))
    for finding in found:
        context.log.info(f"{finding.severity}: {finding.sentence}")
    return dg.MaterializeResult(
        data_version=reporting.version(*(finding.sentence for finding in found)),
        metadata={
            **contents,
            "warnings": sum(finding.severity == "warning" for finding in found),
            "findings": reporting.table([{"severity": one.severity, "finding": one.sentence} for one in found]),
            "report": dg.MetadataValue.path(path),
            "open": reporting.link(settings, path),
        },
    )
