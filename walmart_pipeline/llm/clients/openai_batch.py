"""OpenAI's Batch API: many requests in files, answered within a day at half the price.

The files and states are those of developers.openai.com/api/docs/guides/batch.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Container, Iterable
from dataclasses import dataclass
from typing import Any, Final

from walmart_pipeline.llm.calls import Answer, CallError, Request
from walmart_pipeline.llm.clients import openai_payloads
from walmart_pipeline.llm.clients.openai import LABEL, RAISED, ForgottenError, OpenAI
from walmart_pipeline.llm.clients.openai_payloads import UntakenParameterError
from walmart_pipeline.llm.clients.transport import lines
from walmart_pipeline.llm.pricing import Price

# OpenAI's limits of one input file.
MAX_REQUESTS = 50_000
MAX_BYTES = 200_000_000
ENDPOINT: Final = "/v1/chat/completions"
FINISHED = frozenset(("completed", "failed", "expired", "cancelled"))


@dataclass(frozen=True)
class BatchStatus:
    """Progress of a batch. state: OpenAI's. reason: why it failed as a whole. files: ids of those with its outcomes."""

    state: str
    total: int
    completed: int
    reason: str | None
    files: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether it can be collected."""
        return self.state in FINISHED


class InputFile:
    """The requests of one batch, in a temporary file that is gone when it is closed.

    product_ids: request hash to product id of what is in it.
    A batch can't find out which parameters the model does not take: let `client` complete one request first.
    """

    def __init__(self, client: OpenAI, *, max_requests: int = MAX_REQUESTS, max_bytes: int = MAX_BYTES) -> None:
        self._client = client
        self._max_requests, self._max_bytes = max_requests, max_bytes
        self.content = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self.product_ids: dict[str, str] = {}

    def add(self, request_hash: str, request: Request) -> bool:
        """Add a request once. Returns False if the file is full."""
        if request_hash in self.product_ids:
            return True
        body = self._client.body(request)
        line = {"custom_id": request_hash, "method": "POST", "url": ENDPOINT, "body": body}
        written = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if self.product_ids and (
            len(self.product_ids) == self._max_requests or self.content.tell() + len(written) > self._max_bytes
        ):
            return False
        self.content.write(written)
        self.product_ids[request_hash] = request.product_id
        return True

    def empty(self) -> None:
        """Remove all requests."""
        self.content.seek(0)
        self.content.truncate()
        self.product_ids = {}

    def close(self) -> None:
        """Remove the file."""
        self.content.close()


async def submit(client: OpenAI, file: InputFile, label: str) -> str:
    """Submit a batch with a label. Returns its id. Raises CallError; check `submitted` before a retry."""
    file.content.seek(0)
    uploaded = await client.result_of(client.sdk.files.create(file=("requests.jsonl", file.content), purpose="batch"))
    batch = await client.result_of(
        client.sdk.batches.create(
            input_file_id=uploaded.id, endpoint=ENDPOINT, completion_window="24h", metadata={LABEL: label}
        )
    )
    return batch.id


async def submitted(client: OpenAI, label: str) -> str | None:
    """The id of OpenAI's batch with this label, or None. Raises CallError."""
    return await client.labelled(lambda sdk, after: sdk.batches.list(limit=100, after=after), label)


async def poll(client: OpenAI, batch_id: str) -> BatchStatus:
    """Progress of a batch. Raises CallError and ForgottenError."""
    batch = await client.retrieved(client.reading.batches.retrieve(batch_id), f"batch {batch_id}")
    counts = batch.request_counts
    errors = (batch.errors.data if batch.errors else None) or ()
    return BatchStatus(
        state=batch.status,
        total=counts.total if counts else 0,
        completed=counts.completed if counts else 0,
        reason="; ".join(dict.fromkeys(error.message or error.code or "unknown" for error in errors)) or None,
        files=tuple(filter(None, (batch.output_file_id, batch.error_file_id))),
    )


async def collect(
    client: OpenAI, files: Iterable[str], awaited: Container[str], price: Price
) -> AsyncIterator[tuple[str, Answer | CallError]]:
    """Stream a finished batch's outcomes for the awaited request hashes, each once.

    price: of a batch call. Answers are not checked against a schema, which the files do not contain. Requests that the
    batch did not process are missing, or have CallError `dropped`. Raises CallError and ForgottenError.
    """
    seen: set[str] = set()
    for file_id in files:
        async for line in _file(client, file_id):
            request_hash = line.get("custom_id")
            if isinstance(request_hash, str) and request_hash in awaited and request_hash not in seen:
                seen.add(request_hash)
                yield request_hash, _outcome(client, line, price)


async def _file(client: OpenAI, file_id: str) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a file, line by line; invalid lines are skipped."""
    failed: CallError | None = None
    try:
        async with client.reading.files.with_streaming_response.content(file_id) as response:
            async for line in lines(response.iter_bytes()):
                if isinstance(value := _value(line), dict):
                    yield value
    except RAISED as error:
        failed = client.failed(error)
    if failed and failed.error_class == "missing_model":
        raise ForgottenError(f"{client.endpoint} knows no file {file_id}")
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
        refused = client.refused(status, body, {})
        if isinstance(refused, UntakenParameterError):
            # Retryable, since a live call omits that parameter.
            return CallError("dropped", str(refused))
        return refused
    try:
        return openai_payloads.answer(body, price)
    except CallError as error:
        return error
