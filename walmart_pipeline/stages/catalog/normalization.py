"""Derives products, rejects and merges from `catalog.raw_products`: every row ends in exactly one of the three.

Incremental, with the result of a full pass: only rows not yet cleaned under their mapping and this code are cleaned,
and only products whose rows changed are rebuilt. Rows are processed in batches to bound memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.catalog import conflicts, deduplication
from walmart_pipeline.stages.catalog.columns import MAX_UNMAPPED, ColumnMapping, Columns
from walmart_pipeline.stages.catalog.products import RejectedRowError, clean_row

# Bumped when the same rows would become other products: the asset's code_version, and part of the cleaning key.
VERSION = "3"

# Cleaned rows per commit, so that a transaction does not grow with the catalog.
COMMIT_ROWS = 20_000

# Creates the tables identified_rows, new_product_rows, affected and withdrawn.
IDENTIFICATION = Path(__file__).with_name("identification.sql")

# Rows of a feed to clean.
UNCLEANED = """
create or replace temp table uncleaned as
with keyed as (
    select source_row, md5(concat_ws('\n', $cleaning, coalesce(problem, ''), raw)) as cleaning_key
    from catalog.raw_products
    where source_file = $feed
)
select keyed.*
from keyed
anti join (select * from catalog.clean_rows where source_file = $feed) using (source_row, cleaning_key)
"""

# Identical rows of any feed, such as its previous version, are not cleaned again.
REUSED = """
create or replace temp table reused as
select clean_rows.* replace ($feed as source_file, uncleaned.source_row as source_row)
from uncleaned
join (
    select distinct on (cleaning_key) *
    from catalog.clean_rows
    where cleaning_key in (select cleaning_key from uncleaned)
) as clean_rows using (cleaning_key)
"""

OUTDATED = """
delete from catalog.clean_rows
where
    source_file = $feed
    and (
        source_row in (select source_row from uncleaned)
        or source_row > (select row_count from catalog.feeds where source_file = $feed)
    )
