"""Which warehouse the settings name: a DuckDB file in the workspace, or a DuckLake."""

from __future__ import annotations

from pathlib import Path

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.lake_catalog import SCHEME
from walmart_pipeline.core.lake_warehouse import LakeWarehouse, ObjectStore
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse


def of(settings: Settings, wait_seconds: float | None = None) -> Warehouse:
    """The warehouse of these settings. wait_seconds: in place of WALMART_WAREHOUSE_WAIT_SECONDS."""
    wait = settings.warehouse_wait_seconds if wait_seconds is None else wait_seconds
    if settings.warehouse_url is None:
        return FileWarehouse(settings.warehouse, wait)
    return _lake(settings.warehouse_url.get_secret_value(), settings, wait)


def at(address: str, settings: Settings) -> Warehouse:
    """The warehouse at the path of a DuckDB file, or at the URL of a lake."""
    if address.startswith(SCHEME):
        return _lake(address, settings, settings.warehouse_wait_seconds)
    return FileWarehouse(Path(address).expanduser().absolute(), settings.warehouse_wait_seconds)


def _lake(url: str, settings: Settings, wait_seconds: float) -> LakeWarehouse:
    store = ObjectStore(
        endpoint=settings.aws_endpoint_url,
        key_id=settings.aws_access_key_id,
        secret=settings.aws_secret_access_key,
        session_token=settings.aws_session_token,
        region=settings.aws_region,
    )
    return LakeWarehouse(url, settings.warehouse_data, store, wait_seconds)
