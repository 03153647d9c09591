"""Whether a step holds the warehouse while it waits for a model."""

from __future__ import annotations

import duckdb

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.warehouse import Warehouse


def is_free(warehouse: Warehouse) -> bool:
    """Whether the warehouse can be read: DuckDB refuses that while the same process, or another one, writes."""
    assert FileWarehouse._connect.__name__ != "connect_to_held", "mark the test shares_warehouse"
    try:
        with warehouse.reading():
            return True
    except duckdb.ConnectionException:
        return False
