"""The command `warehouse`."""

from __future__ import annotations

from typing import Annotated

import typer

from walmart_pipeline.cli.options import AsJson, Home, settings_from
from walmart_pipeline.cli.terminal import output

warehouse = typer.Typer(help="The warehouse: a DuckDB file, or a DuckLake.", no_args_is_help=True)


@warehouse.callback()
def _group() -> None:
    """Keep `copy` a command of a group, though it is the only one."""


@warehouse.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A DuckDB file, or ducklake:postgres:… .")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; it must have no rows yet.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy every table to another warehouse, and compare what arrived, row for row.

    A new lake is created in WALMART_WAREHOUSE_DATA. WALMART_WAREHOUSE_URL says afterwards which warehouse is used.
    """
    import json

    from walmart_pipeline.core import warehouse_copy, warehouses

    settings = settings_from(workspace=home)
    copied = warehouse_copy.copy(warehouses.at(source, settings), warehouses.at(target, settings))
    if as_json:
        print(json.dumps([table._asdict() for table in copied], indent=2))
        return
    full = [table for table in copied if table.rows]
    for table in full:
        output.print(f"{table.name}: {table.rows:,} rows")
    output.print(f"copied {sum(table.rows for table in full):,} rows of {len(full)} tables; the others are empty")
