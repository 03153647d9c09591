"""The schedules, on the clock of WALMART_TIME_ZONE. They ship stopped."""

from __future__ import annotations

import dagster as dg

from walmart_pipeline.automation import jobs
from walmart_pipeline.core.settings import Settings


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Build the schedules of a workspace.

    Where the clock changes, Dagster moves a tick in the hour that is missing to its end, and fires a tick in the hour
    that comes twice once. After an outage of the daemon the last missed tick is made up for, not each one.
    """
    return [
        dg.ScheduleDefinition(
            name=name,
            job=job,
            cron_schedule=cron,
            execution_timezone=settings.time_zone,
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description=description,
        )
        for name, job, cron, description in (
            ("nightly", jobs.pipeline, settings.nightly_cron, "The whole pipeline, every night."),
            ("weekly_evaluation", jobs.evaluate, settings.evaluation_cron, "The evaluation report, every week."),
            ("monthly_cleanup", jobs.cleanup, settings.cleanup_cron, "Removes what is older than it is kept."),
        )
    ]
