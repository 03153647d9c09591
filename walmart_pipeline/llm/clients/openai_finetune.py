"""OpenAI's fine-tuning jobs: files up, a job, and how far it is.

OpenAI is ending it (developers.openai.com/api/docs/deprecations): since 2026-07-02 an organisation that used no
fine-tuned model in the last 60 days can begin no job, from 2027-01-06 nobody can.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, Omit, omit

from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.clients.openai import OpenAI

LABEL = "walmart_pipeline"
ENDED = frozenset(("succeeded", "failed", "cancelled"))

# Calls that only read are retried by the SDK, which honours Retry-After.
READ_RETRIES = 4


class ForgottenJobError(RuntimeError):
    """The endpoint knows a job no more."""


@dataclass(frozen=True)
class JobStatus:
    """How far a job is. state: as OpenAI names it. reason: why it failed.

    model: the name of the model that was made. trained_tokens: what is billed, known when the job has ended.
    """

    state: str
    reason: str | None = None
    model: str | None = None
    trained_tokens: int | None = None

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        return self.state in ENDED


async def upload(client: OpenAI, path: Path, name: str) -> str:
    """The id of a file to train on; one that OpenAI has under this name is not sent again. Raises CallError.

    name: of a file with just this content, since it is by its name that it is found.
    """
    async for file in _all(client, lambda sdk, after: sdk.files.list(purpose="fine-tune", limit=100, after=after)):
        if file.filename == name and file.status != "error":
            return str(file.id)
    with path.open("rb") as content:
        uploaded = await client.result_of(client.sdk.files.create(file=(name, content), purpose="fine-tune"))
    return uploaded.id


async def create(client: OpenAI, label: str, *, training: str, validation: str | None, suffix: str, epochs: int) -> str:
    """Begin to train the client's model. Returns the job's id. label: written on it, so that `created` finds it.

    training, validation: ids of files. suffix: part of the model's name, at most 64 characters. epochs: told, so that
    it costs no more than was reckoned. Raises CallError.
    Not to be repeated without asking `created`: an answer that got lost may have been a yes.
    """
    try:
        job = await client.result_of(
            client.sdk.fine_tuning.jobs.create(
                model=client.model,
                training_file=training,
                validation_file=validation or omit,
                suffix=suffix,
                metadata={LABEL: label},
                method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs}}},
            )
        )
    except CallError as error:
        if error.error_class == "unauthorized":
            raise CallError(
                "unauthorized",
                f"{error}. If it may: OpenAI lets only those who used a fine-tuned model in the last 60 days begin "
                "a fine-tuning, and nobody from 2027-01-06 on; set WALMART_FINETUNE=false to go on without",
            ) from None
        raise
    return job.id


async def created(client: OpenAI, label: str) -> str | None:
    """The id of the job that OpenAI has under this label; the newest are looked at first. Raises CallError."""
    async for job in _all(client, lambda sdk, after: sdk.fine_tuning.jobs.list(limit=100, after=after)):
        if (job.metadata or {}).get(LABEL) == label:
            return str(job.id)
    return None


async def poll(client: OpenAI, job_id: str) -> JobStatus:
    """Ask how far a job is. Raises CallError and ForgottenJobError."""
    try:
        job = await client.result_of(_reading(client).fine_tuning.jobs.retrieve(job_id))
    except CallError as error:
        # The client takes any 404 for a missing model.
        if error.error_class == "missing_model":
            raise ForgottenJobError(f"{client.endpoint} knows no fine-tuning job {job_id}") from None
        raise
    if job.status == "succeeded" and not job.fine_tuned_model:
        raise CallError(
            "malformed", f"{client.endpoint} reports that {job_id} succeeded, and names no model: ask again"
        )
    failure = job.error
    return JobStatus(
        state=job.status,
        reason=(failure.message or failure.code or None) if failure else None,
        model=job.fine_tuned_model,
        trained_tokens=job.trained_tokens,
    )


async def _all(client: OpenAI, page_after: Callable[[AsyncOpenAI, str | Omit], Awaitable[Any]]) -> AsyncIterator[Any]:
    """Everything in a list of OpenAI's, page by page."""
    after: str | Omit = omit
    while True:
        page = await client.result_of(page_after(_reading(client), after))
        for item in page.data:
            yield item
        if not page.data or not page.has_more:
            return
        after = page.data[-1].id


def _reading(client: OpenAI) -> AsyncOpenAI:
    return client.sdk.with_options(max_retries=READ_RETRIES)
