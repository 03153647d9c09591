"""Whether a workspace's services work, for load balancers and uptime checks. No detail has a path, URL or secret."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from pydantic import Field

from walmart_pipeline.automation import database_copies, live_runs
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import WarehouseBusyError, WarehouseError
from walmart_pipeline.llm.ledger_database import LedgerError, ping

if TYPE_CHECKING:
    from dagster import DagsterInstance

# A daemon reports every 30 s, at the latest after a sensor's tick, which is killed after 60 s.
HEARTBEAT_AGE = timedelta(minutes=5)
# From the scheduled time until a night should have succeeded, as in freshness.py.
NIGHT = timedelta(hours=2)
# A migration and a backup copy the warehouse; so much more for logs and feeds.
SPARE_BYTES = 1_000_000_000
WAIT_SECONDS = 2
# A load balancer asks each second, and Dagster's storage is opened for each answer.
CACHE_SECONDS = 10.0


class HealthCheck(Record):
    """One of the things that have to work."""

    ok: bool
    detail: str


class Health(Record):
    """The health of a workspace's services."""

    healthy: bool = Field(description="Whether every check is.")
    checked_at: datetime
    checks: dict[str, HealthCheck]


Check: TypeAlias = Callable[[], HealthCheck]


def examine(settings: Settings, now: datetime | None = None) -> Health:
    """Check daemons, warehouse, ledger, the last night and the disk."""
    moment = now or datetime.now(UTC)
    checks = {
        **_dagster(settings, moment),
        "warehouse": _warehouse(settings),
        "ledger": _ledger(settings),
        "disk": _disk(settings),
    }
    return Health(healthy=all(check.ok for check in checks.values()), checked_at=moment, checks=checks)


class HealthMonitor:
    """Answers many requests from one examination; threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._latest: Health | None = None
        self._examined = 0.0

    def current(self) -> Health:
        """Return the latest examination, which is at most CACHE_SECONDS old."""
        with self._lock:
            if self._latest is None or time.monotonic() - self._examined > CACHE_SECONDS:
                self._latest = examine(self._settings)
                self._examined = time.monotonic()
            return self._latest


def _dagster(settings: Settings, now: datetime) -> dict[str, HealthCheck]:
    import dagster as dg
    import sqlalchemy as sa

    try:
        with live_runs.instance(settings) as instance:
            return {"daemons": _daemons(instance, now), "night": _night(instance, settings, now)}
    except (sa.exc.SQLAlchemyError, dg.DagsterError, OSError) as error:
        return {"daemons": HealthCheck(ok=False, detail=f"Dagster's storage does not answer: {type(error).__name__}")}


def _daemons(instance: DagsterInstance, now: datetime) -> HealthCheck:
    heartbeats = instance.get_daemon_heartbeats()
    required = instance.get_required_daemon_types()
    oldest = (now - HEARTBEAT_AGE).timestamp()
    silent = sorted(name for name in required if name not in heartbeats or heartbeats[name].timestamp < oldest)
    if silent:
        return HealthCheck(
            ok=False, detail=f"no heartbeat for {HEARTBEAT_AGE.seconds // 60} minutes: {', '.join(silent)}"
        )
    return HealthCheck(ok=True, detail=f"{len(required)} daemons run")


def _night(instance: DagsterInstance, settings: Settings, now: datetime) -> HealthCheck:
    """Compare the last successful pipeline run with the schedule, if that is on."""
    import dagster as dg
    from dagster._core.definitions.run_request import InstigatorType
    from dagster._core.scheduler.instigation import ScheduleInstigatorData
    from dagster._core.storage.dagster_run import IN_PROGRESS_RUN_STATUSES
    from dagster._utils.schedules import schedule_execution_time_iterator

    succeeded = dg.RunsFilter(job_name="pipeline", statuses=[dg.DagsterRunStatus.SUCCESS])
    ends = [record.end_time for record in instance.get_run_records(succeeded, limit=1)]
    last = datetime.fromtimestamp(ends[0] or 0, UTC) if ends else None
    found = f"the last successful pipeline run ended at {last:%Y-%m-%d %H:%M} UTC" if last else "none has succeeded yet"
    schedules = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    started = [
        datetime.fromtimestamp(state.instigator_data.start_timestamp or 0, UTC)
        for state in schedules
        if state.instigator_name == "nightly"
        and state.is_running
        and isinstance(state.instigator_data, ScheduleInstigatorData)
    ]
    if not started:
        return HealthCheck(ok=True, detail=f"the schedule `nightly` is off; {found}")
    ticks = schedule_execution_time_iterator(
        (now - NIGHT).timestamp(), settings.nightly_cron, settings.time_zone, ascending=False
    )
    due = next(tick for tick in ticks if tick <= now - NIGHT)
    if due < min(started) or (last and last >= due):
        return HealthCheck(ok=True, detail=found)
    running = dg.RunsFilter(job_name="pipeline", statuses=IN_PROGRESS_RUN_STATUSES, created_after=due)
    if instance.get_runs(running, limit=1):
        return HealthCheck(ok=True, detail=f"the run of {due:%Y-%m-%d %H:%M %Z} goes on; {found}")
    return HealthCheck(ok=False, detail=f"the night of {due:%Y-%m-%d %H:%M %Z} has not succeeded; {found}")


def _warehouse(settings: Settings) -> HealthCheck:
    import duckdb

    try:
        warehouse = warehouses.of(settings, WAIT_SECONDS)
        if not warehouse.exists():
            return HealthCheck(ok=True, detail="none yet: the first run makes it")
        with warehouse.reading() as db:
            return HealthCheck(ok=True, detail=f"{db.count('catalog.products'):,} products")
    except WarehouseBusyError:
        return HealthCheck(ok=True, detail="in use by a run")
    except (WarehouseError, duckdb.Error) as error:
        return HealthCheck(ok=False, detail=f"can't be read: {type(error).__name__}; see `walmart-pipeline doctor`")


def _ledger(settings: Settings) -> HealthCheck:
    try:
        file = database_copies.sqlite_file(settings.ledger)
        if file and not file.exists():
            return HealthCheck(ok=True, detail="none yet: the first call of a model makes it")
        ping(settings.ledger, WAIT_SECONDS)
    except (LedgerError, UserError) as error:
        return HealthCheck(ok=False, detail=f"does not answer: {type(error).__name__}")
    return HealthCheck(ok=True, detail="SQLite" if file else "Postgres")


def _disk(settings: Settings) -> HealthCheck:
    free = shutil.disk_usage(settings.workspace).free
    size = settings.warehouse.stat().st_size if settings.warehouse.exists() else 0
    return HealthCheck(
        ok=free >= size + SPARE_BYTES,
        detail=f"{free / 1e9:.1f} GB free, {(size + SPARE_BYTES) / 1e9:.1f} GB needed for a copy of the warehouse",
    )
