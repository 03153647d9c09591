"""One endpoint as the dispatcher sees it.

Belongs here: whether it can take a call now, put together from its limits. Does not: the limits (their own files).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from walmart_pipeline.llm.calls import FATAL, Answer, CallError, Client, Quota
from walmart_pipeline.llm.dispatch.announced_limits import Quotas
from walmart_pipeline.llm.dispatch.circuit_breaker import Breaker
from walmart_pipeline.llm.dispatch.concurrency import AdaptiveLimit
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.dispatch.rate_limit_estimator import Refusals
from walmart_pipeline.llm.dispatch.rate_limiter import Entry, Rates

DOWN = frozenset(("unreachable", "dropped", "timeout", "server"))


@dataclass(slots=True)
class Flight:
    """A call under way. in_flight: the calls that had no answer when it was made, with itself. estimate: of tokens."""

    call: int
    began: float
    characters: int
    in_flight: int
    tokens: Entry | None
    estimate: float


class Lane:
    """An endpoint and everything that holds calls to it back. Times are the event loop's seconds."""

    def __init__(self, client: Client, limits: DispatchLimits, chance: Random) -> None:
        self.client = client
        self.in_flight = 0
        self.dead: CallError | None = None
        self.last_failure: CallError | None = None
        self._silent_since: float | None = None
        self._calls = 0
        self._unanswered = 0
        self._concurrency = AdaptiveLimit(limits.concurrency)
        self._refusals = Refusals(limits.concurrency)
        self._breaker = Breaker(chance)
        self._rates = Rates(limits.requests_per_minute, limits.tokens_per_minute)
        self._quotas = Quotas(limits.outage_seconds)

    def limit(self, now: float) -> int:
        """Calls that it may have at once."""
        return 0 if self.dead else min(self._concurrency.limit, self._refusals.at_once(now))

    def when(self, now: float, characters: int) -> float:
        """When it can take a request of so many characters: infinite if only another call's end can tell."""
        if self.dead or self.in_flight >= self.limit(now):
            return math.inf
        return max(
            self._breaker.when(now),
            self._refusals.when(now),
            self._rates.when(now, characters),
            self._quotas.when(now, self._rates.estimate(characters)),
        )

    def silent_for(self, now: float) -> float:
        """Seconds for which it has given no answer though it was asked, with those that it wants to be left alone."""
        return 0.0 if self._silent_since is None else max(now, self._refusals.when(now)) - self._silent_since

    def asked(self, now: float, characters: int) -> Flight:
        """A call is made."""
        call = self._calls
        self._calls += 1
        self.in_flight += 1
        self._unanswered += 1
        self._breaker.asked(call)
        self._refusals.asked(call, now)
        self._concurrency.asked(self.in_flight)
        estimate = self._rates.estimate(characters)
        self._quotas.asked(estimate)
        return Flight(call, now, characters, self._unanswered, self._rates.asked(now, characters), estimate)

    def answered(self, flight: Flight, now: float, answer: Answer, quotas: Iterable[Quota]) -> None:
        """A whole answer came, of use or not."""
        self._heard(flight)
        self._told(flight, now, quotas)
        tokens = answer.completion_tokens
        pace = (now - flight.began) / tokens if tokens else now - flight.began
        self._concurrency.answered(flight.call, self._calls, pace)
        self._rates.answered(flight.tokens, flight.characters, answer.prompt_tokens, tokens)

    def failed(self, flight: Flight, now: float, error: CallError) -> None:
        """The call ended without a whole answer."""
        kind = error.error_class
        self._told(flight, now, error.quotas)
        if kind in FATAL:
            self.dead = error
        if kind not in DOWN and kind != "refused":
            self._heard(flight)
            return
        self._unanswered -= 1
        self.last_failure = error
        if self._silent_since is None:
            self._silent_since = now
        if kind == "refused":
            # A server that refuses is up, and a probe is over.
            self._breaker.up()
            self._refusals.refused(flight.call, self._calls, self._unanswered, now, error.retry_after)
            return
        self._breaker.failed(flight.call, now)
        if kind == "timeout":
            self._concurrency.answered(flight.call, self._calls, math.inf)

    def abandoned(self, flight: Flight) -> None:
        """The call was cancelled by us."""
        self._unanswered -= 1
        self._quotas.ended(flight.estimate)
        self._breaker.abandoned(flight.call)

    def _told(self, flight: Flight, now: float, quotas: Iterable[Quota]) -> None:
        self._quotas.ended(flight.estimate)
        self._quotas.heard(flight.began, now, quotas)

    def _heard(self, flight: Flight) -> None:
        self._unanswered -= 1
        self._silent_since = None
        self._breaker.up()
        self._refusals.passed(flight.in_flight)
