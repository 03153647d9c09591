"""Submits batches to a provider and collects their answers into the ledger, across runs.

A batch is stored before it is submitted, under a label that is sent with it. A run that dies in between leaves a label
without an id; the next run looks for the label at the provider, and releases the requests if there is no such batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import stamina

from walmart_pipeline.llm.batch.store import Batch, BatchStore, Log
from walmart_pipeline.llm.calls import PASSING, WAITED_OUT, Answer, CallError, ErrorClass, Request
from walmart_pipeline.llm.clients import openai_batch
from walmart_pipeline.llm.clients.openai import ForgottenError, OpenAI
from walmart_pipeline.llm.clients.openai_batch import BatchStatus, InputFile
from walmart_pipeline.llm.ledger import BATCHES, Call, Ledger
from walmart_pipeline.llm.pricing import Price

T = TypeVar("T")

# Answers per transaction: some 2 MB, which the next run reads again after a kill.
COMMIT_ROWS = 500

# Transient failures are retried after 1, 2 and 4 s.
SEND_ATTEMPTS, FIRST_WAIT_SECONDS = 4, 1.0

# Errors of a single request; others would affect every request.
ABOUT_THE_QUESTION: frozenset[ErrorClass] = frozenset(("malformed", "cut", "rejected", "too_long", "declined"))


async def collect(client: OpenAI, store: BatchStore, log: Log) -> None:
    """Store the answers of this endpoint's finished batches in the ledger. Raises CallError and LedgerError.

    If it is interrupted, the next run continues.
    """
    await _recover(client, store, log)
    for batch in store.uncollected(client.endpoint):
        try:
            status = await openai_batch.poll(client, batch.name)
            if status.finished:
                await _collect(client, store, batch, status, log)
            else:
                log(f"batch {batch.name} is {status.state}: {status.completed:,} of {status.total:,} are answered")
        except ForgottenError as error:
            returned = store.end(batch.label, "forgotten", rest="returned")
            log(f"{error}: its {returned:,} requests are sent again")


async def ended(client: OpenAI, store: BatchStore) -> list[str]:
    """Ids of the batches of this endpoint that have ended and are not collected, oldest first. Raises CallError."""
    found = []
    for batch in store.uncollected(client.endpoint):
        if batch.batch_id is None:
            continue
        try:
            if (await openai_batch.poll(client, batch.batch_id)).finished:
                found.append(batch.batch_id)
        except ForgottenError:
            found.append(batch.batch_id)
    return found


async def send(client: OpenAI, store: BatchStore, file: InputFile, sample: Request, price: Price) -> str:
    """Submit a file. Returns the batch's id. sample: one of its requests. Raises CallError and LedgerError."""
    label = store.register(sample, client.endpoint, price, file.product_ids)

    async def submit(attempt: int) -> str:
        # An attempt may have succeeded although its response was lost.
        known = await openai_batch.submitted(client, label) if attempt > 1 else None
        return known or await openai_batch.submit(client, file, label)

    batch_id = await _with_retries(submit)
    store.submitted(label, batch_id)
    return batch_id


async def probe(client: OpenAI, ledger: Ledger, request: Request, request_hash: str) -> float:
    """Make one live call before a batch is submitted. Returns its cost in USD. Raises CallError.

    The client learns which parameters the model rejects, as it would in every line of a batch, and a wrong key or model
    is reported before 200 MB are uploaded.
    """
    outcome: Answer | CallError
    began = time.monotonic()

    async def complete(_: int) -> Answer:
        try:
            async with asyncio.timeout(client.read_seconds):
                return await client.complete(request)
        except TimeoutError:
            raise CallError("timeout", f"no whole answer came within {client.read_seconds:g} s") from None

    try:
        outcome = await _with_retries(complete)
    except CallError as error:
        if error.error_class not in ABOUT_THE_QUESTION:
            raise
        outcome = error
    seconds = time.monotonic() - began
    call = Call.of(
        request, request_hash, client.endpoint, outcome=outcome, attempt=1, seconds_queued=0.0, seconds_served=seconds
    )
    ledger.record(call)
    return call.cost_usd


async def _recover(client: OpenAI, store: BatchStore, log: Log) -> None:
    """Find batches that were registered by a run that ended before it knew their id."""
    for batch in store.uncollected(client.endpoint):
        if batch.batch_id is None:
            batch_id = await openai_batch.submitted(client, batch.label)
            if batch_id:
                store.submitted(batch.label, batch_id)
                log(f"batch {batch_id} was sent by a run that was stopped: found by its label {batch.label}")
            else:
                not_submitted = store.end(batch.label, "never sent", rest="not_submitted")
                log(f"batch {batch.label} (our label) was never sent: its {not_submitted:,} requests are sent again")


async def _collect(client: OpenAI, store: BatchStore, batch: Batch, status: BatchStatus, log: Log) -> None:
    awaited = store.waiting(batch.label)
    calls: list[Call] = []
    answered = 0
    async for key, outcome in openai_batch.collect(client, status.files, awaited, batch.price):
        calls.append(_call(batch, awaited[key], key, outcome))
        answered += calls[-1].status == "complete"
        if len(calls) == COMMIT_ROWS:
            store.record(batch.label, calls)
            calls = []
    store.record(batch.label, calls)
    store.end(batch.label, status.state, rest="returned" if status.state == "failed" else "unanswered")
    why = f" ({status.reason})" if status.reason else ""
    log(f"batch {batch.name} is {status.state}{why}: {answered:,} of {len(awaited):,} requests are answered")


def _call(batch: Batch, product_id: str, request_hash: str, outcome: Answer | CallError) -> Call:
    """A line of a batch as a call, without seconds: a batch is no measure of the model's latency."""
    # The messages are not stored; the hash identifies them.
    request = Request(
        product_id=product_id,
        provider=batch.provider,
        model=batch.model,
        digest=batch.digest,
        prompt_version=batch.prompt_version,
        messages=(),
        parameters=batch.parameters,
    )
    return Call.of(
        request,
        request_hash,
        f"{batch.endpoint}{BATCHES}",
        outcome=outcome,
        attempt=1,
        seconds_queued=(datetime.now(UTC) - batch.announced_at).total_seconds(),
        seconds_served=0.0,
    )


async def _with_retries(call: Callable[[int], Awaitable[T]]) -> T:
    """Retry a call on transient failures. call: receives the number of the attempt."""

    def can_pass(error: Exception) -> bool:
        return isinstance(error, CallError) and error.error_class in (PASSING | WAITED_OUT) - ABOUT_THE_QUESTION

    async for attempt in stamina.retry_context(
        on=can_pass, attempts=SEND_ATTEMPTS, timeout=None, wait_initial=FIRST_WAIT_SECONDS
    ):
        with attempt:
            return await call(attempt.num)
    raise AssertionError("the last attempt returns or raises")
