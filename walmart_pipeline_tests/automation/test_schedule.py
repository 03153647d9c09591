"""The nightly schedule, by a real tick."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from walmart_pipeline.automation.jobs import RETRAINING, nightly
from walmart_pipeline.automation.sensors import inbox_sensor
from walmart_pipeline.definitions import build_defs


def test_a_tick_at_two_in_the_morning_requests_the_whole_pipeline() -> None:
    at_two = datetime(2026, 11, 23, 2, tzinfo=ZoneInfo("America/Chicago"))
    context = dg.build_schedule_context(instance=dg.DagsterInstance.ephemeral(), scheduled_execution_time=at_two)
    (request,) = nightly.evaluate_tick(context).run_requests or []
    assert request.job_name in (None, "pipeline")
    assert nightly.job_name == "pipeline"
    assert nightly.cron_schedule == "0 2 * * *"


def test_nothing_runs_automatically_until_someone_starts_it() -> None:
    assert nightly.default_status == dg.DefaultScheduleStatus.STOPPED
    assert inbox_sensor.default_status == dg.DefaultSensorStatus.STOPPED


def test_the_nightly_job_covers_every_asset_and_check_but_those_of_a_retraining() -> None:
    defs = build_defs()
    job = defs.resolve_job_def("pipeline")
    graph = defs.resolve_asset_graph()
    left_out = graph.get_all_asset_keys() - job.asset_layer.executable_asset_keys
    assert left_out == RETRAINING.resolve(graph)
    checks = {key for key in graph.asset_check_keys if key.asset_key not in left_out}
    assert job.asset_layer.asset_graph.asset_check_keys == checks
