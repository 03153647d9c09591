"""Executes the jobs in this process, on the same Dagster instance as the UI."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from walmart_pipeline.automation import live_runs, run_tags
from walmart_pipeline.automation.retrain_config import RetrainConfig
from walmart_pipeline.automation.retrain_summary import Retraining, retrained
from walmart_pipeline.automation.run_failures import failure
from walmart_pipeline.automation.run_summary import EndedRun, Summary, summarize
from walmart_pipeline.core import warehouses, workspace
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings

if TYPE_CHECKING:
    from dagster._core.remote_origin import RemoteJobOrigin, RemoteRepositoryOrigin

# Config by op.
Steps: TypeAlias = Mapping[str, Mapping[str, Any]]

# The assets of `--plan-only`.
PLANNING = ("catalog/raw_products", "catalog/products", "content/generation_plan")

# What a withdrawal changes. A product of two feeds falls back to the other one's facts: unless it is judged beside
# them, it leaves the exports.
WITHDRAWAL = (
    "catalog/raw_products",
    "catalog/products",
    "quality/scores",
    "quality/listings",
    "quality/review_queue",
    "delivery/exports",
)


def run(
    settings: Settings,
    *,
    catalog: Sequence[str] = (),
    accept_shrinkage: bool = False,
    limit: int | None = None,
    plan_only: bool = False,
    progress: Progress,
) -> Summary:
    """Execute the job `pipeline`; `Summary.error` names a failed step.

    catalog: files and folders to read in place; empty: the inbox. accept_shrinkage: load feeds that lost most of
    their rows. limit: maximum number of products to write. plan_only: stop before any model call.
    """
    steps: Steps = {
        "catalog__raw_products": {"paths": list(catalog), "accept_shrinkage": accept_shrinkage},
        "content__generation_plan": {"edits": list(catalog)} | ({} if limit is None else {"limit": limit}),
    }
    tags = {
        run_tags.FEEDS: run_tags.shortened([Path(path).name for path in catalog]) or "inbox",
        run_tags.REASON: "plan only" if plan_only else "command line",
    }
    only = PLANNING if plan_only else None
    return summarize(settings, _execute(settings, progress, "pipeline", steps, tags=tags, only=only))


def withdraw(settings: Settings, names: Sequence[str], *, progress: Progress) -> str | None:
    """Take feeds or sources out of the catalog, the listings and the exports. Returns the error of a failed step."""
    steps: Steps = {"catalog__raw_products": {"withdraw": list(names)}}
    tags = {run_tags.FEEDS: run_tags.shortened(names), run_tags.REASON: "feeds are withdrawn"}
    return _execute(settings, progress, "pipeline", steps, tags=tags, only=WITHDRAWAL).error


def retrain(
    settings: Settings, *, config: RetrainConfig, tiers: Sequence[str] = (), promote: bool = True, progress: Progress
) -> Retraining:
    """Execute the job `retrain`; `Retraining.error` names a failed step.

    tiers: by name; empty: each with enough examples. promote: apply the evaluation's decision instead of only
    reporting it.
    """
    steps = config.steps(tiers=tiers, promote=promote)
    return retrained(settings, _execute(settings, progress, "retrain", steps, tags={run_tags.REASON: "command line"}))


def _execute(
    settings: Settings,
    progress: Progress,
    job_name: str,
    steps: Steps,
    *,
    tags: Mapping[str, str],
    only: Sequence[str] | None = None,
) -> EndedRun:
    """Run a job in this process. steps: config by op. only: a selection of its assets; None for all."""
    import dagster as dg
    from dagster._core.storage.tags import MAX_RETRIES_TAG, REPOSITORY_LABEL_TAG

    from walmart_pipeline.automation import sources
    from walmart_pipeline.definitions import build_defs

    warehouses.of(settings).check()
    started, clock = datetime.now(UTC), time.monotonic()
    with warnings.catch_warnings():
        # Dagster copies sensors by a parameter of its own that is in beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        # Workers would not know what the command line chose.
        alone = settings.model_copy(update={"celery_broker": None})
        job = build_defs({"settings": alone, "progress": progress}).resolve_job_def(job_name)
    run_config = {
        "ops": {name: {"config": dict(config)} for name, config in steps.items()},
        # The terminal shows progress and a summary; the UI has the log of every step.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    run_id = str(uuid4())
    origin = _origin(job_name)
    with live_runs.instance(settings) as instance, live_runs.supervised(instance, run_id, job_name):
        sources.observe(instance, settings)
        # execute_in_process passes no origin on, and the UI's timeline leaves out runs without one.
        create_run = partial(instance.create_run_for_job, remote_job_origin=origin)
        instance.create_run_for_job = create_run  # type: ignore[method-assign] # for the run of this block
        result = job.execute_in_process(
            run_config=run_config,
            asset_selection=[dg.AssetKey.from_user_string(key) for key in only] if only else None,
            instance=instance,
            run_id=run_id,
            # Jobs find their runs by the repository. A killed run is for the person who started it, not for the daemon.
            tags={REPOSITORY_LABEL_TAG: origin.repository_origin.get_label(), MAX_RETRIES_TAG: "0", **tags},
            raise_on_error=False,
        )
    error = None if result.success else str(failure(result.all_events))
    return EndedRun(started, result.run_id, time.monotonic() - clock, error)


def _origin(job_name: str) -> RemoteJobOrigin:
    return repository_origin().get_job_origin(job_name)


def repository_origin() -> RemoteRepositoryOrigin:
    """Where Dagster's UI and daemon find jobs, schedules and sensors: in the code location of workspace.yaml."""
    from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
    from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    target = LoadableTargetOrigin(executable_path=sys.executable, module_name="walmart_pipeline.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, workspace.LOCATION_NAME)
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME)
