"""The dispatcher inside its event loop: which request goes to which endpoint, and what follows from the call's end.

Belongs here: the queues, the workers, the end of a run. Does not: threads (dispatcher.py), or what holds an endpoint
back (endpoint.py).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from random import Random
from typing import TypeAlias

from walmart_pipeline.llm.calls import FATAL, PASSING, WAITED_OUT, Answer, CallError, Client, Request
from walmart_pipeline.llm.dispatch.budget import Budget, Purse
from walmart_pipeline.llm.dispatch.commit_waiter import Receipts, Recorder
from walmart_pipeline.llm.dispatch.endpoint import Flight, Lane
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, FailureClass, Outcome
from walmart_pipeline.llm.dispatch.queue import Job, Waiting
from walmart_pipeline.llm.dispatch.rate_limiter import characters
from walmart_pipeline.llm.dispatch.retry import delay
from walmart_pipeline.llm.ledger import Call

Validate: TypeAlias = Callable[[Request, Answer], None]

# How often a drain looks whether what it cancelled has ended.
CANCEL_SECONDS = 0.1


Turn: TypeAlias = tuple[Job, Lane, Flight, float]


class Core:
    """Serves requests with as many workers as there can be calls at once. To be made and used inside one event loop.

    deliver: told each outcome, after the ledger has it. broken: told an error that is no call's: the ledger can't be
    written, or a client or `validate` has a bug. validate: raises CallError("malformed") for an answer that is
    of no use; called in the loop, so it has to be quick.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        ledger: Recorder,
        limits: DispatchLimits,
        budget: Budget,
        validate: Validate | None,
        deliver: Callable[[Outcome], None],
        broken: Callable[[BaseException], None],
        chance: Random,
    ) -> None:
        self.lanes = [Lane(client, limits, chance) for client in clients]
        self.purse = Purse(budget)
        self.calls = self.prompt_tokens = self.completion_tokens = 0
        self._receipts = Receipts(ledger)
        self._limits = limits
        self._validate = validate
        self._deliver = deliver
        self._broken = broken
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._waiting = Waiting()
        self._end: tuple[FailureClass, str] | None = None
        self._stopping = False
        self._workers: set[asyncio.Task[None]] = set()
        self._parked: list[asyncio.Future[Turn | None]] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def fresh(self) -> int:
        """Requests that no call was made for yet."""
        return self._waiting.fresh

    def offer(self, requests: Iterable[tuple[str, Request]], *, urgent: bool = False) -> None:
        """Take requests with their hashes; each gets one outcome. urgent: asked before what waits."""
        now = self._loop.time()
        jobs = (Job(request, key, now, characters(request)) for key, request in requests)
        self._waiting.add(jobs, urgent=urgent)
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
        for worker in self._asking:
            worker.cancel()

    # Whose turn it is

    def _assign(self) -> None:
        """Turns for idle workers, as long as there are any."""
        while turn := self._turn():
            if self._parked:
                self._parked.pop().set_result(turn)
            else:
                worker = self._loop.create_task(self._work(turn))
                self._workers.add(worker)
                worker.add_done_callback(self._ended)

    def _turn(self) -> Turn | None:
        """The next request, with the endpoint that takes it now. Retries come before requests not asked yet."""
        now = self._loop.time()
        if not self._end:
            self._end = self._outage(now)
        if self._end:
            self._finish(*self._end)
        job = self._waiting.first(now)
        if not job:
            self._wake(self._waiting.next_due)
            return None
        when, lane = self._pick(job, now)
        if when > now:
            self._wake(min(when, self._waiting.next_due))
            return None
        set_aside = self.purse.set_aside(job.request)
        if set_aside is None:
            # What is in flight may turn out cheaper than was set aside for it.
            if not any(lane.in_flight for lane in self.lanes):
                self._finish("budget", self.purse.reached)
            return None
        return self._waiting.take(), lane, lane.asked(now, job.characters), set_aside

    def _pick(self, job: Job, now: float) -> tuple[float, Lane]:
        """The endpoint that can take it first; of several, the one with the largest share of its places free."""
        if len(self.lanes) == 1:
            return self.lanes[0].when(now, job.characters), self.lanes[0]
        when, _, _, lane = min(
            (lane.when(now, job.characters), lane.in_flight / max(1, lane.limit(now)), number, lane)
            for number, lane in enumerate(self.lanes)
        )
        return when, lane

    def _outage(self, now: float) -> tuple[FailureClass, str] | None:
        """Why the run can't go on, if every endpoint has been silent for too long."""
        patience = self._limits.outage_seconds
        silent, lane = min(
            ((lane.silent_for(now), lane) for lane in self.lanes if not lane.dead),
            key=itemgetter(0),
            default=(0.0, None),
        )
        if not lane or not silent or not lane.last_failure:
            return None
        if silent < patience:
            self._wake(now + patience - silent)
            return None
        last = lane.last_failure
        why = f"no endpoint has answered for {patience:.0f} s; the last error, at {lane.client.endpoint}: {last}"
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
        for job in self._waiting.clear():
            self._deliver(job.outcome(None, error_class, why))

    # The workers

    async def _work(self, turn: Turn | None) -> None:
        while turn:
            await self._serve(*turn)
            turn = self._turn()
            self._assign()  # the call's end may have made room for more than this worker
            if not turn and not self._stopping:
                parked: asyncio.Future[Turn | None] = self._loop.create_future()
                self._parked.append(parked)
                turn = await parked

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()):
            # To go on would waste what is paid.
            self.stop(f"an error ended the run: {error}")
            self._broken(error)

    async def _serve(self, job: Job, lane: Lane, flight: Flight, set_aside: float) -> None:
        """One call and what follows. It is in flight until the ledger has it: a kill repeats no more than that."""
        self.calls += 1
        queued = flight.began - job.waiting_since
        paid, counts = Answer(""), False
        try:
            answer, error = await self._ask(job, lane)
            now = self._loop.time()
            job.waiting_since = now
            if error:
                counts = error.error_class not in WAITED_OUT | FATAL
                job.attempts += counts
                paid = error.billed or paid
                # An answer of no use came whole all the same, and says how quick the endpoint is.
                if error.error_class == "malformed" and error.billed:
                    lane.answered(flight, now, error.billed, error.quotas)
                else:
                    lane.failed(flight, now, error)
            elif answer:
                counts, paid = True, answer
                job.attempts += 1
                lane.answered(flight, now, answer, answer.quotas)
            self.prompt_tokens += paid.prompt_tokens
            self.completion_tokens += paid.completion_tokens
            job.seconds_queued += queued
            job.seconds_served += now - flight.began
            job.cost_usd += paid.cost_usd
            call = Call.of(
                job.request,
                job.request_hash,
                lane.client.endpoint,
                answer=answer or (error.billed if error else None),
                error_class=error.error_class if error else None,
                error=str(error) if error else None,
                attempt=job.attempts,
                seconds_queued=queued,
                seconds_served=now - flight.began,
            )
            if error and self._again(job, error):
                self._receipts.note(call)
                return
            await self._receipts.record(call)
            if error:
                self._deliver(job.outcome(None, error.error_class, str(error)))
            else:
                self._deliver(job.outcome(answer))
        except asyncio.CancelledError:
            lane.abandoned(flight)
            self._deliver(job.outcome(None, "stopped", "the run was stopped before the answer came"))
            raise
        finally:
            lane.in_flight -= 1
            self.purse.settle(set_aside, paid.cost_usd, counts=counts)

    async def _ask(self, job: Job, lane: Lane) -> tuple[Answer | None, CallError | None]:
        """A whole answer, or the error."""
        worker = asyncio.current_task()
        assert worker  # noqa: S101  (this runs in a worker)
        self._asking.add(worker)
        try:
            async with asyncio.timeout(self._limits.call_seconds):
                answer = await lane.client.complete(job.request)
        except TimeoutError:
            return None, CallError("timeout", f"no whole answer came within {self._limits.call_seconds:g} s")
        except CallError as error:
            return None, error
        finally:
            self._asking.discard(worker)
        if self._validate:
            try:
                self._validate(job.request, answer)
            except CallError as error:
                error.billed, error.quotas = answer, answer.quotas
                return None, error
        return answer, None

    def _again(self, job: Job, error: CallError) -> bool:
        """Whether the request is asked once more; if so, it waits for that from now on."""
        kind = error.error_class
        if kind in FATAL:
            if all(lane.dead for lane in self.lanes):
                if not self._end:
                    self._finish(kind, f"not asked, as every request would fail alike: {error}")
                return False
            wait = 0.0
        elif (kind in PASSING and job.attempts < self._limits.attempts) or (
            kind in WAITED_OUT and (error.retry_after or 0) <= self._limits.outage_seconds
        ):
            wait = delay(error, job.attempts, self._chance)
        else:
            return False
        self._waiting.retry(job, self._loop.time() + wait)
        return True
