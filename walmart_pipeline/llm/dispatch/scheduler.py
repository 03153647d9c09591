"""The dispatcher inside its event loop: which request goes to which endpoint, and what follows from a call's end."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import itemgetter
from random import Random
from typing import Protocol, TypeAlias

from walmart_pipeline.llm.calls import FATAL, PASSING, WAITED_OUT, Answer, CallError, Client, Request, Watcher
from walmart_pipeline.llm.dispatch.budget import Budget, BudgetTracker
from walmart_pipeline.llm.dispatch.endpoint import Endpoint, InFlightCall, retry_delay
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, FailureClass, Outcome
from walmart_pipeline.llm.dispatch.queue import Job, RequestQueue
from walmart_pipeline.llm.dispatch.silence import SilenceTimeout
from walmart_pipeline.llm.ledger import Call, OnCommit
from walmart_pipeline.llm.ledger_claims import Want

Validate: TypeAlias = Callable[[Request, Answer], None]
# A request, the endpoint that takes it, its call there, and the USD that are reserved for it.
Assignment: TypeAlias = tuple[Job, Endpoint, InFlightCall, float]

# How often a drain looks whether what it cancelled has ended.
CANCEL_SECONDS = 0.1


class Recorder(Protocol):
    """The ledger, as far as it is written to."""

    def record(self, call: Call, on_commit: OnCommit | None = None) -> None:
        """See Ledger.record."""
        ...


class Scheduler:
    """Serves requests with as many workers as there are calls in flight. To be made and used inside one event loop.

    deliver: called with each outcome, after the ledger has it, and with an error that is no call's: the ledger can't be
    written, or a client or `validate` has a bug. validate: raises CallError("malformed") for an answer that is of no
    use; called in the loop, so it has to be quick.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        ledger: Recorder,
        limits: DispatchLimits,
        budget: Budget,
        validate: Validate | None,
        deliver: Callable[[Outcome | BaseException], None],
        random: Random,
        watcher: Watcher | None = None,
    ) -> None:
        self.endpoints = [
            Endpoint(client, limits, random, budget.rents.get(client.endpoint, 0.0)) for client in clients
        ]
        self.budget = BudgetTracker(budget)
        self.prompt_tokens = self.completion_tokens = 0
        self._commits = CommitWaiter(ledger)
        self._ledger = ledger
        self._limits = limits
        self._validate = validate
        self._deliver = deliver
        self._random = random
        self._watcher = watcher
        self._loop = asyncio.get_running_loop()
        self._queue = RequestQueue()
        self._end: tuple[FailureClass, str] | None = None
        self._stopping = False
        self._workers: set[asyncio.Task[None]] = set()
        self._parked: list[asyncio.Future[Assignment | None]] = []
        self._calling: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def fresh(self) -> int:
        """Requests that no call was made for yet."""
        return self._queue.fresh

    def offer(self, requests: Iterable[tuple[str, Request]], *, urgent: bool = False) -> None:
        """Take requests with their hashes; each gets one outcome. urgent: sent before what waits."""
        now = self._loop.time()
        self._queue.add((Job(request, key, now, request.characters) for key, request in requests), urgent=urgent)
        self._assign()

    def wants(self) -> list[list[Want]]:
        """For each endpoint, the limits that workers share."""
        now = self._loop.time()
        return [endpoint.wants(now) for endpoint in self.endpoints]

    def allow(self, allowed: Iterable[Sequence[float]], until: float) -> None:
        """Set for each endpoint what may be taken of the limits of `wants`; afterwards no call is made."""
        for endpoint, parts in zip(self.endpoints, allowed, strict=True):
            endpoint.allow(parts, until)
        self._assign()

    def stop(self, why: str) -> None:
        """Make no further call: what waits ends as `stopped`, what is in flight goes on."""
        self._stopping = True
        self._finish("stopped", why)

    async def drain(self, grace_seconds: float) -> None:
        """After `stop`: give calls in flight their time, cancel what is left then, end all workers."""
        for parked in self._parked:
            parked.set_result(None)
        self._parked.clear()
        if self._timer:
            self._timer.cancel()
        patience = grace_seconds
        while self._workers:
            await asyncio.wait(self._workers, timeout=patience)
            self.abandon()
            patience = CANCEL_SECONDS

    def abandon(self) -> None:
        """Cancel the calls in flight. An answer that is being committed is not: that is a matter of milliseconds."""
        for worker in self._calling:
            worker.cancel()

    def _assign(self) -> None:
        """Give work to idle workers, as long as there is any."""
        while assignment := self._next():
            if self._parked:
                self._parked.pop().set_result(assignment)
            else:
                worker = self._loop.create_task(self._work(assignment))
                self._workers.add(worker)
                worker.add_done_callback(self._ended)

    def _next(self) -> Assignment | None:
        """The next request, with the endpoint that takes it now. Retries come before requests not sent yet."""
        now = self._loop.time()
        if not self._end:
            self._end = self._outage(now)
        if self._end:
            self._finish(*self._end)
        job = self._queue.first(now)
        if not job:
            self._wake(self._queue.next_due)
            return None
        when, endpoint = self._pick(job, now)
        if when > now:
            self._wake(min(when, self._queue.next_due))
            return None
        rent = sum(each.rent_at_most(now) for each in self.endpoints if each.in_flight or each is endpoint)
        reserved = self.budget.reserve(job.request, rent)
        if reserved is None:
            # What is in flight may turn out cheaper than what was reserved for it.
            if not any(endpoint.in_flight for endpoint in self.endpoints):
                self._finish("budget", self.budget.reached)
            return None
        return self._queue.pop(), endpoint, endpoint.sent(now, job.characters), reserved

    def _pick(self, job: Job, now: float) -> tuple[float, Endpoint]:
        """The endpoint that can take it first; of several, the one with the smallest part of its limit in use.

        The part is of limit times weight.
        """
        if len(self.endpoints) == 1:
            return self.endpoints[0].when(now, job.characters), self.endpoints[0]
        when, _, _, endpoint = min(
            (
                endpoint.when(now, job.characters),
                endpoint.in_flight / (max(1, endpoint.limit) * endpoint.weight),
                number,
                endpoint,
            )
            for number, endpoint in enumerate(self.endpoints)
        )
        return when, endpoint

    def _outage(self, now: float) -> tuple[FailureClass, str] | None:
        """Why the run can't go on, if every endpoint has been unresponsive for too long."""
        patience = self._limits.outage_seconds
        seconds, endpoint = min(
            ((endpoint.unresponsive_for(now), endpoint) for endpoint in self.endpoints if not endpoint.dead),
            key=itemgetter(0),
            default=(0.0, None),
        )
        if not endpoint or not seconds or not endpoint.last_failure:
            return None
        if seconds < patience:
            self._wake(now + patience - seconds)
            return None
        last = endpoint.last_failure
        why = f"no endpoint has answered for {patience:.0f} s; the last error, at {endpoint.client.endpoint}: {last}"
        return last.error_class, why

    def _wake(self, at: float) -> None:
        """Look again at this time, unless that is going to happen earlier anyway."""
        if at == math.inf or (self._timer and self._timer.when() <= at):
            return
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._assign()

    def _finish(self, error_class: FailureClass, why: str) -> None:
        """Make no further call; everything that waits, and whatever is offered from now on, ends with this."""
        self._end = error_class, why
        for job in self._queue.clear():
            self._deliver(job.outcome(None, error_class, why))

    async def _work(self, assignment: Assignment | None) -> None:
        while assignment:
            await self._serve(*assignment)
            assignment = self._next()
            self._assign()  # the call's end may have made room for more than this worker
            if not assignment and not self._stopping:
                parked: asyncio.Future[Assignment | None] = self._loop.create_future()
                self._parked.append(parked)
                assignment = await parked

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()):
            # To go on would waste what is paid.
            self.stop(f"an error ended the run: {error}")
            self._deliver(error)

    async def _serve(self, job: Job, endpoint: Endpoint, call: InFlightCall, reserved: float) -> None:
        """Make one call. It is in flight until the ledger has it: a kill repeats no more than that."""
        queued = call.began - job.waiting_since
        paid, rent, cost, counts = Answer(""), None, 0.0, False
        try:
            outcome = await self._call(job.request, endpoint, call)
            now = self._loop.time()
            job.waiting_since = now
            rent = endpoint.rent(call, now)
            # An unusable answer is a response all the same, and shows how quick the endpoint is.
            answer = outcome if isinstance(outcome, Answer) else outcome.billed
            counts = isinstance(outcome, Answer) or self._counts(job, endpoint, call, outcome)
            if answer:
                paid = answer
                endpoint.answered(call, now, answer, outcome.quotas)
            elif isinstance(outcome, CallError):
                endpoint.failed(call, now, outcome)
            job.attempts += counts
            self.prompt_tokens += paid.prompt_tokens
            self.completion_tokens += paid.completion_tokens
            job.seconds_served += now - call.began
            cost = paid.cost_usd + rent
            job.cost_usd += cost
            record = Call.of(
                job.request,
                job.request_hash,
                endpoint.client.endpoint,
                outcome=outcome,
                attempt=job.attempts,
                seconds_queued=queued,
                seconds_served=now - call.began,
                cost_usd=cost,
            )
            if isinstance(outcome, CallError) and self._retry(job, outcome):
                self._ledger.record(record)
                return
            await self._commits.record(record)
            if isinstance(outcome, CallError):
                self._deliver(job.outcome(None, outcome.error_class, str(outcome)))
            else:
                self._deliver(job.outcome(replace(outcome, cost_usd=cost)))
        except asyncio.CancelledError:
            endpoint.abandoned(call)
            if rent is None:
                cost = endpoint.rent(call, self._loop.time())
            self._deliver(job.outcome(None, "stopped", "the run was stopped before the answer came"))
            raise
        finally:
            endpoint.in_flight -= 1
            self.budget.settle(reserved, cost, counts=counts)

    async def _call(self, request: Request, endpoint: Endpoint, call: InFlightCall) -> Answer | CallError:
        """A whole answer, or the error."""

        worker = asyncio.current_task()
        assert worker  # noqa: S101  (this runs in a worker)

        def on_text(text: str) -> None:
            if worker not in self._calling:
                return  # a piece that was under way when the call was given up
            now = self._loop.time()
            if call.first_text is None:
                call.first_text = now
            silence.restart(endpoint.patience(call))
            if self._watcher:
                self._watcher.piece(text)

        if self._watcher:
            self._watcher.call_started(request)
        self._calling.add(worker)
        try:
            async with asyncio.timeout(None) as timeout:
                silence = SilenceTimeout(timeout, endpoint.patience(call))
                try:
                    answer = await endpoint.client.complete(request, on_text)
                finally:
                    silence.cancel()
        except TimeoutError:
            seconds, what = endpoint.patience(call), "more" if call.first_text else "answer"
            return CallError("timeout", f"no {what} came for {seconds:g} s")
        except CallError as error:
            return error
        finally:
            self._calling.discard(worker)
        if self._validate:
            try:
                self._validate(request, answer)
            except CallError as error:
                error.billed, error.quotas = answer, answer.quotas
                return error
        return answer

    def _counts(self, job: Job, endpoint: Endpoint, call: InFlightCall, error: CallError) -> bool:
        """Whether a failed call is an attempt of its request."""
        if error.error_class == "timeout" and endpoint.may_be_queued(call):
            job.queue_timeouts += 1
            return job.queue_timeouts > self._limits.attempts
        return error.error_class not in WAITED_OUT | FATAL

    def _retry(self, job: Job, error: CallError) -> bool:
        """Whether the request is sent once more; if so, it is back in the queue."""
        kind = error.error_class
        if kind in FATAL:
            if all(endpoint.dead for endpoint in self.endpoints):
                if not self._end:
                    self._finish(kind, f"not asked, as every request would fail alike: {error}")
                return False
            wait = 0.0
        elif (kind in PASSING and job.attempts < self._limits.attempts) or (
            kind in WAITED_OUT and (error.retry_after or 0) <= self._limits.outage_seconds
        ):
            wait = retry_delay(error, job.attempts, self._random)
        else:
            return False
        self._queue.retry(job, self._loop.time() + wait)
        return True


class CommitWaiter:
    """Lets a worker wait until the ledger's thread has committed its call."""

    def __init__(self, ledger: Recorder) -> None:
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._committed: deque[tuple[asyncio.Future[None], Exception | None]] = deque()
        self._is_woken = False

    async def record(self, call: Call) -> None:
        """Return when the call is committed. Raises LedgerError."""
        future: asyncio.Future[None] = self._loop.create_future()

        def on_commit(error: Exception | None) -> None:
            self._committed.append((future, error))
            # Waking the loop costs more than the commit of one call: once is enough for a batch.
            if not self._is_woken:
                self._is_woken = True
                self._loop.call_soon_threadsafe(self._settle)

        self._ledger.record(call, on_commit)
        await future

    def _settle(self) -> None:
        self._is_woken = False  # before the queue is read: what is committed later wakes the loop again
        while self._committed:
            future, error = self._committed.popleft()
            if future.done():
                continue
            if error:
                future.set_exception(error)
            else:
                future.set_result(None)
