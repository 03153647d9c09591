"""Assets of the stage `delivery`."""

import dagster as dg

from walmart_pipeline.core import markdown
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.delivery import export_history, exporter


@dg.asset(
    key_prefix="delivery",
    group_name="delivery",
    deps=[dg.AssetKey(["quality", "listings"])],
    kinds={"json", "csv", "excel"},
    owners=["team:content"],
    code_version=exporter.VERSION,
    pool=WAREHOUSE_POOL,
)
def exports(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[None]:
    """All publishable listings as `exports/listings.jsonl`, `.csv`, `.xlsx` and `.txt`, each written atomically.

    No cell of the CSV and the workbook runs as a formula. Beside them are the origin of each text (record, model,
    prompt, reviewer), checksums and a manifest; `delivery.exports` is the history: who, when, and a hash whenever a
    file's content changed.
    """
    with warehouse.writing() as db:
        written = exporter.deliver(db, settings.exports, list(exporter.FORMATS))
        origins = export_history.write_provenance(db, settings.exports)
        export_history.record(db, [*written, origins], context.run.run_id)
        history = db.query(
            "select exported_at, exported_by, format, row_count, bytes, sha256 from delivery.exports "
            "order by exported_at desc limit 10"
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written[0].rows,
            **{export.format: dg.MetadataValue.path(export.path) for export in [*written, origins]},
            "history": dg.MetadataValue.md(markdown.table(history)),
        }
    )
