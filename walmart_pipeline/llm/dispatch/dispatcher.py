"""Requests in, outcomes out: model calls for a caller that is no coroutine.

Belongs here: the caller's side of a run: pulling requests, asking the ledger first, handing outcomes over, and the
thread of the event loop. Does not: when and where a call is made (dispatching/), or what is asked (the caller).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from walmart_pipeline.llm.calls import Client, Request
from walmart_pipeline.llm.dispatch.background import Background
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.core import Validate
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, Outcome, Snapshot
from walmart_pipeline.llm.dispatch.run_progress import Tally
from walmart_pipeline.llm.ledger import Found, Ledger

# Requests that the dispatcher holds, from their being pulled to their outcome's being taken: for each place of an
# endpoint so many, and at least so many in all. A caller that stores 500 rows at a time takes no outcomes meanwhile.
HELD_PER_PLACE, HELD_LEAST = 8, 1_024
# One look into the ledger for so many requests, but a slow source does not hold up those that it has given.
PAGE, PAGE_SECONDS = 256, 0.02


class Dispatcher:
    """Makes model calls and remembers their answers.

    clients: one an endpoint; they share the work. They are closed at the end of a run, in the event loop that used
    them. validate: raises CallError("malformed") for an answer that is to be asked for again; it has to be quick.
    since: what the ledger kept before this time is asked for once more. total: the number of requests, for `snapshot`.
    One run at a time.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        ledger: Ledger,
        limits: DispatchLimits | None = None,
        budget: Budget | None = None,
        validate: Validate | None = None,
        *,
        since: datetime | None = None,
        total: int | None = None,
    ) -> None:
        if not clients:
            raise ValueError("a dispatcher needs at least one client")
        self._clients = clients
        self._ledger = ledger
        self._limits = limits or DispatchLimits()
        self._budget = budget or Budget()
        self._validate = validate
        self._since = since
        self._total = total
        self._held_most = max(HELD_LEAST, HELD_PER_PLACE * self._limits.concurrency * len(clients))
        self._background: Background | None = None
        self._tally = Tally()
        self._submitted: deque[Request] = deque()
        self._asked: dict[str, list[Request]] = {}
        self._ready: deque[Outcome] = deque()
        self._held = 0
        self._stopped = False

    def run(self, requests: Iterable[Request]) -> Generator[Outcome, None, None]:
        """An outcome for every request, as they come; what the ledger has is not asked again.

        requests: pulled in this thread, a little ahead of what is asked. More can be added with `submit` while
        outcomes are taken. Closing the iterator stops the run as `stop` does and waits for what is in flight.
        Raises LedgerError if an answer could not be kept, and whatever `requests`, a client or `validate` raise.
        """
        if self._background:
            raise RuntimeError("this dispatcher is running already")
        self._background = Background(self._clients, self._ledger, self._limits, self._budget, self._validate)
        self._tally = Tally()
        try:
            yield from self._outcomes(self._background, iter(requests))
        finally:
            background, self._background = self._background, None
            self._submitted.clear()
            self._asked.clear()
            self._ready.clear()
            self._held = 0
            background.close()

    def submit(self, request: Request) -> None:
        """Add a request while outcomes are taken, such as a repair: it is asked before all that wait, so that a budget
        ends with whole products and not with half of each.

        Its outcome comes out of the same iterator, which ends only after it. Raises RuntimeError if no run is on.
        """
        if not self._background:
            raise RuntimeError("a request can only be submitted while outcomes are taken")
        self._submitted.append(request)

    def stop(self) -> None:
        """Make no further call, now or later; for signal handlers and other threads too.

        Nothing more is pulled; what is held ends as `stopped`, except that calls in flight have the grace time.
        """
        self._stopped = True
        if background := self._background:
            background.stop()

    def snapshot(self) -> Snapshot | None:
        """How far the run is; None if none is on. Cheap, from any thread."""
        background = self._background
        if not background:
            return None
        return self._tally.snapshot(background.core, background.now(), self._total)

    def _outcomes(self, background: Background, source: Iterator[Request]) -> Iterator[Outcome]:
        exhausted = False
        while True:
            exhausted = exhausted or self._stopped
            room = 0 if exhausted else self._held_most - self._held
            # Outcomes go first, unless the workers are about to run out of requests.
            hungry = not self._ready or background.core.fresh < self._limits.concurrency
            if self._submitted:
                submitted = [*self._submitted]
                self._submitted.clear()
                self._hand_in(background, submitted, urgent=True)
            if room > 0 and hungry:
                pulled, exhausted = _page(source, room, exhausted)
                self._hand_in(background, pulled, urgent=False)
            idle = exhausted or self._held >= self._held_most
            for outcome in background.arrived(wait=idle and self._held > 0 and not self._ready):
                self._ready.extend(_shared(outcome, self._asked.pop(outcome.request_hash)))
            if self._ready:
                self._held -= 1
                outcome = self._ready.popleft()
                self._tally.count(outcome)
                yield outcome
            elif exhausted and not self._held and not self._submitted:
                return

    def _hand_in(self, background: Background, requests: list[Request], *, urgent: bool) -> None:
        """Ask the ledger, and the models for what it does not have. Equal requests are asked once."""
        self._held += len(requests)
        new: dict[str, Request] = {}
        for request in requests:
            key = request.request_hash
            if key in self._asked:
                self._asked[key].append(request)
            else:
                self._asked[key] = [request]
                new[key] = request
        for key, found in self._ledger.lookup(new, since=self._since).items():
            outcome = _known(new.pop(key), key, found)
            self._ready.extend(_shared(outcome, self._asked.pop(key)))
        if new:
            background.offer(new.items(), urgent=urgent)


def _page(source: Iterator[Request], room: int, exhausted: bool) -> tuple[list[Request], bool]:
    """The next requests of the source, and whether they are its last."""
    most = min(room, PAGE)
    until = time.monotonic() + PAGE_SECONDS
    page: list[Request] = []
    for request in islice(source, most):
        page.append(request)
        if time.monotonic() >= until:
            return page, exhausted
    return page, exhausted or len(page) < most


def _known(request: Request, request_hash: str, found: Found) -> Outcome:
    return Outcome(
        request,
        request_hash,
        found.answer,
        found.error_class,
        found.error,
        seconds_served=found.seconds_served,
        from_ledger=True,
    )


def _shared(outcome: Outcome, requests: list[Request]) -> Iterator[Outcome]:
    """The outcome for each of the equal requests: only the first was asked and paid for."""
    yield outcome
    for request in requests[1:]:
        answered = outcome.answer is not None
        yield replace(outcome, request=request, attempts=0, cost_usd=0.0, seconds_queued=0.0, from_ledger=answered)
