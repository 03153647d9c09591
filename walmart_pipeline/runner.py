"""Executes the jobs in this process, on the same Dagster instance as the UI."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from walmart_pipeline.automation import live_runs
from walmart_pipeline.automation.retrain_config import RetrainConfig
from walmart_pipeline.automation.retrain_summary import Retraining, retrained
from walmart_pipeline.automation.run_summary import EndedRun, Summary, summarize
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterEvent
    from dagster_shared.error import SerializableErrorInfo


# The config of each op that has one.
Steps: TypeAlias = Mapping[str, Mapping[str, Any]]

# How dagster names the error of a run that was ended by Ctrl-C, a signal, or its UI.
INTERRUPTED = "DagsterExecutionInterruptedError"

USER_ERROR = re.compile(r"^(dagster\.\S+\.Failure|walmart_pipeline\.\S+Error): ")

# What `--plan-only` runs: reading, cleaning and planning.
PLANNING = ("catalog/raw_products", "catalog/products", "content/generation_plan")

# What a removed feed leaves: its products, their listings and the files made from them.
WITHDRAWAL = ("catalog/products", "quality/listings", "quality/review_queue", "delivery/exports")


def run(
    settings: Settings,
    *,
    catalog: Sequence[str] = (),
    accept_shrinkage: bool = False,
    limit: int | None = None,
    plan_only: bool = False,
    progress: Progress,
) -> Summary:
    """Execute the job `pipeline`; `Summary.error` names a step that failed.

    catalog: files and folders to read in place; empty: the inbox. accept_shrinkage: load feeds that lost most of
    their rows. limit: write at most so many products.
    plan_only: stop where calls would begin.
    """
    steps: Steps = {
        "catalog__raw_products": {"paths": list(catalog), "accept_shrinkage": accept_shrinkage},
        "content__generation_plan": {} if limit is None else {"limit": limit},
    }
    return summarize(settings, _execute(settings, progress, "pipeline", steps, only=PLANNING if plan_only else None))


def withdraw(settings: Settings, *, progress: Progress) -> str | None:
    """Take the products of removed feeds out of the listings and the exports. Returns the error of a failed step."""
    return _execute(settings, progress, "pipeline", {}, only=WITHDRAWAL).error


def retrain(
    settings: Settings, *, config: RetrainConfig, tiers: Sequence[str] = (), promote: bool = True, progress: Progress
) -> Retraining:
    """Execute the job `retrain`; `Retraining.error` names a step that failed.

    tiers: those to make candidates of; empty: each that has enough examples. promote: carry out the evaluation's
    decision; otherwise it is only reported.
    """
    return retrained(settings, _execute(settings, progress, "retrain", config.steps(tiers=tiers, promote=promote)))


def _execute(
    settings: Settings,
    progress: Progress,
    job_name: str,
    steps: Steps,
    *,
    only: Sequence[str] | None = None,
) -> EndedRun:
    """Run a job in this process. steps: config by op. only: the assets of it to materialize; None for all."""
    import dagster as dg

    from walmart_pipeline.definitions import build_defs

    started, clock = datetime.now(UTC), time.monotonic()
    job = build_defs({"settings": settings, "progress": progress}).resolve_job_def(job_name)
    run_config = {
        "ops": {name: {"config": dict(config)} for name, config in steps.items()},
        # The terminal shows progress and a summary; the log of every step is in the UI.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    run_id = str(uuid4())
    with live_runs.instance(settings) as instance, live_runs.supervised(instance, run_id, job_name):
        result = job.execute_in_process(
            run_config=run_config,
            asset_selection=[dg.AssetKey.from_user_string(key) for key in only] if only else None,
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
        )
    error = None if result.success else _why(result.all_events)
    return EndedRun(started, result.run_id, time.monotonic() - clock, error)


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
    return "the run failed without an error: see its log in the UI (`walmart-pipeline dev`)"


def _root(error: SerializableErrorInfo | None) -> str:
    while error and error.cause:
        error = error.cause
    # Errors for users are shown without their class.
    return USER_ERROR.sub("", error.message.strip()) if error else "no message"
