"""The pipeline in this process, on the same Dagster instance as the UI.

Belongs here: executing the job, and why it failed in words for a user. Does not: what came of it (summary.py).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from walmart_pipeline import homes
from walmart_pipeline.progress import Progress
from walmart_pipeline.settings import Settings
from walmart_pipeline.summary import Summary, summarize

if TYPE_CHECKING:
    from dagster import DagsterEvent


def run(settings: Settings, *, catalog: Sequence[str] = (), limit: int | None = None, progress: Progress) -> Summary:
    """Execute the job `pipeline`; a step that fails is told in `Summary.error`.

    catalog: files and folders to read in place; empty: the inbox. limit: write at most so many products.
    """
    from walmart_pipeline.definitions import build_defs

    started, clock = datetime.now(UTC), time.monotonic()
    job = build_defs({"settings": settings, "progress": progress}).resolve_job_def("pipeline")
    with homes.instance(settings) as instance:
        result = job.execute_in_process(run_config=_run_config(catalog, limit), instance=instance, raise_on_error=False)
    return summarize(
        settings,
        started=started,
        run_id=result.run_id,
        seconds=time.monotonic() - clock,
        error=None if result.success else _why(result.all_events),
    )


def _run_config(catalog: Sequence[str], limit: int | None) -> dict[str, Any]:
    return {
        "ops": {
            "catalog__raw_products": {"config": {"paths": list(catalog)}},
            "content__generation_plan": {"config": {} if limit is None else {"limit": limit}},
        },
        # The terminal shows progress and a summary; the log of every step is in the UI.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }


def _why(events: Sequence[DagsterEvent]) -> str:
    """The first failed step and the error that it began with."""
    for event in events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error and error.cause:
                error = error.cause
            message = error.message.strip() if error else "no message"
            return f"{(event.step_key or '').replace('__', '/')}: {message}"
    blocked = [event for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION" and not _passed(event)]
    checks = ", ".join(str(event.asset_check_evaluation_data.asset_check_key.to_user_string()) for event in blocked)
    return f"a blocking check failed: {checks}" if checks else "the run failed before its first step"


def _passed(event: DagsterEvent) -> bool:
    return event.asset_check_evaluation_data.passed