"""

TO_CLEAN = """
select source_row, cleaning_key, raw, problem
from catalog.raw_products
join (from uncleaned anti join reused using (source_row)) using (source_row)
where source_file = $feed
"""

# In the order of the feed.
UNMAPPED = """
select name
from (
    select source_row, unnest(unmapped) as name, generate_subscripts(unmapped, 1) as place
    from catalog.clean_rows
    where source_file = $feed
)
group by name
order by min(source_row * $most + place)
limit $most
"""

IN_FORCE = "select source_file from catalog.feeds where row_count > 0"

REJECTS = """
insert into catalog.rejects
select source_file, source_row, raw, reasons
from catalog.clean_rows
join catalog.raw_products using (source_file, source_row)
where reasons is not null and list_contains($feeds, source_file)
"""

REPEATED_ROWS = """
select clean_rows.* replace (identified_rows.product_id as product_id), ordinal
from affected
join identified_rows using (product_id)
join catalog.clean_rows using (source_file, source_row)
where bucket = ?
order by product_id, ordinal, source_file, source_row
"""

REBUILT = """
create or replace temp view rebuilt as
select {columns}
from affected
join identified_rows using (product_id)
join (select * exclude (product_id), now() as updated_at from catalog.clean_rows) using (source_file, source_row)
where bucket is null
union all
select {columns}
from merged
"""

CHANGED = """
create or replace temp table changed as
select product_id
from affected
anti join catalog.products using (product_id)
union all
select product_id
from (
    select * exclude (updated_at) from rebuilt semi join catalog.products using (product_id)
    except
    select * exclude (updated_at) from catalog.products semi join affected using (product_id)
)
"""


@dataclass(frozen=True)
class Refined:
    """Result of a pass, in rows: rows_in = products + merged + rejected."""

    rows_in: int
    products: int
    merged: int
    rejected: int
    changed: int
    withdrawn: int


def refine(db: Database, *, advance: Callable[[int], None]) -> Refined:
    """Derive products, rejects and merges from the rows of all active feeds.

    advance: called with the number of rows since the last call.
    """
    _clean_changed_feeds(db, advance)
    db.execute(IDENTIFICATION.read_text(encoding="utf-8"))
    _delete(db, "catalog.merges", "affected", "withdrawn")
    _merge(db)
    db.execute(REBUILT.format(columns=", ".join(db.schema("catalog.products").names)))
    db.execute(CHANGED)
    _delete(db, "catalog.products", "changed", "withdrawn")
    db.execute("insert into catalog.products from rebuilt semi join changed using (product_id)")
    _delete(db, "catalog.product_rows", "affected", "withdrawn")
    db.execute(
        "insert into catalog.product_rows "
        "select product_id, fingerprint from new_product_rows semi join affected using (product_id)"
    )
    return Refined(
        rows_in=db.count("catalog.raw_products"),
        products=db.count("catalog.products"),
        merged=db.count("catalog.merges"),
        rejected=db.count("catalog.rejects"),
        changed=db.count("changed"),
        withdrawn=db.count("withdrawn"),
    )


def _delete(db: Database, table: str, *ids: str) -> None:
    for source in ids:
        db.execute(f"delete from {table} where product_id in (select product_id from {source})")


def _clean_changed_feeds(db: Database, advance: Callable[[int], None]) -> None:
    cleaned: dict[str, str] = {}
    for feed in db.query("select * from catalog.feeds where row_count > 0 order by ordinal"):
        fingerprint = f"{VERSION}:{feed['loaded_digest']}:{feed['ordinal']}"
        if fingerprint == feed["cleaned"]:
            advance(feed["row_count"])
        else:
            _clean_feed(db, feed["source_file"], ColumnMapping.model_validate_json(feed["mapping"]), advance)
            cleaned[feed["source_file"]] = fingerprint
    for table in ("catalog.clean_rows", "catalog.rejects"):
        db.execute(f"delete from {table} where source_file not in ({IN_FORCE})")
    db.execute("delete from catalog.rejects where list_contains($feeds, source_file)", {"feeds": list(cleaned)})
    db.execute(REJECTS, {"feeds": list(cleaned)})
    for name, fingerprint in cleaned.items():
        unmapped = db.query(UNMAPPED, {"feed": name, "most": MAX_UNMAPPED})
        db.execute(
            "update catalog.feeds set cleaned = ?, unmapped = ? where source_file = ?",
            [fingerprint, [row["name"] for row in unmapped], name],
        )


def _clean_feed(db: Database, name: str, mapping: ColumnMapping, advance: Callable[[int], None]) -> None:
    feed = {"feed": name}
    db.execute(UNCLEANED, feed | {"cleaning": f"{VERSION} {mapping.model_dump_json(exclude={'source'})}"})
    db.execute(REUSED, feed)
    db.execute(OUTDATED, feed)
    db.execute("insert into catalog.clean_rows from reused")
    unclean = db.count("uncleaned") - db.count("reused")
    rows = int(db.value("select row_count from catalog.feeds where source_file = $feed", feed))
    advance(rows - unclean)
    columns = Columns(mapping)
    uncommitted = 0
    for page in db.pages_by_key(TO_CLEAN, feed, key="source_row"):
        db.append("catalog.clean_rows", [_clean_row(name, row, columns) for row in page])
        advance(len(page))
        uncommitted += len(page)
        if uncommitted >= COMMIT_ROWS:
            db.checkpoint()
            uncommitted = 0


def _clean_row(source_file: str, row: Row, columns: Columns) -> Row:
    place = {"source_file": source_file, "source_row": row["source_row"], "cleaning_key": row["cleaning_key"]}
    if row["problem"]:
        return place | {"unmapped": [], "reasons": [row["problem"]]}
    try:
        clean = clean_row(row["raw"], columns, source_file=source_file, source_row=row["source_row"])
    except RejectedRowError as error:
        return place | {"unmapped": error.unmapped, "reasons": error.reasons}
    return (
        place
        | _product_row(clean.product, clean.notes)
        | {
            "name_key": deduplication.name_key(clean.product),
            "identity": deduplication.identity(clean.product),
            "unmapped": clean.unmapped,
        }
    )


def _product_row(product: Product, notes: list[str]) -> dict[str, Any]:
    return product.model_dump() | {"facts_hash": product.facts_hash, "notes": notes}


def _merge(db: Database) -> None:
    """Merge the rows of affected products with several, a bucket of a thousand products at a time."""
    db.execute("create or replace temp table merged as from catalog.products limit 0")
    now = datetime.now(UTC)
    for bucket in db.query("select distinct bucket from affected where bucket is not null order by bucket"):
        rows = db.query(REPEATED_ROWS, [bucket["bucket"]])
        products: list[Row] = []
        merges: list[Row] = []
        for product_id, group in groupby(rows, key=lambda row: row["product_id"]):
            same = list(group)
            product, taken = deduplication.merge(
                [Product(**{name: row[name] for name in Product.model_fields}) for row in same],
                [row["ordinal"] for row in same],
            )
            product = conflicts.settled(product)
            notes = list(dict.fromkeys(note for row in same for note in row["notes"]))
            products.append(_product_row(product, notes) | {"updated_at": now})
            merges += [
                {
                    "product_id": product_id,
                    "source_file": row["source_file"],
                    "source_row": row["source_row"],
                    "identity": row["identity"],
                    "fields_taken": fields,
                }
                for row, fields in zip(same[1:], taken, strict=True)
            ]
        db.append("merged", products)
        db.append("catalog.merges", merges)
