"""What a load balancer is told, on a real Dagster instance."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RemoteInstigatorOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._daemon.types import DaemonHeartbeat

from walmart_pipeline import runner
from walmart_pipeline.automation import health, live_runs
from walmart_pipeline.automation.health import Health
from walmart_pipeline.cli import report_server
from walmart_pipeline.core.file_warehouse import UNFINISHED_RESTORE, FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import WarehouseBusyError

SECRET = "a-password"


@dg.job(name="pipeline")
def night() -> None:
    """A run that succeeds."""


@pytest.fixture
def settings(empty_workspace: Path, tmp_path: Path) -> Settings:
    return Settings(workspace=shutil.copytree(empty_workspace, tmp_path / "home"))


def start_services(settings: Settings, at: datetime, *, nightly_since: datetime | None = None) -> None:
    with live_runs.instance(settings) as instance:
        for daemon in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), daemon, "id"))
        if nightly_since:
            origin = runner._origin("pipeline").repository_origin
            schedule = RemoteInstigatorOrigin(origin, "nightly")
            data = ScheduleInstigatorData(settings.nightly_cron, nightly_since.timestamp())
            instance.add_instigator_state(
                InstigatorState(schedule, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data)
            )


def failed(found: Health) -> list[str]:
    return [name for name, check in found.checks.items() if not check.ok]


def test_services_that_run_are_healthy_and_silent_daemons_are_named(settings: Settings) -> None:
    now = datetime.now(UTC)
    found = health.examine(settings)
    assert (found.healthy, failed(found)) == (False, ["daemons"])
    assert "SENSOR" in found.checks["daemons"].detail
    start_services(settings, now)
    assert health.examine(settings).healthy
    assert failed(health.examine(settings, now + timedelta(minutes=6))) == ["daemons"]


def test_a_night_that_did_not_succeed_in_time_is_a_failure_if_the_schedule_is_on(settings: Settings) -> None:
    # Scheduled an hour ago, on the clock of UTC.
    now = datetime.now(UTC)
    cron = f"{now.minute} {(now - timedelta(hours=1)).hour} * * *"
    settings = settings.model_copy(update={"nightly_cron": cron, "time_zone": "UTC"})
    start_services(settings, now + timedelta(hours=2), nightly_since=now - timedelta(days=3))
    # Of today's night nothing is expected yet; yesterday's is missing.
    yesterday = now - timedelta(days=1, hours=1)
    found = health.examine(settings, now)
    assert failed(found) == ["night"]
    assert f"the night of {yesterday:%Y-%m-%d %H:%M} UTC has not succeeded; none" in found.checks["night"].detail
    with live_runs.instance(settings) as instance:
        night.execute_in_process(instance=instance)
    assert health.examine(settings, now + timedelta(hours=2)).healthy
    next_night = health.examine(settings, now + timedelta(days=1, hours=2))
    assert failed(next_night) == ["daemons", "night"]


def test_a_schedule_that_was_turned_on_today_owes_no_earlier_night(settings: Settings) -> None:
    now = datetime.now(UTC)
    start_services(settings, now, nightly_since=now)
    assert health.examine(settings, now).healthy


def test_a_warehouse_that_a_run_writes_is_healthy_and_a_damaged_or_half_restored_one_is_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_services(settings, datetime.now(UTC))
    with FileWarehouse(settings.warehouse).writing():
        pass
    assert health.examine(settings).checks["warehouse"].detail == "0 products"
    with monkeypatch.context() as patch:
        patch.setattr(FileWarehouse, "reading", busy)
        assert health.examine(settings).checks["warehouse"].detail == "in use by a run"
    marker = settings.workspace / UNFINISHED_RESTORE
    marker.touch()
    assert failed(health.examine(settings)) == ["warehouse"]
    marker.unlink()
    settings.warehouse.write_bytes(b"nonsense")
    assert failed(health.examine(settings)) == ["warehouse"]


def busy(_: FileWarehouse) -> Any:
    raise WarehouseBusyError("a run has it")


def test_a_ledger_that_does_not_answer_and_a_full_disk_are_failures_and_no_secret_is_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_services(settings, datetime.now(UTC))
    broken = settings.model_copy(update={"ledger_url": f"postgresql://somebody:{SECRET}@127.0.0.1:1/ledger"})
    monkeypatch.setattr(health, "SPARE_BYTES", 10**18)
    found = health.examine(broken)
    assert failed(found) == ["ledger", "disk"]
    assert SECRET not in found.model_dump_json()
    assert str(settings.workspace) not in found.model_dump_json()


def test_http_answers_200_or_503_with_json_by_any_host_name(settings: Settings) -> None:
    server = report_server.server(settings, 0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def get(path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        connection.request("GET", path, headers={"Host": "10.0.0.7"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body) if answer.getheader("Content-Type") == "application/json" else None

    try:
        status, found = get("/health")
        assert (status, found["healthy"], found["checks"]["daemons"]["ok"]) == (503, False, False)
        status, found = get("/health/warehouse")
        assert (status, found["healthy"], [*found["checks"]]) == (200, True, ["warehouse"])
        assert get("/health/nothing") == get("/reports/nothing.html") == (404, None)
    finally:
        server.shutdown()
        server.server_close()
