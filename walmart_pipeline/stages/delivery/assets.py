"""Assets of the stage `delivery`."""

from typing import Any

import dagster as dg

from walmart_pipeline import reporting
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.reviews import takeover
from walmart_pipeline.stages.delivery import export_history, exporter, feed_files


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

    With WALMART_ITEM_SPEC also `exports/item_feed/`: what Walmart does not have yet, validated against that spec, and
    what is left out, refused or withdrawn, with the reasons.
    """
    with warehouse.writing() as db:
        # What was rejected a minute ago leaves the exports now, not with the next night.
        takeover.from_store(db, settings)
        written = exporter.deliver(db, settings.exports, list(exporter.FORMATS))
        origins = export_history.write_provenance(db, settings.exports)
        export_history.record(db, [*written, origins], context.run.run_id)
        history = db.query(
            "select exported_at, exported_by, format, row_count, bytes, sha256 from delivery.exports "
            "order by exported_at desc limit 10"
        )
    # By itself: a bad spec must not take the other exports with it.
    item_feed = _write_item_feed(settings, warehouse, context.run.run_id) if settings.item_spec else {}
    return dg.MaterializeResult(
        data_version=dg.DataVersion("-".join(export.sha256[:16] for export in written)),
        metadata={
            "dagster/row_count": written[0].rows,
            **{export.format: dg.MetadataValue.path(export.path) for export in [*written, origins]},
            "history": reporting.table(history),
            **item_feed,
        },
    )


def _write_item_feed(settings: Settings, warehouse: Warehouse, run_id: str) -> dict[str, Any]:
    """Write the item feed. Returns metadata."""
    folder = settings.exports / feed_files.FOLDER
    with warehouse.writing() as db:
        feed = feed_files.write_for(db, settings, folder)
        export_history.record(db, feed.files, run_id)
        left_out = db.query(
            "select problem, count(*) as items from delivery.item_feed, unnest(problems) as found(problem) "
            "group by problem order by items desc, problem limit 10"
        )
        refused = db.query("select product_id, reasons from delivery.refused_items order by product_id limit 10")
    return {
        "item feed": dg.MetadataValue.path(folder),
        "item feed version": feed.version,
        "feed items to send": feed.items,
        "feed items sent before": feed.unchanged,
        "feed items left out": feed.left_out,
        "feed items refused by Walmart": feed.refused,
        "feed items withdrawn": feed.withdrawn,
        "left out of the item feed": reporting.table(left_out),
        "refused by Walmart": reporting.table(refused),
    }
