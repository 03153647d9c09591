"""OpenAI's Batch API: many requests in files, answered within a day at half the price.

Belongs here: files up, jobs, files down. Does not: which requests go into a batch, when a job is polled, or what is
done with requests that come back unanswered; jobs are kept by the caller.

The same files and states as in developers.openai.com/api/docs/guides/batch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import IO, Any, Final

from openai import Omit, omit

from walmart_pipeline.llm.calls import Answer, CallError, Request
from walmart_pipeline.llm.clients import openai_wire
from walmart_pipeline.llm.clients.lines import lines
from walmart_pipeline.llm.clients.openai import RAISED, OpenAI
from walmart_pipeline.llm.prices import Price

# OpenAI's limits of one input file; its 200 MB are taken as the smaller of the two readings.
MAX_REQUESTS = 50_000
MAX_BYTES = 200_000_000
ENDPOINT: Final = "/v1/chat/completions"
LABEL = "walmart_pipeline"
FINISHED = frozenset(("completed", "failed", "expired", "cancelled"))


class UnfinishedBatchError(RuntimeError):
    """The answers of a batch were asked for before it was finished."""


@dataclass(frozen=True)
class BatchJob:
    """One batch at OpenAI, and the request hashes in it."""

    batch_id: str
    hashes: tuple[str, ...]


@dataclass(frozen=True)
class BatchStatus:
    """How far a batch is. state: as OpenAI names it. reason: why it failed as a whole."""

    state: str
    total: int
    completed: int
    failed: int
    reason: str | None

    @property
    def finished(self) -> bool:
        """Nothing more will come: collect it."""
        return self.state in FINISHED


async def submit(
    client: OpenAI,
    requests: Iterable[Request],
    *,
    label: str,
    max_requests: int = MAX_REQUESTS,
    max_bytes: int = MAX_BYTES,
) -> AsyncIterator[BatchJob]:
    """Send requests off in as many batches as they need; each job is given as soon as OpenAI has it, to be kept.

    Equal requests are sent once a file. label: written on the batches, so that `submitted` finds those whose job was
    not kept because the program was stopped in between. A batch can't find out which parameters the model does not
    take: let `client` complete one request first. Raises CallError.
    """
    hashes: dict[str, None] = {}
    with tempfile.TemporaryFile() as file:
        for request in requests:
            line = _line(client, request)
            if hashes and (len(hashes) == max_requests or file.tell() + len(line) > max_bytes):
                yield await _create(client, file, hashes, label)
                hashes = {}
                file.seek(0)
                file.truncate()
            if request.request_hash not in hashes:
                hashes[request.request_hash] = None
                file.write(line)
        if hashes:
            yield await _create(client, file, hashes, label)


async def submitted(client: OpenAI, label: str) -> AsyncIterator[BatchJob]:
    """The batches that OpenAI has under this label, newest first; their hashes are read from their input files."""
    after: str | Omit = omit
    while True:
        page = await client.asked(client.sdk.batches.list(limit=100, after=after))
        for batch in page.data:
            if (batch.metadata or {}).get(LABEL) == label:
                sent = [line["custom_id"] async for line in _file(client, batch.input_file_id)]
                yield BatchJob(batch.id, tuple(sent))
        if not page.data or not page.has_more:
            return
        after = page.data[-1].id


async def poll(client: OpenAI, job: BatchJob) -> BatchStatus:
    """Ask how far a batch is. Raises CallError."""
    return _status(await client.asked(client.sdk.batches.retrieve(job.batch_id)))


async def cancel(client: OpenAI, job: BatchJob) -> BatchStatus:
    """Stop a batch; what is answered by then is paid for and can be collected. Raises CallError."""
    return _status(await client.asked(client.sdk.batches.cancel(job.batch_id)))


async def collect(client: OpenAI, job: BatchJob, price: Price) -> AsyncIterator[tuple[str, Answer | CallError]]:
    """Every request hash of the job once, with its answer or with why there is none; files are read as they come.

    price: that of a batch, from Prices.price(model, batch=True). Answers are not held against a schema, which the
    files do not tell. A request that the batch did not get to (expired, cancelled, failed as a whole) comes with
    CallError `dropped`: nothing was paid for it, and it can be asked again. Raises CallError where a file cannot be
    read, and UnfinishedBatchError.
    """
    batch = await client.asked(client.sdk.batches.retrieve(job.batch_id))
    if batch.status not in FINISHED:
        raise UnfinishedBatchError(f"batch {job.batch_id} is still {batch.status}: poll it until it is finished")
    awaited = dict.fromkeys(job.hashes)
    for file_id in (batch.output_file_id, batch.error_file_id):
        if file_id:
            async for line in _file(client, file_id):
                request_hash = line.get("custom_id")
                if request_hash in awaited:
                    del awaited[request_hash]
                    yield request_hash, _outcome(client, line, price)
    why = _status(batch).reason or f"the batch is {batch.status}"
    for request_hash in awaited:
        yield request_hash, CallError("dropped", f"the batch gave no answer to this request: {why}")


def _line(client: OpenAI, request: Request) -> bytes:
    line = {"custom_id": request.request_hash, "method": "POST", "url": ENDPOINT, "body": client.body(request)}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


async def _create(client: OpenAI, file: IO[bytes], hashes: Iterable[str], label: str) -> BatchJob:
    file.seek(0)
    uploaded = await client.asked(client.sdk.files.create(file=("requests.jsonl", file), purpose="batch"))
    batch = await client.asked(
        client.sdk.batches.create(
            input_file_id=uploaded.id, endpoint=ENDPOINT, completion_window="24h", metadata={LABEL: label}
        )
    )
    return BatchJob(batch.id, tuple(hashes))


async def _file(client: OpenAI, file_id: str) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a file, line by line. A line that is none is left out: its request counts as unanswered."""
    failed: CallError | None = None
    try:
        async with client.sdk.files.with_streaming_response.content(file_id) as response:
            async for line in lines(response.iter_bytes()):
                if isinstance(value := _value(line), dict):
                    yield value
    except RAISED as error:
        failed = client.failed(error)
    if failed:
        raise failed


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _outcome(client: OpenAI, line: dict[str, Any], price: Price) -> Answer | CallError:
    response = line.get("response")
    if not response:
        error = line.get("error") or {}
        return CallError("dropped", f"the batch gave no answer to this request: {error.get('message') or error}")
    status, body = int(response.get("status_code") or 0), response.get("body")
    if status != 200:
        return client.refused(status, body, {})
    try:
        return openai_wire.answer(body, price)
    except CallError as error:
        return error


def _status(batch: Any) -> BatchStatus:
    counts = batch.request_counts
    errors = (batch.errors.data if batch.errors else None) or ()
    return BatchStatus(
        state=batch.status,
        total=counts.total if counts else 0,
        completed=counts.completed if counts else 0,
        failed=counts.failed if counts else 0,
        reason="; ".join(dict.fromkeys(error.message or error.code or "unknown" for error in errors)) or None,
    )
