"""The schedules, by real ticks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from walmart_pipeline.automation.jobs import RETRAINING
from walmart_pipeline.automation.schedules import schedules
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.definitions import build_defs


def nights(zone: str, cron: str, first: date, last: date) -> list[date]:
    """The local dates of the nights in which the daemon would request a run."""
    nightly = schedules(Settings(time_zone=zone, nightly_cron=cron))[0]
    start = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))
    found = []
    for tick in schedule_execution_time_iterator(start.timestamp(), cron, zone, ascending=True):
        local = tick.astimezone(ZoneInfo(zone))
        if local.date() > last:
            return found
        context = dg.build_schedule_context(scheduled_execution_time=tick)
        found += [local.date() for _ in nightly.evaluate_tick(context).run_requests or []]
    return found


# 2026: Europe changes on 29 March and 25 October, America on 8 March and 1 November.
@pytest.mark.parametrize("cron", ["0 2 * * *", "30 2 * * *", "30 1 * * *", "15 2 * * mon-sun", "0 3 * * *"])
@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("Europe/Berlin", (date(2026, 3, 29), date(2026, 10, 25))),
        ("America/New_York", (date(2026, 3, 8), date(2026, 11, 1))),
    ],
)
def test_each_night_has_one_run_also_where_the_clock_changes(zone: str, changes: tuple[date, date], cron: str) -> None:
    for change in changes:
        expected = [change + timedelta(days=days) for days in (-1, 0, 1)]
        assert nights(zone, cron, expected[0], expected[-1]) == expected


def test_a_schedule_follows_the_settings() -> None:
    settings = Settings(time_zone="Europe/Berlin", nightly_cron="45 3 * * *")
    nightly = build_defs({"settings": settings}).get_repository_def().get_schedule_def("nightly")
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("45 3 * * *", "Europe/Berlin")
    assert nightly.job_name == "pipeline"


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
