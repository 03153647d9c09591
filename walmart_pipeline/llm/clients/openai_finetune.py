"""OpenAI's fine-tuning jobs: files up, a job, and how far it is.

OpenAI is ending it (developers.openai.com/api/docs/deprecations): since 2026-07-02 an organisation that used no
fine-tuned model in the last 60 days can begin no job, from 2027-01-06 nobody can.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openai import omit

from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.clients.openai import LABEL, OpenAI

ENDED = frozenset(("succeeded", "failed", "cancelled"))


@dataclass(frozen=True)
class JobStatus:
    """Progress of a job. state: OpenAI's. model: the trained one. trained_tokens: billed at the end."""

    state: str
    reason: str | None = None
    model: str | None = None
    trained_tokens: int | None = None

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state in ENDED


async def upload(client: OpenAI, path: Path, name: str) -> str:
    """Upload a training file unless OpenAI has one of this name, which must identify the content. Raises CallError."""
    async for file in client.listed(lambda sdk, after: sdk.files.list(purpose="fine-tune", limit=100, after=after)):
        if file.filename == name and file.status != "error":
            return str(file.id)
    with path.open("rb") as content:
        uploaded = await client.result_of(client.sdk.files.create(file=(name, content), purpose="fine-tune"))
    return uploaded.id


async def create(client: OpenAI, label: str, *, training: str, validation: str | None, suffix: str, epochs: int) -> str:
    """Start to fine-tune the client's model. Returns the job's id. Raises CallError; check `created` before a retry.

    training, validation: ids of files. suffix: part of the model's name, at most 64 characters.
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
    """The id of OpenAI's job with this label, or None. Raises CallError."""
    return await client.labelled(lambda sdk, after: sdk.fine_tuning.jobs.list(limit=100, after=after), label)


async def poll(client: OpenAI, job_id: str) -> JobStatus:
    """Progress of a job. Raises CallError and ForgottenError."""
    job = await client.retrieved(client.reading.fine_tuning.jobs.retrieve(job_id), f"fine-tuning job {job_id}")
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
