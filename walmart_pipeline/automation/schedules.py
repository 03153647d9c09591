"""The nightly schedule. Ships stopped."""

from __future__ import annotations

import dagster as dg

from walmart_pipeline.automation.jobs import pipeline

nightly = dg.ScheduleDefinition(
    name="nightly",
    job=pipeline,
    # After the day's feeds and before the working day in Bentonville.
    cron_schedule="0 2 * * *",
    execution_timezone="America/Chicago",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="The whole pipeline, every night at two.",
)
