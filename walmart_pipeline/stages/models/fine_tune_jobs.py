"""Fine-tuning at OpenAI, from a version of the dataset to a candidate, over as many runs as it takes.

Belongs here: the order of steps that neither loses a job nor pays for one twice. Does not: what is trained on and what
it may cost (fine_tune_plan.py), OpenAI's files and jobs (llm/clients/openai_finetune.py), or what is kept
(fine_tune_store.py).

A job is in the warehouse before it is begun, under a label that goes with it and follows from what it learns. A run
that dies in between leaves a label without an id; the next run asks OpenAI for the job of that label. So does every
beginning: a workspace that lost its warehouse finds the job that it paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from walmart_pipeline.core.files import exclusive
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.calls import CallError, ErrorClass
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.models import fine_tune_plan, fine_tune_store
from walmart_pipeline.stages.models.fine_tune_plan import NotBegunError, Plan
from walmart_pipeline.stages.models.fine_tune_store import MILLION, FineTune

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.openai import OpenAI

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

# Bumped when the same dataset would be learned in another way: the asset's code_version.
VERSION = "1"

OFF = "off: set WALMART_FINETUNE=true and a budget, WALMART_FINETUNE_BUDGET_USD"

# Answers by which OpenAI says that there is no job; after any other there may be one.
REFUSALS: frozenset[ErrorClass] = frozenset(("unauthorized", "missing_model", "rejected", "too_long"))


def advance(
    settings: Settings, warehouse: Warehouse, *, again: bool = False, log: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Poll the job under way, if any; otherwise start the one that the settings allow. Does not wait for its end.

    again: also restart a job that failed or was cancelled. Returns the outcome in sentences, which are logged as well.
    The warehouse is open only to read and to write, not while OpenAI is called; one process at a time does this, so
    that no job is paid for twice. Raises ProviderError, and CallError where OpenAI does not answer or refuses: what is
    known by then is kept.
    """
    if not settings.finetune and not _under_way(warehouse):
        return [OFF]
    with exclusive(settings.workspace / "fine_tuning.lock", lambda: log("waiting: another run is at OpenAI")):
        outcome = _advance(settings, warehouse, again=again)
    for line in outcome:
        log(line)
    return outcome


def _under_way(warehouse: Warehouse) -> list[FineTune]:
    return [tune for tune in _known(warehouse) if tune.is_under_way]


def _advance(settings: Settings, warehouse: Warehouse, *, again: bool) -> list[str]:
    under_way = _under_way(warehouse)
    with _client(settings) as (run, client):
        told = []
        for tune in under_way:
            followed = run(_followed(client, tune))
            told.append(_keep(warehouse, followed))
        tunes = _known(warehouse)
        if any(tune.is_under_way for tune in tunes) or not settings.finetune:
            return told
        try:
            with warehouse.reading() as db:
                plan = fine_tune_plan.planned(db, settings, tunes, again=again)
        except NotBegunError as error:
            return [*told, str(error)]
        _keep(warehouse, plan.tune)
        job = _begin(run, client, warehouse, plan)
        return [*told, _keep(warehouse, run(_followed(client, job)))]


async def _followed(client: OpenAI, tune: FineTune) -> FineTune:
    """What OpenAI knows of a job now."""
    from walmart_pipeline.llm.clients import openai_finetune

    job_id = tune.job_id or await openai_finetune.created(client, tune.label)
    if job_id is None:
        return _ended(tune, state="withdrawn", reason="the run that announced it was stopped before it was begun")
    try:
        status = await openai_finetune.poll(client, job_id)
    except openai_finetune.ForgottenJobError as error:
        return _ended(tune, job_id=job_id, state="forgotten", reason=str(error))
    found = tune.model_copy(update={"job_id": job_id, "state": status.state})
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
        cost_usd=None if tokens is None else tokens * tune.usd_per_million / MILLION,
    )


def _begin(run: Run, client: OpenAI, warehouse: Warehouse, plan: Plan) -> FineTune:
    """The job, begun or found again. Raises CallError: a refusal is kept, after all else the job stays announced."""
    try:
        job_id = run(_begun(client, plan))
    except CallError as error:
        if error.error_class in REFUSALS:
            _keep(warehouse, _ended(plan.tune, state="refused", reason=str(error)))
        raise
    begun = plan.tune.model_copy(update={"job_id": job_id})
    _keep(warehouse, begun)
    return begun


async def _begun(client: OpenAI, plan: Plan) -> str:
    from walmart_pipeline.llm.clients import openai_finetune

    if known := await openai_finetune.created(client, plan.tune.label):
        return known
    name, path = plan.training
    training = await openai_finetune.upload(client, path, name)
    validation = None
    if plan.validation:
        name, path = plan.validation
        validation = await openai_finetune.upload(client, path, name)
    return await openai_finetune.create(
        client,
        plan.tune.label,
        training=training,
        validation=validation,
        suffix=f"walmart-gpt-{plan.tune.tier}-{plan.tune.dataset_version}",
        epochs=plan.tune.epochs,
    )


def _keep(warehouse: Warehouse, tune: FineTune) -> str:
    """Write a job down; a model that came of it becomes a candidate in the same transaction. Returns what is to say."""
    with warehouse.writing() as db:
        if tune.model:
            version = model_versions.add(
                db,
                tune.tier,
                fine_tune_store.recipe(tune, tune.model),
                dataset_version=tune.dataset_version,
                prompt_version=tune.prompt_version,
                policy=tune.policy,
            )
            tune = tune.model_copy(update={"version": version.name})
        fine_tune_store.keep(db, tune)
    return fine_tune_store.says(tune)


def _known(warehouse: Warehouse) -> list[FineTune]:
    with warehouse.reading() as db:
        return fine_tune_store.known(db)


def _ended(tune: FineTune, **found: Any) -> FineTune:
    return tune.model_copy(update={**found, "ended_at": datetime.now(UTC)})


@contextmanager
def _client(settings: Settings) -> Iterator[tuple[Run, OpenAI]]:
    """A client of OpenAI, and what runs a coroutine in its event loop. Raises ProviderError."""
    with asyncio.Runner() as runner:
        # Its price is that of calls, of which none is made.
        client = provider_factory.openai_client(settings, settings.finetune_model, pricing.FREE)
        try:
            yield runner.run, client
        finally:
            runner.run(client.close())
