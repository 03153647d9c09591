"""A model provider that also uses a batch API: answers within a day at half the price."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from walmart_pipeline.generation import listing_requests
from walmart_pipeline.generation.model_provider import ANSWER_TOKENS, CallSettings, ModelProvider
from walmart_pipeline.generation.provider import Task
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import token_counts
from walmart_pipeline.llm.batch.store import BatchStore, Log
from walmart_pipeline.llm.calls import Deferred, Request
from walmart_pipeline.llm.ledger import Ledger

if TYPE_CHECKING:
    from walmart_pipeline.llm.batch.buffer import BatchBuffer
    from walmart_pipeline.llm.clients.openai import OpenAI

# Requests per lookup.
PAGE = 1_000


class BatchProvider(ModelProvider):
    """A model provider that collects batches of earlier runs and submits new ones.

    call_settings: with the price of a batch call if this run submits batches. sends: whether it does; otherwise earlier
    batches are collected and awaited, and all other requests are live calls.
    """

    def __init__(
        self,
        judge: Judge,
        call_settings: CallSettings,
        *,
        repairs: bool,
        client: Callable[[], OpenAI],
        sends: bool,
    ) -> None:
        super().__init__("openai", judge, call_settings, repairs=repairs)
        self._client = client
        self._sends = sends

    def defer(self, tasks: Iterable[Task], log: Log) -> Generator[Deferred, None, None]:
        """Tasks that a batch will answer, as product id and batch. All others are for `write`.

        Collects finished batches, then submits requests that are new; their estimated cost is taken from the budget of
        `write`. Requests that a batch left unanswered become live calls. Raises CallError and LedgerError; what was
        submitted and collected until then is stored.
        """
        from walmart_pipeline.llm.batch import lifecycle
        from walmart_pipeline.llm.batch.buffer import BatchBuffer

        call_settings = self.call_settings
        with (
            asyncio.Runner() as runner,
            BatchStore(call_settings.ledger_url) as store,
            Ledger(call_settings.ledger_url) as ledger,
        ):
            client = self._client()
            try:
                runner.run(lifecycle.collect(client, store, log))
                if not self._sends:
                    if store.uncollected(client.endpoint):
                        yield from self._waiting(tasks, store)
                    return
                buffer = BatchBuffer(
                    client,
                    store,
                    ledger,
                    call_settings.price,
                    call_settings.budget,
                    estimate=self._cost,
                    run=runner.run,
                )
                with buffer:
                    yield from self._waiting(tasks, store, ledger, buffer)
                    yield from buffer.flush()
                    self.call_settings = replace(call_settings, budget=buffer.budget)
            finally:
                runner.run(client.close())

    def _waiting(
        self, tasks: Iterable[Task], store: BatchStore, ledger: Ledger | None = None, buffer: BatchBuffer | None = None
    ) -> Iterator[Deferred]:
        """Tasks that are in a batch already, and those that the buffer submits to make room."""
        source = iter(tasks)
        while page := list(islice(source, PAGE)):
            requests = [listing_requests.first(self.prompt, product, revision) for product, revision in page]
            hashed = {request.request_hash: request for request in requests}
            waiting, live = store.pending(hashed)
            known = ledger.lookup(hashed.keys() - waiting.keys()) if ledger else {}
            for key, request in ((request.request_hash, request) for request in requests):
                if key in waiting:
                    yield request.product_id, waiting[key]
                elif buffer and key not in known and key not in live:
                    yield from buffer.add(key, request)

    def _cost(self, request: Request) -> float:
        """Estimated USD of a batch call."""
        prompt_tokens = token_counts.estimate(request.characters)
        return self.call_settings.price.cost(prompt_tokens=prompt_tokens, completion_tokens=ANSWER_TOKENS)
