"""Copies all tables from one warehouse to another: from a file to a lake, and back."""

from __future__ import annotations

from typing import NamedTuple

from walmart_pipeline.core.warehouse import Database, Warehouse, WarehouseError

TABLES = """
select schema_name || '.' || table_name as name
from duckdb_tables()
where database_name = current_database() and not internal and table_name <> 'migrations' and not temporary
order by name
"""


class CopiedTable(NamedTuple):
    """A table, its rows, and what they have in common whatever their order."""

    name: str
    rows: int
    fingerprint: str


def copy(source: Warehouse, target: Warehouse) -> list[CopiedTable]:
    """Copy every row in one transaction, and compare what arrived.

    Raises WarehouseError if the target has rows, or a table does not arrive as it was; the target is as before then.
    """
    with source.reading() as old, target.writing() as new:
        names = [row["name"] for row in old.query(TABLES)]
        if full := [name for name in names if new.count(name)]:
            raise WarehouseError(f"the target has data ({', '.join(full[:5])}): copy to an empty warehouse")
        return [_copied(name, old, new) for name in names]


def _copied(name: str, old: Database, new: Database) -> CopiedTable:
    new.insert_from(old, name)
    sent, arrived = (CopiedTable(name, db.count(name), db.fingerprint(f"from {name}")) for db in (old, new))
    if sent != arrived:
        raise WarehouseError(f"{name} has {sent.rows:,} rows, of which {arrived.rows:,} arrived, or others")
    return arrived
