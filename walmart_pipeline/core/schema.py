"""The warehouse's schema: which migrations it has, and applying those that it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from walmart_pipeline.core.warehouse import WarehouseError

if TYPE_CHECKING:
    import duckdb

MIGRATIONS = Path(__file__).parent / "migrations"


def pending(connection: duckdb.DuckDBPyConnection, name: str) -> dict[int, Path]:
    """Return pending migrations by number. Raises WarehouseError if the warehouse has unknown ones."""
    scripts = {int(script.name[:4]): script for script in sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))}
    done = applied(connection)
    if unknown := done - scripts.keys():
        raise WarehouseError(
            f"{name} was written by a newer walmart-pipeline (version {max(unknown)}; this one knows {max(scripts)}): "
            "upgrade it"
        )
    return {number: script for number, script in scripts.items() if number not in done}


def applied(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """Return the numbers of the migrations that the warehouse has."""
    import duckdb

    try:
        return {number for (number,) in connection.execute("select version from main.migrations").fetchall()}
    except duckdb.CatalogException:
        return set()


def apply(connection: duckdb.DuckDBPyConnection, scripts: Mapping[int, Path], name: str) -> None:
    """Run migrations in order, and record them."""
    import duckdb

    connection.execute("create table if not exists main.migrations (version integer, name varchar)")
    for number, script in scripts.items():
        try:
            for statement in connection.extract_statements(script.read_text(encoding="utf-8")):
                connection.execute(statement)
        except duckdb.Error as error:
            raise WarehouseError(f"{name} could not be migrated, and is as it was: {script.name}: {error}") from error
        connection.execute("insert into main.migrations values (?, ?)", [number, script.name])


def create(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Create the newest schema where there is none, without what earlier versions changed on the way to it.

    For a DuckLake, which knows no default for a map; no statement relies on a default.
    """
    import duckdb

    with duckdb.connect() as model:
        apply(model, pending(model, name), name)
        for (schema,) in model.execute(
            "select schema_name from duckdb_schemas() where database_name = 'memory' and not internal"
        ).fetchall():
            connection.execute(f"create schema if not exists {schema}")
        tables: dict[str, list[str]] = {}
        for schema, table, column, kind in model.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() "
            "where table_oid in (select table_oid from duckdb_tables()) order by table_oid, column_index"
        ).fetchall():
            tables.setdefault(f"{schema}.{table}", []).append(f'"{column}" {kind}')
        for table, columns in tables.items():
            connection.execute(f"create table {table} ({', '.join(columns)})")
        for (view,) in model.execute("select sql from duckdb_views() where not internal order by view_oid").fetchall():
            connection.execute(view)
        for row in model.execute("select version, name from main.migrations order by version").fetchall():
            connection.execute("insert into main.migrations values (?, ?)", row)
