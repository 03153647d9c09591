"""One run of a dispatcher among all that share a ledger: what it claimed, and its part of the endpoints' limits."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.run_account import RunAccount
from walmart_pipeline.llm.dispatch.scheduler import Scheduler
from walmart_pipeline.llm.ledger import Call, Claimed, Ledger, OnCommit
from walmart_pipeline.llm.ledger_claims import BEAT_SECONDS, DEAD_SECONDS
from walmart_pipeline.llm.ledger_database import LedgerError


class Worker:
    """Claims requests before they are sent, releases each with the commit of its last call, and beats meanwhile.

    budget: with the account of its run, where its workers share one. Raises LedgerError if the ledger can't be written.
    """

    def __init__(self, ledger: Ledger, budget: Budget) -> None:
        self._ledger = ledger
        self.budget = budget
        self._account: RunAccount | None = None
        if budget.run_id and budget.usd is not None and not budget.account:
            self._account = RunAccount(ledger, budget.run_id, budget.usd)
            self.budget = replace(budget, account=self._account)
        self._id = uuid.uuid4().hex
        self._claimed: set[str] = set()
        ledger.join(self._id)

    def claim(self, hashes: Iterable[str]) -> Claimed:
        """See Ledger.claim."""
        claimed = self._ledger.claim(self._id, hashes)
        self._claimed |= claimed.mine
        return claimed

    def record(self, call: Call, on_commit: OnCommit | None = None) -> None:
        """See Ledger.record. A call that someone waits for is the last of its request."""
        self._ledger.record(call, on_commit, worker_id=self._id if on_commit else None)

    def ended(self, request_hash: str, *, has_answer: bool) -> None:
        """A request has its outcome. Where no call ended it, its claim is released here."""
        self._claimed.discard(request_hash)
        if not has_answer:
            self._ledger.release(self._id, [request_hash])

    async def beat(self, scheduler: Scheduler) -> None:
        """Keep the claims and the shares, in the event loop of the scheduler, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began, wants = loop.time(), scheduler.wants()
            flat = [want for each in wants for want in each]
            # While the database is away nothing is committed either; what is allowed ends by itself.
            with suppress(LedgerError):
                allowed = iter(await asyncio.to_thread(self._ledger.beat, self._id, [*self._claimed], flat))
                # Others take a silent worker for dead by the database's clock: this one gives up a beat earlier.
                until = began + DEAD_SECONDS - BEAT_SECONDS
                scheduler.allow([[next(allowed) for _ in each] for each in wants], until)
            await asyncio.sleep(BEAT_SECONDS)

    def leave(self, scheduler: Scheduler) -> None:
        """Release everything, after the last call has ended."""
        now = time.monotonic()  # the clock of the event loop, which has ended
        with suppress(LedgerError):  # then others take over as from a worker that was killed
            if self._account:
                self._account.close()
            wants = []
            for endpoint in scheduler.endpoints:
                endpoint.allow([0.0] * len(endpoint.wants(now)), now)
                wants += endpoint.wants(now)
            self._ledger.leave(self._id, wants)
