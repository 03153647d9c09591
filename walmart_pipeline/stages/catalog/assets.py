"""Assets of the catalog: feeds as they came, and the products that they tell of."""

import dagster as dg
from pydantic import Field

from walmart_pipeline.core import markdown
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.catalog import loading, normalization


class FeedsConfig(dg.Config):
    """Which feeds to read."""

    paths: list[str] = Field(
        default=[], description="Files, or folders with all files below them. Empty: the inbox (WALMART_HOME/inbox)."
    )


@dg.asset(
    key_prefix="catalog",
    group_name="catalog",
    kinds={"duckdb", "csv", "json", "parquet", "excel"},
    owners=["team:catalog"],
    code_version=loading.VERSION,
    pool=WAREHOUSE_POOL,
)
def raw_products(
    context: dg.AssetExecutionContext,
    config: FeedsConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Every row of every feed as it came, by file and row number: `catalog.raw_products`, the files in `catalog.feeds`.

    A feed is known by its file name. New and changed files are read, unchanged ones are not; a newer file of the same
    name replaces its rows. A file that can't be read is named with its reason and does not stop the others.
    """
    settings.inbox.mkdir(parents=True, exist_ok=True)
    offered = loading.offered(config.paths, settings.inbox)
    with (
        warehouse.writing() as db,
        progress.step("reading feeds", None, context.log.info) as advance,
    ):
        read = loading.load(db, offered, advance=advance)
        feeds = db.query(
            "select source_file, status, row_count, detail from catalog.feeds order by read_at desc limit 20"
        )
        rows = db.count("catalog.raw_products")
    for feed in read:
        if feed["status"] != "read":
            context.log.warning(f"{feed['source_file']}: {feed['status']}: {feed['detail']}")
    if not offered:
        context.log.warning(f"no feed was offered: put files into {settings.inbox}, or name them in `paths`")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "feeds offered": len(offered),
            "feeds read": sum(feed["status"] == "read" for feed in read),
            "feeds unreadable": sum(feed["status"] == "unreadable" for feed in read),
            "feeds": dg.MetadataValue.md(markdown.table(feeds)),
        }
    )


@dg.asset(
    key_prefix="catalog",
    group_name="catalog",
    deps=[raw_products],
    kinds={"duckdb", "python"},
    owners=["team:catalog"],
    code_version=normalization.VERSION,
    pool=WAREHOUSE_POOL,
)
def products(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """One clean row a product: `catalog.products`. Every raw row is in it, in `catalog.merges` or in `catalog.rejects`.

    Text is mended, columns and values are mapped, GTINs checked, and rows of the same product merged: by product id,
    else GTIN, else brand and name, the fuller value winning. `facts_hash` covers what a text may be written from, so
    that a new price asks for no new text. `updated_at` moves only where something changed.
    """
    with warehouse.writing() as db:
        total = db.count("catalog.raw_products")
        with progress.step("cleaning products", total, context.log.info) as advance:
            refined = normalization.refine(db, advance=advance)
        reasons = db.query(
            "select reason, count(*) as row_count from catalog.rejects, unnest(reasons) as found(reason) "
            "group by reason order by row_count desc, reason limit 10"
        )
        preview = db.query(
            "select product_id, product_name, brand, len(map_keys(attributes)) as attributes, price, gtin "
            "from catalog.products order by updated_at desc, product_id limit 5"
        )
        unmapped = db.query("select source_file, unmapped from catalog.feeds where len(unmapped) > 0")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": refined.products,
            "rows in": refined.rows_in,
            "merged": refined.merged,
            "rejected": refined.rejected,
            "changed": refined.changed,
            "withdrawn": refined.withdrawn,
            "preview": dg.MetadataValue.md(markdown.table(preview)),
            "rejects by reason": dg.MetadataValue.md(markdown.table(reasons)),
            "columns of no field": dg.MetadataValue.md(markdown.table(unmapped)),
        }
    )
