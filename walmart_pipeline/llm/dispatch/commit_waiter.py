"""The ledger's commits, told to the event loop.

Belongs here: crossing from the ledger's thread, once for each batch. Does not: what is kept (ledger.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from walmart_pipeline.llm.ledger import Call, OnCommit


class Recorder(Protocol):
    """The ledger, as far as it is written to."""

    def record(self, call: Call, on_commit: OnCommit | None = None) -> None:
        """See Ledger.record."""
        ...


class Receipts:
    """Lets a worker wait until its call is committed."""

    def __init__(self, ledger: Recorder) -> None:
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[tuple[asyncio.Future[None], Exception | None]] = deque()
        self._told = False

    def note(self, call: Call) -> None:
        """Keep a call that nobody waits for. Raises LedgerError if an earlier one could not be kept."""
        self._ledger.record(call)

    async def record(self, call: Call) -> None:
        """Return when the call is committed. Raises LedgerError."""
        committed: asyncio.Future[None] = self._loop.create_future()

        def on_commit(error: Exception | None) -> None:
            self._arrived.append((committed, error))
            # Waking the loop costs more than the commit of one call: once is enough for a batch.
            if not self._told:
                self._told = True
                self._loop.call_soon_threadsafe(self._settle)

        self._ledger.record(call, on_commit)
        await committed

    def _settle(self) -> None:
        self._told = False  # before the queue is read: what arrives later wakes the loop again
        while self._arrived:
            committed, error = self._arrived.popleft()
            if committed.done():
                continue
            if error:
                committed.set_exception(error)
            else:
                committed.set_result(None)
