"""What goes into the dispatcher and what comes out: limits, outcomes, progress."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Completion
from walmart_pipeline.llm.calls import Answer, ErrorClass, Request

# Why a request has no answer: a call's error, or that no call was made. `budget` and `stopped` are never in the ledger.
FailureClass: TypeAlias = ErrorClass | Literal["budget", "stopped"]

# Long enough for a model that takes seconds an answer, short enough to show that a server has stopped.
RATE_SECONDS = 30.0


@dataclass(frozen=True)
class DispatchLimits:
    """Limits of a run. The first five are for each endpoint by itself.

    concurrency: calls in flight at most; how many there are is learned. call_seconds: how long a call that is served
    may be silent before its first text; where the server does not stream, how long it may take. What calls ahead of it
    in the server's queue may take comes on top. silent_seconds: the same after the first text. attempts: per request,
    for errors that can pass; waiting for a busy or absent endpoint is none. outage_seconds: how long every endpoint may
    give no answer before the rest of the run fails; also the longest wait that an endpoint may ask for. grace_seconds:
    how long calls in flight may take when the run is stopped.
    """

    concurrency: int = 64
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    call_seconds: float = 600.0
    silent_seconds: float = 60.0
    attempts: int = 4
    outage_seconds: float = 300.0
    grace_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request: an answer, or why there is none.

    attempts: calls of this run that counted as one. seconds: summed over its calls, or the ledger's.
    cost_usd: paid in this run, unusable answers included.
    """

    request: Request
    request_hash: str
    answer: Answer | None
    error_class: FailureClass | None = None
    error: str | None = None
    attempts: int = 0
    seconds_queued: float = 0.0
    seconds_served: float = 0.0
    cost_usd: float = 0.0
    from_ledger: bool = False

    @property
    def completion(self) -> Completion:
        """The outcome as the stages know it. Its cost is that of the answer, whenever it was paid."""
        answer = self.answer or Answer("")
        return Completion(
            request_hash=self.request_hash,
            provider=self.request.provider,
            model=self.request.model,
            prompt_version=self.request.prompt_version,
            status="complete" if self.answer else "failed",
            text=answer.text,
            error=self.error,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=self.seconds_served,
            cost_usd=answer.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is. rate: outcomes per second lately; seconds_left: None while there is no total or no rate."""

    done: int
    from_ledger: int
    failed: Mapping[FailureClass, int]
    calls: int
    in_flight: int
    limit: int
    rate: float
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    seconds_left: float | None


class Progress:
    """Counts outcomes as the caller takes them."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seconds: deque[tuple[int, int]] = deque()  # (second, outcomes done up to its end)
        self.done = 0
        self.from_ledger = 0
        self.failed: Counter[FailureClass] = Counter()

    def count(self, outcome: Outcome) -> None:
        """Count one more."""
        self.done += 1
        self.from_ledger += outcome.from_ledger
        if outcome.error_class:
            self.failed[outcome.error_class] += 1
        second = int(time.monotonic() - self._began)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self.done)
        else:
            self._seconds.append((second, self.done))
            while self._seconds[0][0] < second - RATE_SECONDS:
                self._seconds.popleft()

    @property
    def rate(self) -> float:
        """Outcomes per second lately."""
        elapsed = time.monotonic() - self._began
        if elapsed <= RATE_SECONDS or not self._seconds:
            return self.done / elapsed if elapsed else 0.0
        since, done = self._seconds[0]
        return (self.done - done) / max(elapsed - since - 1, 1.0)
