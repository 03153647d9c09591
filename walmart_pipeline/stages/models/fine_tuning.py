"""Fine-tuning at OpenAI, from a version of the dataset to a candidate, across runs.

A job is stored before it is started, with a label that is derived from its training data and sent along. If a run is
killed in between, the next one looks the job up at OpenAI by its label, as every start does: a workspace that lost its
warehouse finds the job that it paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from walmart_pipeline.core.files import file_lock
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.calls import CallError, ErrorClass
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.models import fine_tune_jobs
from walmart_pipeline.stages.models.fine_tune_jobs import MILLION, FineTuneJob, JobPlan, NotStartedError

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.openai import OpenAI

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

# Bumped when the same dataset would be trained on differently: the asset's code_version.
VERSION = "1"

OFF = "off: set WALMART_FINETUNE=true and a budget, WALMART_FINETUNE_BUDGET_USD"

# Errors after which OpenAI has no job; after any other it may have one.
REFUSALS: frozenset[ErrorClass] = frozenset(("unauthorized", "missing_model", "rejected", "too_long"))


def advance(
    settings: Settings, warehouse: Warehouse, *, again: bool = False, log: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Poll the active job, or start the next one, without waiting for its end. Returns the outcome in sentences.

    again: restart a failed or cancelled job. The warehouse is closed during calls to OpenAI; a file lock prevents
    that a job is paid for twice. Raises ProviderError, and CallError if OpenAI does not answer or refuses, after the
    known state is stored.
    """
    if not settings.finetune and not any(job.is_active for job in _known(warehouse)):
        return [OFF]
    with file_lock(settings.workspace / "fine_tuning.lock", lambda: log("waiting: another run manages fine-tuning")):
        outcome = _advance(settings, warehouse, again=again)
    for line in outcome:
        log(line)
    return outcome


def _advance(settings: Settings, warehouse: Warehouse, *, again: bool) -> list[str]:
    with _client(settings) as (run, client):
        outcome = [_save(warehouse, run(_polled(client, job))) for job in _known(warehouse) if job.is_active]
        jobs = _known(warehouse)
        if any(job.is_active for job in jobs) or not settings.finetune:
            return outcome
        try:
            with warehouse.reading() as db:
                plan = fine_tune_jobs.plan(db, settings, jobs, again=again)
        except NotStartedError as error:
            return [*outcome, str(error)]
        _save(warehouse, plan.job)
        job = _start(run, client, warehouse, plan)
        return [*outcome, _save(warehouse, run(_polled(client, job)))]


async def _polled(client: OpenAI, job: FineTuneJob) -> FineTuneJob:
    from walmart_pipeline.llm.clients import openai_finetune
    from walmart_pipeline.llm.clients.openai import ForgottenError

    job_id = job.job_id or await openai_finetune.created(client, job.label)
    if job_id is None:
        return _ended(job, state="withdrawn", reason="its run was stopped before it was started")
    try:
        status = await openai_finetune.poll(client, job_id)
    except ForgottenError as error:
        return _ended(job, job_id=job_id, state="forgotten", reason=str(error))
    found = job.model_copy(update={"job_id": job_id, "state": status.state})
    if not status.ended:
        return found
    tokens = status.trained_tokens
    if tokens is None and status.state != "succeeded":
        tokens = 0
    return _ended(
        found,
        reason=status.reason,
        model=status.model,
        trained_tokens=tokens,
        cost_usd=None if tokens is None else tokens * job.usd_per_million / MILLION,
    )


def _start(run: Run, client: OpenAI, warehouse: Warehouse, plan: JobPlan) -> FineTuneJob:
    """Start the job, or find it. Raises CallError; a refusal is stored, after others the job stays announced."""
    try:
        job_id = run(_created(client, plan))
    except CallError as error:
        if error.error_class in REFUSALS:
            _save(warehouse, _ended(plan.job, state="refused", reason=str(error)))
        raise
    started = plan.job.model_copy(update={"job_id": job_id})
    _save(warehouse, started)
    return started


async def _created(client: OpenAI, plan: JobPlan) -> str:
    from walmart_pipeline.llm.clients import openai_finetune

    if existing := await openai_finetune.created(client, plan.job.label):
        return existing
    name, path = plan.training
    training = await openai_finetune.upload(client, path, name)
    validation = None
    if plan.validation:
        name, path = plan.validation
        validation = await openai_finetune.upload(client, path, name)
    return await openai_finetune.create(
        client,
        plan.job.label,
        training=training,
        validation=validation,
        suffix=f"walmart-gpt-{plan.job.tier}-{plan.job.dataset_version}",
        epochs=plan.job.epochs,
    )


def _save(warehouse: Warehouse, job: FineTuneJob) -> str:
    """Store a job, and its model as a candidate. Returns the job's summary."""
    with warehouse.writing() as db:
        if job.model:
            version = model_versions.add(
                db,
                job.tier,
                job.recipe(job.model),
                dataset_version=job.dataset_version,
                prompt_version=job.prompt_version,
                policy=job.policy,
            )
            job = job.model_copy(update={"version": version.name})
        fine_tune_jobs.save(db, job)
    return job.summary


def _known(warehouse: Warehouse) -> list[FineTuneJob]:
    with warehouse.reading() as db:
        return fine_tune_jobs.known(db)


def _ended(job: FineTuneJob, **found: Any) -> FineTuneJob:
    return job.model_copy(update={**found, "ended_at": datetime.now(UTC)})


@contextmanager
def _client(settings: Settings) -> Iterator[tuple[Run, OpenAI]]:
    """Open an OpenAI client, with a function that runs a coroutine in its event loop. Raises ProviderError."""
    with asyncio.Runner() as runner:
        # The price is for generation calls, of which none is made.
        client = provider_factory.openai_client(settings, settings.finetune_model, pricing.FREE)
        try:
            yield runner.run, client
        finally:
            runner.run(client.close())
