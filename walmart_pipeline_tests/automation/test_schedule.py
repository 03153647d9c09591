"""The schedules, by real ticks."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.tags import SCHEDULE_NAME_TAG, SCHEDULED_EXECUTION_TIME_TAG
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._scheduler.scheduler import launch_scheduled_runs

from walmart_pipeline.automation import live_runs, sensor_interval
from walmart_pipeline.automation.jobs import RETRAINING
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.definitions import build_defs

# How often the daemon looks here, a new one each time: it remembers nothing but what is in the instance.
LOOKS_EVERY = timedelta(hours=1)


def location(zone: str, cron: str = "30 2 * * *") -> dg.Definitions:
    return build_defs({"settings": Settings(time_zone=zone, nightly_cron=cron)})


def new_york() -> dg.Definitions:
    return location("America/New_York")


def berlin() -> dg.Definitions:
    return location("Europe/Berlin")


def new_york_early() -> dg.Definitions:
    return location("America/New_York", "30 1 * * *")


@pytest.mark.parametrize(
    ("place", "zone", "change"),
    [
        ("berlin", "Europe/Berlin", date(2026, 3, 29)),
        ("berlin", "Europe/Berlin", date(2026, 10, 25)),
        ("new_york", "America/New_York", date(2026, 3, 8)),
        ("new_york", "America/New_York", date(2026, 11, 1)),
        ("new_york_early", "America/New_York", date(2026, 11, 1)),
    ],
)
def test_the_daemon_requests_one_run_a_night_also_where_the_clock_changes(
    place: str, zone: str, change: date, tmp_path: Path
) -> None:
    """Half past two is missing in spring; in autumn it comes twice in Berlin, and half past one in New York."""
    target = LoadableTargetOrigin(module_name=__name__, attribute=place, executable_path=sys.executable)
    origin = InProcessCodeLocationOrigin(target, location_name="walmart_pipeline")
    nights = [change + timedelta(days=days) for days in (-1, 0, 1)]
    now = datetime.combine(nights[0], time(0, 40), ZoneInfo(zone)).astimezone(UTC)
    with (
        live_runs.instance(Settings(workspace=tmp_path)) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
    ):
        with freeze_time(now):
            (repository,) = workspace.create_request_context().code_locations[0].get_repositories().values()
            instance.start_schedule(repository.get_schedule("nightly"))
        while now.astimezone(ZoneInfo(zone)).date() <= nights[-1]:
            now += LOOKS_EVERY
            with freeze_time(now):
                for error in launch_scheduled_runs(workspace, logging.getLogger(__name__), now, {}):
                    assert error is None
        runs = instance.get_runs(dg.RunsFilter(tags={SCHEDULE_NAME_TAG: "nightly"}))
        scheduled = [datetime.fromisoformat(run.tags[SCHEDULED_EXECUTION_TIME_TAG]) for run in runs]
    assert sorted(at.astimezone(ZoneInfo(zone)).date() for at in scheduled) == nights


def test_a_schedule_follows_the_settings() -> None:
    settings = Settings(time_zone="Europe/Berlin", nightly_cron="45 3 * * *")
    nightly = build_defs({"settings": settings}).get_repository_def().get_schedule_def("nightly")
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("45 3 * * *", "Europe/Berlin")
    assert nightly.job_name == "pipeline"


def test_sensors_look_as_often_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sensor_interval.seconds(30) == 30
    monkeypatch.setenv("WALMART_SENSOR_SECONDS", "5")
    assert sensor_interval.seconds(30) == 5


def test_a_time_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="there is no time zone 'Europe/Berlim'"):
        Settings(time_zone="Europe/Berlim")


def test_nothing_but_the_withdrawal_of_rejected_texts_runs_automatically_until_someone_starts_it() -> None:
    repository = build_defs().get_repository_def()
    assert {each.default_status for each in repository.schedule_defs} == {dg.DefaultScheduleStatus.STOPPED}
    requesting = [sensor for sensor in repository.sensor_defs if sensor.has_jobs]
    running = {each.name for each in requesting if each.default_status == dg.DefaultSensorStatus.RUNNING}
    assert running == {"rejections"}


def test_the_nightly_job_covers_every_asset_and_check_but_those_of_a_retraining() -> None:
    defs = build_defs()
    job = defs.resolve_job_def("pipeline")
    graph = defs.resolve_asset_graph()
    left_out = graph.materializable_asset_keys - job.asset_layer.executable_asset_keys
    assert left_out == RETRAINING.resolve(graph)
    checks = {key for key in graph.asset_check_keys if key.asset_key not in left_out}
    assert job.asset_layer.asset_graph.asset_check_keys == checks
