"""`catalog.raw_products` into products, rejects and merges: every row ends in exactly one of the three.

Belongs here: the walk over all rows and the tables it writes. Does not: how a row is cleaned or rows are joined.
Memory stays flat: rows pass in batches, and only those of products that several rows tell of meet in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.warehouse import BATCH_ROWS, Database, Row
from walmart_pipeline.stages.catalog import deduplication
from walmart_pipeline.stages.catalog.columns import ColumnMapping, Columns
from walmart_pipeline.stages.catalog.products import RejectedRowError, clean_row

# Bumped when the same rows would become other products: the asset's code_version.
VERSION = "1"

CLEAN_ROWS = """
create or replace temp table clean_rows as
select *, 0::bigint as position, ''::varchar as name_key, ''::varchar as identity
from catalog.products
limit 0
"""

# Which product a row tells of: its own id; else the product that alone has its GTIN; else the one that alone has its
# brand and name. A key that two different products share identifies neither of them.
IDENTIFIED_ROWS = """
create or replace temp table identified_rows as
with by_gtin as (
    select gtin, min(product_id) as product_id
    from clean_rows
    where product_id <> '' and gtin is not null
    group by gtin
    having count(distinct product_id) = 1
),
with_gtin as (
    select
        position,
        name_key,
        case
            when clean_rows.product_id <> '' then clean_rows.product_id
            when clean_rows.gtin is not null then coalesce(by_gtin.product_id, 'gtin-' || clean_rows.gtin)
        end as product_id
    from clean_rows
    left join by_gtin using (gtin)
),
by_name as (
    select name_key, min(product_id) as product_id
    from with_gtin
    where product_id is not null
    group by name_key
    having count(distinct product_id) = 1
),
identified as (
    select position, coalesce(with_gtin.product_id, by_name.product_id, 'name-' || name_key) as product_id
    from with_gtin
    left join by_name using (name_key)
),
grouped as (
    select *, count(*) over (partition by product_id) > 1 as repeated
    from identified
)
select
    position,
    product_id,
    case when repeated then (dense_rank() over (partition by repeated order by product_id)) // 1000 end as bucket
from grouped
"""

SINGLE_ROWS = """
insert into refined
select clean_rows.* exclude (position, name_key, identity) replace (identified_rows.product_id as product_id)
from clean_rows
join identified_rows using (position)
where bucket is null
order by product_id
"""

REPEATED_ROWS = """
select clean_rows.* replace (identified_rows.product_id as product_id)
from clean_rows
join identified_rows using (position)
where bucket = ?
order by product_id, position
"""


@dataclass(frozen=True)
class Refined:
    """What refining did, in rows: rows_in = products + merged + rejected."""

    rows_in: int
    products: int
    merged: int
    rejected: int
    changed: int
    withdrawn: int


def refine(db: Database, *, advance: Callable[[int], None]) -> Refined:
    """Derive products, rejects and merges from all rows of all feeds. The same rows give the same tables.

    advance: told the number of rows cleaned since the last call.
    """
    db.execute(CLEAN_ROWS)
    db.execute("delete from catalog.rejects")
    _clean(db, advance)
    db.execute(IDENTIFIED_ROWS)
    db.execute("create or replace temp table refined as from catalog.products limit 0")
    db.execute(SINGLE_ROWS)
    db.execute("delete from catalog.merges")
    _join(db)
    changed, withdrawn = db.sync("catalog.products", "from refined", key="product_id", stamp="updated_at")
    return Refined(
        rows_in=db.count("catalog.raw_products"),
        products=db.count("catalog.products"),
        merged=db.count("catalog.merges"),
        rejected=db.count("catalog.rejects"),
        changed=changed,
        withdrawn=withdrawn,
    )


def _clean(db: Database, advance: Callable[[int], None]) -> None:
    position = 0
    for feed in db.query("select * from catalog.feeds order by ordinal, source_file"):
        columns = Columns(ColumnMapping.model_validate_json(feed["mapping"]))
        for rows in _pages(db, feed["source_file"], feed["row_count"]):
            clean: list[Row] = []
            rejects: list[Row] = []
            for row in rows:
                position += 1
                try:
                    clean.append(_clean_row(row, columns) | {"position": position})
                except RejectedRowError as error:
                    rejects.append(row | {"reasons": error.reasons})
            db.append("clean_rows", clean)
            db.append("catalog.rejects", rejects)
            advance(len(rows))
        db.execute(
            "update catalog.feeds set unmapped = ? where source_file = ?", [columns.unmapped, feed["source_file"]]
        )


def _pages(db: Database, source_file: str, row_count: int) -> Iterator[list[Row]]:
    sql = """
    select *
    from catalog.raw_products
    where source_file = ? and source_row between ? and ?
    order by source_row
    """
    for start in range(1, row_count + 1, BATCH_ROWS):
        yield db.query(sql, [source_file, start, start + BATCH_ROWS - 1])


def _clean_row(row: Row, columns: Columns) -> Row:
    if row["problem"]:
        raise RejectedRowError([row["problem"]])
    clean = clean_row(row["raw"], columns, source_file=row["source_file"], source_row=row["source_row"])
    return _product_row(clean.product, clean.notes) | {
        "name_key": deduplication.name_key(clean.product),
        "identity": deduplication.identity(clean.product),
    }


def _product_row(product: Product, notes: list[str]) -> dict[str, Any]:
    return product.model_dump() | {
        "facts_hash": product.facts_hash,
        "notes": notes,
        "updated_at": datetime.now(UTC),
    }


def _join(db: Database) -> None:
    """Merge the rows of each product that several rows tell of, a bucket of a thousand products at a time."""
    for bucket in db.query("select distinct bucket from identified_rows where bucket is not null order by bucket"):
        rows = db.query(REPEATED_ROWS, [bucket["bucket"]])
        products: list[Row] = []
        merges: list[Row] = []
        for product_id, group in groupby(rows, key=lambda row: row["product_id"]):
            same = list(group)
            product, taken = deduplication.merge(
                [Product(**{name: row[name] for name in Product.model_fields}) for row in same]
            )
            products.append(_product_row(product, list(dict.fromkeys(note for row in same for note in row["notes"]))))
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
        db.append("refined", products)
        db.append("catalog.merges", merges)
