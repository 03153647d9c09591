"""Makes model calls for synchronous callers.

The dispatcher pulls requests, looks them up in the ledger and yields outcomes. A Scheduler makes the calls in the
thread of an event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from queue import Empty, SimpleQueue
from random import Random

from walmart_pipeline.llm.calls import Answer, Client, Request, Watcher
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, Outcome, Usage
from walmart_pipeline.llm.dispatch.scheduler import Scheduler, Validate
from walmart_pipeline.llm.dispatch.worker import Worker
from walmart_pipeline.llm.ledger import Claimed, Found, Ledger

# Requests that the dispatcher holds, from when they are pulled until their outcome is taken: for each call that an
# endpoint may have in flight, and in all. A caller that stores 500 rows at a time takes no outcomes meanwhile.
HELD_PER_CALL, HELD_LEAST = 8, 1_024
# One query of the ledger for so many requests, but a slow source does not hold up those that it has given.
PAGE, PAGE_SECONDS = 256, 0.02
# Pauses between two looks for the answers of other workers: one query for all of them, of 6 ms for 1,000.
POLL_FIRST_SECONDS, POLL_GROWTH, POLL_MOST_SECONDS = 0.05, 1.5, 2.0


class Dispatcher:
    """Makes model calls, one run at a time, and stores their answers in the ledger.

    clients: one per endpoint; closed at the end of a run. validate: raises CallError("malformed") for an answer that
    needs a retry; it has to be quick. watcher: follows streamed answers.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        ledger: Ledger,
        limits: DispatchLimits | None = None,
        budget: Budget | None = None,
        validate: Validate | None = None,
        *,
        watcher: Watcher | None = None,
    ) -> None:
        if not clients:
            raise ValueError("a dispatcher needs at least one client")
        self._clients = clients
        self._ledger = ledger
        self._limits = limits or DispatchLimits()
        self._budget = budget or Budget()
        self._validate = validate
        self._watcher = watcher
        self._held_most = max(HELD_LEAST, HELD_PER_CALL * self._limits.concurrency * len(clients))
        self._background: EventLoopThread | None = None
        self._worker: Worker | None = None
        self._submitted: deque[Request] = deque()
        self._asked: dict[str, list[Request]] = {}
        # Requests that another worker is sending.
        self._elsewhere: dict[str, Request] = {}
        self._poll_at, self._poll_pause = 0.0, POLL_FIRST_SECONDS
        self._ready: deque[Outcome] = deque()
        self._held = 0
        self._stopped = False

    def run(self, requests: Iterable[Request]) -> Generator[Outcome, None, None]:
        """Yield an outcome for every request, in order of arrival, from the ledger or by a call.

        requests: pulled in this thread, slightly ahead. More can be added with `submit` meanwhile. Closing the iterator
        stops the run like `stop` and waits for calls in flight.
        Raises LedgerError if an answer could not be stored, and whatever `requests`, a client or `validate` raise.
        """
        if self._background:
            raise RuntimeError("this dispatcher is running already")
        worker = self._worker = Worker(self._ledger, self._budget)
        self._background = EventLoopThread(self._clients, self._limits.grace_seconds, self._scheduler, worker.beat)
        try:
            yield from self._outcomes(self._background, worker, iter(requests))
        finally:
            background, self._background = self._background, None
            self._submitted.clear()
            self._asked.clear()
            self._elsewhere.clear()
            self._ready.clear()
            self._held = 0
            try:
                background.close()
            finally:
                worker.leave(background.scheduler)

    def submit(self, request: Request) -> None:
        """Add a request during a run, such as a repair, before all that wait, so that products are finished first.

        The same iterator yields its outcome. Raises RuntimeError without a run.
        """
        if not self._background:
            raise RuntimeError("a request can only be submitted while outcomes are taken")
        self._submitted.append(request)

    def stop(self) -> None:
        """Make no further call; safe in signal handlers and other threads.

        Waiting requests end as `stopped`; calls in flight have the grace time.
        """
        self._stopped = True
        if background := self._background:
            background.stop()

    def usage(self) -> Usage | None:
        """Usage of the current run, or None; thread-safe."""
        if not (background := self._background):
            return None
        scheduler = background.scheduler
        return Usage(scheduler.prompt_tokens, scheduler.completion_tokens, scheduler.budget.spent_usd)

    def _scheduler(self, deliver: Callable[[Outcome | BaseException], None]) -> Scheduler:
        assert self._worker  # noqa: S101  (a run has one)
        random = Random()  # noqa: S311  (no secret)
        scheduler = Scheduler(
            self._clients,
            self._worker,
            self._limits,
            self._worker.budget,
            self._validate,
            deliver,
            random,
            self._watcher,
        )
        # Nothing before the first beat has told what others use.
        scheduler.allow([[0.0] * len(wants) for wants in scheduler.wants()], 0.0)
        return scheduler

    def _outcomes(self, background: EventLoopThread, worker: Worker, source: Iterator[Request]) -> Iterator[Outcome]:
        exhausted = False
        while True:
            exhausted = exhausted or self._stopped
            room = 0 if exhausted else self._held_most - self._held
            # Outcomes go first, unless the workers are about to run out of requests. A page is looked up and claimed in
            # 3 ms, a single request in 1 ms.
            starving = background.scheduler.fresh < self._limits.concurrency
            hungry = room > 0 and (starving or (not self._ready and room >= PAGE))
            if self._submitted:
                submitted = [*self._submitted]
                self._submitted.clear()
                self._hand_in(background, worker, submitted, urgent=True)
            if hungry:
                pulled, exhausted = _page(source, room, exhausted)
                self._hand_in(background, worker, pulled, urgent=False)
            if self._elsewhere:
                self._poll(background, worker)
            wait = (exhausted or not hungry) and self._held > 0 and not self._ready
            patience = max(0.0, self._poll_at - time.monotonic()) if self._elsewhere else None
            for outcome in background.arrived(wait=wait, patience=patience):
                worker.ended(outcome.request_hash, has_answer=outcome.answer is not None)
                self._ready.extend(_shared(outcome, self._asked.pop(outcome.request_hash)))
            if self._ready:
                self._held -= 1
                outcome = self._ready.popleft()
                yield outcome
            elif exhausted and not self._held and not self._submitted:
                return

    def _hand_in(self, background: EventLoopThread, worker: Worker, requests: list[Request], *, urgent: bool) -> None:
        """Look requests up in the ledger, claim the others and schedule a call for each, one for equal requests."""
        self._held += len(requests)
        new: dict[str, Request] = {}
        for request in requests:
            key = request.request_hash
            if key in self._asked:
                self._asked[key].append(request)
            else:
                self._asked[key] = [request]
                new[key] = request
        self._look_up(background, worker, new, urgent=urgent)

    def _look_up(
        self, background: EventLoopThread, worker: Worker, new: dict[str, Request], *, urgent: bool = False
    ) -> None:
        hits = self._take(new, self._ledger.lookup(new))
        claimed = worker.claim(new) if new else Claimed(set(), {})
        hits += self._take(new, claimed.found)
        self._ledger.record_hits(hits)
        mine = {key: new.pop(key) for key in [*new] if key in claimed.mine}
        if mine:
            background.offer(mine.items(), urgent=urgent)
        if new and not self._elsewhere:
            self._poll_pause = POLL_FIRST_SECONDS
            self._poll_at = time.monotonic() + self._poll_pause
        self._elsewhere |= new

    def _take(self, new: dict[str, Request], known: dict[str, Found]) -> list[tuple[Request, Answer]]:
        """Turn requests that the ledger knows into outcomes; returns those that it answers."""
        hits: list[tuple[Request, Answer]] = []
        for key, found in known.items():
            request = new.pop(key)
            # A batch's answer is read from the ledger for the first time, too.
            if found.answer and not found.is_batch:
                hits.append((request, found.answer))
            self._ready.extend(_shared(_known(request, key, found), self._asked.pop(key)))
        return hits

    def _poll(self, background: EventLoopThread, worker: Worker) -> None:
        """Look for answers of other workers, and take over what they gave up."""
        if self._stopped:
            for key, request in self._elsewhere.items():
                stopped = Outcome(request, key, None, "stopped", "the run was stopped")
                self._ready.extend(_shared(stopped, self._asked.pop(key)))
            self._elsewhere.clear()
        elif time.monotonic() >= self._poll_at:
            waiting, self._elsewhere = self._elsewhere, {}
            before, pause = len(waiting), self._poll_pause
            self._look_up(background, worker, waiting)
            if len(self._elsewhere) == before:
                self._poll_pause = min(pause * POLL_GROWTH, POLL_MOST_SECONDS)
                self._poll_at = time.monotonic() + self._poll_pause


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
    """The outcome for each of the equal requests, of which only the first was called."""
    yield outcome
    for request in requests[1:]:
        answered = outcome.answer is not None
        yield replace(outcome, request=request, attempts=0, cost_usd=0.0, from_ledger=answered)


