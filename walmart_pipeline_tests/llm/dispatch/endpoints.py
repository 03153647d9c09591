"""Model endpoints that a test scripts, and the dispatcher's scheduler on a clock that jumps instead of waiting."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from walmart_pipeline.llm.calls import Answer, CallError, Message, OnText, Request
from walmart_pipeline.llm.dispatch.budget import Budget
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, Outcome
from walmart_pipeline.llm.dispatch.scheduler import Scheduler, Validate
from walmart_pipeline.llm.ledger import Call, OnCommit

# What an endpoint does with a request: nth is 1 when it is asked for the first time.
Reply = Callable[[Request, int], Awaitable[Answer]]


def request(number: int, text: str = "a kettle") -> Request:
    return Request(f"p{number}", "ollama", "walmart-gpt", None, "1", (Message("user", f"{text} {number}"),))


def requests(many: int) -> list[Request]:
    return [request(number) for number in range(many)]


ANSWER = Answer('{"title": "Kettle"}', prompt_tokens=100, completion_tokens=50, cost_usd=0.01)


def after(seconds: float, error: CallError | None = None) -> Reply:
    async def reply(_: Request, __: int) -> Answer:
        await asyncio.sleep(seconds)
        if error:
            raise error
        return ANSWER

    return reply


@dataclass
class ScriptedClient:
    """A client whose answers are scripted, and what it was asked."""

    reply: Reply = field(default_factory=lambda: after(0.2))
    endpoint: str = "http://one"
    model: str = "walmart-gpt"
    asked: list[tuple[float, str]] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    in_flight_at: list[tuple[float, int]] = field(default_factory=list)
    peak: int = 0
    closed: int = 0

    async def complete(self, request: Request, on_text: OnText | None = None) -> Answer:
        self.asked.append((asyncio.get_running_loop().time(), request.product_id))
        self.times[request.product_id] += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        self.in_flight_at.append((self.asked[-1][0], self.in_flight))
        try:
            return await self.reply(request, self.times[request.product_id])
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        self.closed += 1

    async def digest(self) -> str | None:
        return None

    async def check(self) -> str:
        return "scripted"

    async def models(self) -> list[str]:
        return [self.model]


class Bucket:
    """A server's limit: so many calls a second, with one second's worth at hand; refuses what is above."""

    def __init__(self, per_second: float, seconds: float) -> None:
        self.per_second = self.tokens = per_second
        self.seconds = seconds
        self.at = 0.0
        self.refused = 0

    async def __call__(self, _: Request, __: int) -> Answer:
        now = asyncio.get_running_loop().time()
        self.tokens = min(self.per_second, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < 1:
            self.refused += 1
            await asyncio.sleep(0.005)
            raise CallError("refused", "429", retry_after=1)
        self.tokens -= 1
        await asyncio.sleep(self.seconds)
        return ANSWER


class Memory:
    """A ledger that keeps what it is told, at once."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def record(self, call: Call, on_commit: OnCommit | None = None) -> None:
        self.calls.append(call)
        if on_commit:
            on_commit(None)


@dataclass
class Run:
    """What came of a run. seconds: of the jumping clock."""

    outcomes: list[Outcome]
    seconds: float
    ledger: Memory
    scheduler: Scheduler

    @property
    def classes(self) -> Counter[str | None]:
        return Counter(outcome.error_class for outcome in self.outcomes)


def dispatch(
    wanted: Iterable[Request],
    endpoints: Sequence[ScriptedClient],
    limits: DispatchLimits | None = None,
    budget: Budget | None = None,
    validate: Validate | None = None,
) -> Run:
    """Every request to its outcome, on a clock that jumps to the next thing that happens."""
    ledger, outcomes = Memory(), list[Outcome]()

    async def serve() -> Run:
        broken: list[BaseException] = []

        def deliver(arrival: Outcome | BaseException) -> None:
            if isinstance(arrival, BaseException):
                broken.append(arrival)
            else:
                outcomes.append(arrival)

        scheduler = Scheduler(
            endpoints, ledger, limits or DispatchLimits(), budget or Budget(), validate, deliver, Random(1)
        )
        offered = [(request.request_hash, request) for request in wanted]
        scheduler.offer(offered)
        while len(outcomes) < len(offered) and not broken:
            await asyncio.sleep(0.01)
        seconds = asyncio.get_running_loop().time()
        scheduler.stop("done")
        await scheduler.drain(1)
        if broken:
            raise broken[0]
        return Run(outcomes, seconds, ledger, scheduler)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(serve())


class JumpingSelector(selectors.DefaultSelector):
    """Does not wait: the time that it should wait is added to the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready:
            self.now += timeout or 0.0
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock of its own."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def stand_still(self, seconds: float) -> None:
        """Time passes in which this process does not run."""
        self._jumping.now += seconds
