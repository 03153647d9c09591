"""Assets of the stage `catalog`."""

import dagster as dg
from pydantic import Field

from walmart_pipeline import reporting
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.catalog import loading, normalization


class FeedsConfig(dg.Config):
    """Which feeds to read."""

    paths: list[str] = Field(
        default=[], description="Files, or folders that are searched recursively. Empty: the inbox of the workspace."
    )
    accept_shrinkage: bool = Field(
        default=False, description="Load feeds even if they lost more rows than WALMART_MAX_SHRINKAGE_SHARE allows."
    )
    read_again: list[str] = Field(
        default=[], description="Feeds or sources to read again even if they did not change. Nothing else is read."
    )
    withdraw: list[str] = Field(
        default=[], description="Feeds or sources to take out of the catalog, with their rows. Nothing is read."
    )


@dg.asset(
    key_prefix="catalog",
    group_name="catalog",
    kinds={"duckdb", "csv", "json", "parquet", "excel"},
    owners=["team:catalog"],
    code_version=loading.VERSION,
    pool=WAREHOUSE_POOL,
    check_specs=[
        dg.AssetCheckSpec(
            "volume",
            asset=["catalog", "raw_products"],
            blocking=True,
            description="No source lost more rows than WALMART_MAX_SHRINKAGE_SHARE and WALMART_MAX_SHRINKAGE_ROWS "
            "allow. A feed that did is not loaded. The run that finds it stops; later runs warn and continue with the "
            "last good version. `accept_shrinkage` in the run config loads it.",
        )
    ],
)
def raw_products(
    context: dg.AssetExecutionContext,
    config: FeedsConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside check_specs dagster 1.13 takes no parameter
    """The unmodified rows of all feeds, by file and row number; `catalog.feeds` lists the files.

    Only new and changed files are read. A file replaces the rows of an earlier one of the same name or source: dated
    names (`shop-2026-11-02.csv`) or `source:` in the mapping file. A file that is unreadable, incomplete or too small
    is listed with the reason; its last good version stays active.
    """
    settings.inbox.mkdir(parents=True, exist_ok=True)
    named = [*config.read_again, *config.withdraw]
    offered = [] if named else loading.offered(config.paths, settings.inbox, settings.feed_quiet_seconds)
    limit = loading.ShrinkageLimit(settings.max_shrinkage_share, settings.max_shrinkage_rows)
    with (
        warehouse.writing() as db,
        progress.step("reading feeds", None, context.log.info) as advance,
    ):
        if unknown := loading.unknown(db, named):
            raise dg.Failure(f"there is no feed or source {', '.join(unknown)}: see the table `feeds` of the last run")
        withdrawn = loading.remove(db, config.withdraw)
        offered += loading.named(db, config.read_again)
        refused_before = loading.refused(db)
        read = loading.load(
            db,
            offered,
            limit=None if config.accept_shrinkage else limit,
            advance=advance,
            again=bool(config.read_again),
            max_bytes=round(settings.max_feed_gb * 1e9),
        )
        refused = loading.refused(db)
        nothing_read = "" if withdrawn else loading.nothing_read(db, offered, in_inbox=not (config.paths or named))
        feeds = db.query(
            "select source_file, status, row_count, detail from catalog.feeds order by read_at desc limit 20"
        )
        contents = reporting.contents(db, "catalog.raw_products")
        version = db.fingerprint("select source_file, loaded_digest, mapping from catalog.feeds where row_count > 0")
    for feed in read:
        if feed["status"] not in ("read", "superseded"):
            context.log.warning(f"{feed['source_file']}: {feed['status']}: {feed['detail']}")
    metadata = {
        "feeds offered": len(offered),
        "feeds read": sum(feed["status"] == "read" for feed in read),
        "feeds withdrawn": len(withdrawn),
        "feeds unreadable": sum(feed["status"] == "unreadable" for feed in read),
        "feeds": reporting.table(feeds),
    }
    if nothing_read:
        where = ", ".join(config.paths or named) or str(settings.inbox)
        raise dg.Failure(f"no feed of {where} could be read: {nothing_read}", metadata=metadata)
    found_now = {name: feed for name, feed in refused.items() if refused_before.get(name) != feed}
    return dg.MaterializeResult(
        metadata=contents | metadata,
        data_version=dg.DataVersion(version),
        check_results=[
            dg.AssetCheckResult(
                check_name="volume",
                passed=not refused,
                severity=dg.AssetCheckSeverity.ERROR if found_now else dg.AssetCheckSeverity.WARN,
                description="; ".join(f"{name}: {feed['detail']}" for name, feed in refused.items())
                or "no feed was refused",
                metadata={"feeds refused": len(refused), "refused": reporting.table(list(refused.values()))},
            )
        ],
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
    """One clean row per product; every raw row ends here, in `catalog.merges` or in `catalog.rejects`.

    Columns and values are mapped, GTINs checked, and text is repaired, with line breaks, decimal points and apostrophes
    that a feed lost where it is certain which. `options` are the values of a product's variants, `conflicts` what its
    record contradicts itself on: neither is a fact of the item. Rows of the same product are merged: by product id,
    else GTIN, else brand and name. Values of newer feeds win, older ones fill gaps. `facts_hash` covers the input of
    generation, so that a new price triggers no new text. `updated_at` changes only if the product does.
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
        contents = reporting.contents(db, "catalog.products")
        version = db.fingerprint("select * exclude (updated_at) from catalog.products")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "rows in": refined.rows_in,
            "merged": refined.merged,
            "rejected": refined.rejected,
            "changed": refined.changed,
            "withdrawn": refined.withdrawn,
            "preview": reporting.table(preview),
            "rejects by reason": reporting.table(reasons),
            "unmapped columns": reporting.table(unmapped),
        },
    )
