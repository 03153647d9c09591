"""Collects a run's requests into batches within its budget."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from walmart_pipeline.llm.batch import lifecycle
from walmart_pipeline.llm.batch.store import BatchStore
from walmart_pipeline.llm.calls import Deferred, Request
from walmart_pipeline.llm.clients.openai import OpenAI
from walmart_pipeline.llm.clients.openai_batch import InputFile
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.pricing import Price


class BatchBuffer(AbstractContextManager["BatchBuffer"]):
    """Collects requests and submits a batch whenever its file is full; `flush` submits the last one.

    price: of a batch call. estimate: USD of one such call. run: runs a coroutine in the client's event loop. budget:
    with the estimated cost of submitted requests committed.
    """

    def __init__(
        self,
        client: OpenAI,
        store: BatchStore,
        ledger: Ledger,
        price: Price,
        budget: Budget,
        *,
        estimate: Callable[[Request], float],
        run: Callable[[Coroutine[Any, Any, Any]], Any],
    ) -> None:
        self._client, self._store, self._ledger = client, store, ledger
        self._price, self._estimate, self._run = price, estimate, run
        self.budget = budget
        self._file = InputFile(client)
        self._sample: Request | None = None
        self._products: list[str] = []
        self._probe_key: str | None = None

    def add(self, key: str, request: Request) -> Iterator[Deferred]:
        """Add a request if the budget allows. Yields what had to be submitted to make room.

        The first request becomes a live call instead. Raises CallError and LedgerError.
        """
        if key == self._probe_key:
            return
        if key not in self._file.product_ids:
            committed = self.budget.commit(self._estimate(request))
            if committed is None:
                return
            if self._probe_key is None:
                self._probe_key = key
                paid = self._run(lifecycle.probe(self._client, self._ledger, request, key))
                self.budget = replace(committed, committed_usd=self.budget.committed_usd + paid)
                return
            if not self._file.add(key, request):
                yield from self.flush()
                self._file.add(key, request)
            self.budget = committed
            self._sample = request
        self._products.append(request.product_id)

    def flush(self) -> Iterator[Deferred]:
        """Submit the file. Yields each product with its batch. Raises CallError and LedgerError."""
        if self._sample is None:
            return
        batch = self._run(lifecycle.send(self._client, self._store, self._file, self._sample, self._price))
        yield from ((product_id, batch) for product_id in self._products)
        self._file.empty()
        self._sample, self._products = None, []

    def __exit__(self, *_: object) -> None:
        self._file.close()
