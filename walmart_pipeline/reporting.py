"""What assets and checks report to Dagster: tables, links, data versions, and that a step is off."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from walmart_pipeline.core.records import content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.llm.ledger_statistics import LedgerUsage


def off(context: dg.AssetExecutionContext, reason: str) -> dg.MaterializeResult[None]:
    """End a step that is switched off: the asset stays as it was, and the assets that depend on it run.

    Without an output, Dagster would skip those as well. If the asset never was made, the output has the mark with which
    Dagster leaves out the event of a source asset: the UI shows no materialization, and the reason as an observation.
    """
    return unchanged(context, reason) or dg.MaterializeResult(
        metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
    )


def unchanged(context: dg.AssetExecutionContext, reason: str) -> dg.MaterializeResult[None] | None:
    """Report why a step does nothing. Returns the asset's latest materialization with the reason, if there is one.

    Only a materialization tells Dagster that the asset has seen its present inputs: without it, an asset that was made
    once and is off now would be unsynced for ever, and "Materialize unsynced" could not help.
    """
    context.log.info(f"skipped: {reason}")
    context.log_event(dg.AssetObservation(context.asset_key, metadata={"skipped": reason}))
    event = context.instance.get_latest_materialization_event(context.asset_key)
    latest = event.asset_materialization if event else None
    if latest is None:
        return None
    return dg.MaterializeResult(
        metadata={**latest.metadata, "skipped": reason},
        data_version=dg.DataVersion((latest.tags or {})[DATA_VERSION_TAG]),
    )


def table(rows: Sequence[Row]) -> dg.MetadataValue[Any]:
    """A table that the UI shows in full, with the columns of the first row."""
    if not rows:
        return dg.MetadataValue.text("none")
    records = [{name: _cell(value) for name, value in row.items()} for row in rows]
    types = {name: _column_type([record[name] for record in records]) for name in records[0]}
    return dg.MetadataValue.table(
        [dg.TableRecord(record) for record in records],
        dg.TableSchema([dg.TableColumn(name, type) for name, type in types.items()]),
    )


def contents(db: Database, name: str) -> dict[str, dg.MetadataValue[Any] | int | str]:
    """Name, row count and columns of a table of the warehouse, under the keys that the UI knows."""
    columns = [dg.TableColumn(row["column_name"], row["column_type"].lower()) for row in db.query(f"describe {name}")]
    return {
        "dagster/table_name": name,
        "dagster/row_count": db.count(name),
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns)),
    }


def link(settings: Settings, path: Path) -> dg.MetadataValue[Any]:
    """The address of a report on the server that `walmart-pipeline dev` starts."""
    return dg.MetadataValue.url(f"{settings.reports_url.rstrip('/')}/{path.relative_to(settings.workspace).as_posix()}")


def model_usage(context: dg.AssetExecutionContext, used: LedgerUsage) -> dict[str, int | float]:
    """Calls, tokens, cost and cache hits of a step, logged in its run; the UI plots the figures."""
    context.log.info(
        f"models: {used.calls:,} calls ({used.failed_calls:,} failed), {used.prompt_tokens:,} tokens sent, "
        f"{used.completion_tokens:,} received, {used.cost_usd:.4f} USD; {used.cache_hits:,} answers from the ledger, "
        f"which saved {used.saved_usd:.4f} USD"
    )
    return {
        "model calls": used.calls,
        "failed calls": used.failed_calls,
        "prompt tokens": used.prompt_tokens,
        "completion tokens": used.completion_tokens,
        "cost of calls (USD)": round(used.cost_usd, 4),
        "cache hits": used.cache_hits,
        "saved by cache hits (USD)": round(used.saved_usd, 4),
    }


def version(*parts: Any) -> dg.DataVersion:
    """A data version: the same for the same parts."""
    return dg.DataVersion(content_hash([str(part) for part in parts]))


def last_metadata(context: dg.AssetCheckExecutionContext, key: dg.AssetKey) -> Mapping[str, Any]:
    """Values that the latest materialization of an asset reported; empty if there is none."""
    event = context.instance.get_latest_materialization_event(key)
    found = event.asset_materialization.metadata if event and event.asset_materialization else {}
    return {name: entry.value for name, entry in found.items()}


def _cell(value: Any) -> str | int | float | bool | None:
    if isinstance(value, float):
        # A cell shows every digit: 27.480916030534353.
        return round(value, 4)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


def _column_type(cells: Sequence[Any]) -> str:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {bool}:
        return "bool"
    if kinds and kinds <= {int, float}:
        return "int" if kinds == {int} else "float"
    return "string"