class EventLoopThread:
    """Runs a Scheduler in a thread of its own. All methods are for the caller's thread.

    make: makes the scheduler, inside the event loop. beat: runs beside it there until its last call has ended.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        grace_seconds: float,
        make: Callable[[Callable[[Outcome | BaseException], None]], Scheduler],
        beat: Callable[[Scheduler], Coroutine[None, None, None]],
    ) -> None:
        self._out: SimpleQueue[Outcome | BaseException] = SimpleQueue()
        self._stopping, self._closing = asyncio.Event(), asyncio.Event()
        self._started: Future[tuple[asyncio.AbstractEventLoop, Scheduler]] = Future()

        async def serve() -> None:
            scheduler = make(self._out.put)
            beating = asyncio.create_task(beat(scheduler))
            beating.add_done_callback(self._beaten)
            self._started.set_result((asyncio.get_running_loop(), scheduler))
            await self._stopping.wait()
            await scheduler.drain(grace_seconds)
            beating.cancel()
            await self._closing.wait()
            for client in clients:
                await client.close()

        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dispatcher")
        self._served = self._thread.submit(asyncio.run, serve())
        self._served.add_done_callback(self._ended)
        self._loop, self.scheduler = self._started.result()

    def offer(self, requests: Iterable[tuple[str, Request]], *, urgent: bool) -> None:
        """Schedule requests with their hashes. urgent: before those that wait."""
        self._loop.call_soon_threadsafe(partial(self.scheduler.offer, list(requests), urgent=urgent))

    def arrived(self, *, wait: bool, patience: float | None = None) -> list[Outcome]:
        """Outcomes since the last look. Raises what went wrong inside.

        wait: for one if there is none, for `patience` seconds or without end.
        """
        outcomes = []
        try:
            arrival = self._out.get(block=wait, timeout=patience)
            while True:
                if isinstance(arrival, BaseException):
                    raise arrival
                outcomes.append(arrival)
                arrival = self._out.get_nowait()
        except Empty:
            return outcomes

    def stop(self) -> None:
        """No further call; calls in flight have the grace time. Returns at once, also inside a signal handler."""
        self._tell(self.scheduler.stop, "the run was stopped")
        self._tell(self._stopping.set)

    def close(self) -> None:
        """Stop, and wait until nothing is in flight and the thread has ended. Interrupted, it waits no longer."""
        self.stop()
        self._tell(self._closing.set)
        try:
            self._served.result()
        except KeyboardInterrupt:
            self._tell(self.scheduler.abandon)
            self._served.result()
            raise
        finally:
            self._thread.shutdown()

    def _tell(self, what: Callable[..., object], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *arguments)

    def _beaten(self, beating: asyncio.Task[None]) -> None:
        if not beating.cancelled() and (error := beating.exception()):
            self._out.put(error)

    def _ended(self, served: Future[None]) -> None:
        if error := served.exception():
            self._out.put(error)
            if not self._started.done():
                self._started.set_exception(error)
