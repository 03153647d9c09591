"""Assets of the stage `delivery`."""

import dagster as dg

from walmart_pipeline.core import markdown
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.delivery import exporter


@dg.asset(
    key_prefix="delivery",
    group_name="delivery",
    deps=[dg.AssetKey(["quality", "listings"])],
    kinds={"json", "csv", "file"},
    owners=["team:content"],
    code_version=exporter.VERSION,
    pool=WAREHOUSE_POOL,
)
def exports(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[None]:
    """All accepted listings as `exports/listings.jsonl`, `.csv` and `.txt`, each written atomically.

    The CSV is safe to open in a spreadsheet: no cell runs as a formula. `delivery.exports` is the history, with a row
    and a hash whenever a file's content changed.
    """
    with warehouse.writing() as db:
        written = exporter.deliver(db, settings.exports, list(exporter.FORMATS))
        exporter.record(db, written, context.run.run_id)
        history = db.query(
            "select exported_at, format, row_count, bytes, sha256 from delivery.exports "
            "order by exported_at desc limit 10"
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written[0].rows,
            **{export.format: dg.MetadataValue.path(export.path) for export in written},
            "history": dg.MetadataValue.md(markdown.table(history)),
        }
    )
