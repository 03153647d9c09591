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
    from dagster_shared.error import SerializableErrorInfo


# How dagster names the error of a run that was ended by Ctrl-C, a signal, or its UI.
INTERRUPTED = "DagsterExecutionInterruptedError"

# What `--plan-only` runs: reading, cleaning and planning.
PLANNING = ("catalog/raw_products", "catalog/products", "content/generation_plan")


def run(
    settings: Settings,
    *,
    catalog: Sequence[str] = (),
    limit: int | None = None,
    plan_only: bool = False,
    progress: Progress,
) -> Summary:
    """Execute the job `pipeline`; a step that fails is told in `Summary.error`.

    catalog: files and folders to read in place; empty: the inbox. limit: write at most so many products.
    plan_only: stop where calls would begin.
    """
    import dagster as dg

    from walmart_pipeline.definitions import build_defs

    started, clock = datetime.now(UTC), time.monotonic()
    job = build_defs({"settings": settings, "progress": progress}).resolve_job_def("pipeline")
    with homes.instance(settings) as instance:
        result = job.execute_in_process(
            run_config=_run_config(catalog, limit),
            asset_selection=[dg.AssetKey.from_user_string(key) for key in PLANNING] if plan_only else None,
            instance=instance,
            raise_on_error=False,
        )
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
    """Where the run failed first, and the error that it began with."""
    for event in events:
        if event.is_step_failure:
            step = (event.step_key or "").replace("__", "/")
            why = _root(event.step_failure_data.error)
            if INTERRUPTED in why:
                return f"stopped at {step}; what was done by then is kept: run again to go on"
            return f"{step}: {why}"
        if event.is_job_failure:
            return _root(event.job_failure_data.error)
    return "the run ended without saying why: see its log in the UI (`walmart-pipeline dev`)"


def _root(error: SerializableErrorInfo | None) -> str:
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else "no message"
