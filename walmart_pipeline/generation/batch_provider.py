"""A model that is also asked in batches: within a day, at half the price."""

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
from walmart_pipeline.llm.batch import lifecycle
from walmart_pipeline.llm.batch.buffer import BatchBuffer, Deferred
from walmart_pipeline.llm.batch.lifecycle import Log
from walmart_pipeline.llm.batch.store import BatchStore
from walmart_pipeline.llm.calls import Request
from walmart_pipeline.llm.ledger import Ledger

if TYPE_CHECKING:
    from walmart_pipeline.llm.clients.openai import OpenAI

# Questions that are looked up at once.
PAGE = 1_000


class BatchProvider(ModelProvider):
    """A model whose batches of earlier runs are collected, and whose questions go into new ones.

    call_settings: its price is that of a call in a batch where this run sends some. sends: it does; else what earlier runs
    sent is collected and waited for, and all else is asked live.
    """

    def __init__(
        self,
        name: str,
        judge: Judge,
        call_settings: CallSettings,
        *,
        repairs: bool,
        client: Callable[[], OpenAI],
        sends: bool,
    ) -> None:
        super().__init__(name, judge, call_settings, repairs=repairs)
        self._client = client
        self._sends = sends

    def defer(self, tasks: Iterable[Task], log: Log) -> Generator[Deferred, None, None]:
        """Each task whose answer a batch is going to bring, as product id and batch. `write` is for all others.

        Collects what has ended, then sends off what no run has asked yet: by estimate, this is taken from the budget
        that `write` has. What a batch left unanswered is not sent off again, and so is asked live.
        Raises CallError where the provider can't be asked, and LedgerError: what was sent and collected is kept.
        """
        call_settings = self._call_settings
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
                    self._call_settings = replace(call_settings, budget=buffer.budget)
            finally:
                runner.run(client.close())

    def _waiting(
        self, tasks: Iterable[Task], store: BatchStore, ledger: Ledger | None = None, buffer: BatchBuffer | None = None
    ) -> Iterator[Deferred]:
        """What waits already, and what the buffer sends off of the rest, as far as it has to make room."""
        source = iter(tasks)
        while page := list(islice(source, PAGE)):
            requests = [listing_requests.first(self.prompt, product, revision) for product, revision in page]
            asked = [(request.request_hash, request) for request in requests]
            waiting, live = store.pending({key for key, _ in asked})
            known = ledger.lookup({key for key, _ in asked} - waiting.keys()) if ledger else {}
            for key, request in asked:
                if key in waiting:
                    yield request.product_id, waiting[key]
                elif buffer and key not in known and key not in live:
                    yield from buffer.add(key, request)

    def _cost(self, request: Request) -> float:
        """USD of a call in a batch, as the plan estimates it."""
        prompt_tokens = token_counts.estimate(request.characters)
        return self._call_settings.price.cost(prompt_tokens=prompt_tokens, completion_tokens=ANSWER_TOKENS)
