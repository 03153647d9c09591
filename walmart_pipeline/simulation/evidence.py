"""What a simulation left behind: Dagster's event log, the warehouse, the ledger, files and the logs of its servers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorTick

from walmart_pipeline.automation import live_runs, run_tags
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.simulation import diary as diaries
from walmart_pipeline.simulation.daemon import ticks
from walmart_pipeline.simulation.diary import Diary

MATERIALIZATIONS = 1_000
CALLS = """
select request_hash, product_id, model, purpose, status, cost_usd, called_at
from calls
order by id
"""


@dataclass(frozen=True)
class PlannedRun:
    """When a run planned, and how many products by reason."""

    run_id: str
    at: float
    reasons: Mapping[str, int]


class Evidence:
    """A finished simulation, read from its folder alone."""

    def __init__(self, home: Path, instance: dg.DagsterInstance) -> None:
        self.home = home
        self.settings = Settings(workspace=home, ledger_url=None)
        self.diary = Diary.load(home)
        self._instance = instance
        self._warehouse = warehouses.of(self.settings)
        records = instance.get_run_records()
        self.created = [(record.dagster_run, record.create_timestamp.astimezone(UTC)) for record in records]
        self.runs = [run for run, _ in self.created]
        self.calls = self._calls()

    def rows(self, query: str) -> list[Row]:
        """Rows of the warehouse."""
        with self._warehouse.reading() as db:
            return db.query(query)

    def count(self, query: str) -> int:
        """A number from the warehouse."""
        with self._warehouse.reading() as db:
            return int(db.value(query) or 0)

    def deliveries(self) -> list[tuple[str, bytes]]:
        """The files as they were sent, by name, the first one first."""
        paths = sorted((self.home / diaries.DELIVERIES).glob("*/*"))
        return [(path.name, path.read_bytes()) for path in paths]

    def range(self) -> dict[str, dict[str, Any]]:
        """The products in the latest version of each file, by id."""
        latest = dict(self.deliveries())
        return {row["item_id"]: row for content in latest.values() for row in map(json.loads, content.splitlines())}

    def metadata(self, key: str) -> Iterator[tuple[str, float, Mapping[str, Any]]]:
        """Run, time and metadata of each materialization of an asset."""
        asset = dg.AssetKey.from_user_string(key)
        for record in self._instance.fetch_materializations(asset, limit=MATERIALIZATIONS).records:
            if record.asset_materialization:
                values = {name: entry.value for name, entry in record.asset_materialization.metadata.items()}
                yield record.run_id, record.timestamp, values

    def plans(self) -> list[PlannedRun]:
        """What each run planned, from the event log."""
        return [
            PlannedRun(run_id, at, _by_reason(values["reasons"]))
            for run_id, at, values in self.metadata("content/generation_plan")
        ]

    def ticks(self, name: str) -> list[InstigatorTick]:
        """Ticks of a sensor or a schedule."""
        return ticks(self._instance, name)

    def requested(self, reason: str) -> list[dg.DagsterRun]:
        """Runs whose reason begins like this."""
        return [run for run in self.runs if run.tags.get(run_tags.REASON, "").startswith(reason)]

    def alerts(self) -> list[str]:
        """The messages that the webhook got."""
        lines = (self.home / diaries.ALERTS).read_text(encoding="utf-8").splitlines()
        return [str(json.loads(line)["message"]) for line in lines]

    def served(self) -> Counter[str]:
        """What the model servers did with calls, by their own logs."""
        logs = [path.read_text(encoding="ascii") for path in self.home.glob(diaries.SERVER_LOGS)]
        return Counter(line.partition(" ")[0] for log in logs for line in log.splitlines())

    def calls_between(self, began: datetime, ended: datetime | None) -> list[Row]:
        """Calls of the ledger in a span of time."""
        return [
            call for call in self.calls if began <= call["called_at"] and (ended is None or call["called_at"] < ended)
        ]

    def _calls(self) -> list[Row]:
        import sqlalchemy as sa

        engine = sa.create_engine(self.settings.ledger)
        with engine.connect() as connection:
            rows = connection.execute(sa.text(CALLS)).mappings().all()
        engine.dispose()
        return [dict(row) | {"called_at": datetime.fromisoformat(f"{row['called_at']}+00:00")} for row in rows]


@contextmanager
def opened(home: Path) -> Iterator[Evidence]:
    """Open the folder of a simulation that has ended."""
    with live_runs.instance(Settings(workspace=home)) as instance:
        yield Evidence(home, instance)


def _by_reason(table: Any) -> dict[str, int]:
    """The numbers of a table of plan reasons; the text `none` stands for an empty one."""
    records = getattr(table, "records", None) or getattr(getattr(table, "value", None), "records", [])
    return {record.data["reason"]: int(record.data["products"]) for record in records}
