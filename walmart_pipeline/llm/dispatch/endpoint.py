"""State of an endpoint: when it can take a call, timeouts, circuit breaker, retries. Times are the event loop's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from walmart_pipeline.llm.calls import FATAL, Answer, CallError, Client, Quota
from walmart_pipeline.llm.dispatch.concurrency import ConcurrencyLimit
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits
from walmart_pipeline.llm.dispatch.rate_limits import AnnouncedLimits, ConfiguredLimits, Entry, RateLimitEstimator
from walmart_pipeline.llm.dispatch.rented_time import RentedTime
from walmart_pipeline.llm.ledger_claims import Want

DOWN = frozenset(("unreachable", "dropped", "timeout", "server"))

# With one failure in ten by chance, five in a row come once in 100,000 calls.
FAILURES = 5
# A server that is started again is found within a second at first, and asked four times a minute after a while.
PROBE_FIRST_SECONDS, PROBE_MOST_SECONDS = 0.5, 15.0
# A server error passes within a second, or opens the circuit breaker; waits longer than 20 s gain nothing then.
RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS = 0.5, 20.0
# After a refusal that names no time: a busy server frees a place with each answer.
REFUSED_SECONDS = 1.0
# A call ahead in the server's queue may take this much longer than the longest so far.
SERVICE_MARGIN = 1.5


@dataclass(slots=True)
class InFlightCall:
    """A call under way. position: the calls that had no answer when it was made, with itself.

    waits_for: how many times the slots of the server have to become free before it is served; 1 is at once.
    tokens: what it took of the configured limits. estimate: of its tokens. rent: its mark at the rented time.
    """

    number: int
    began: float
    characters: int
    position: int
    waits_for: int
    tokens: Entry | None
    estimate: float
    rent: float
    first_text: float | None = None


class Endpoint:
    """A client with the limits that apply to its calls. usd_per_hour: of its server, 0 if it is not rented."""

    def __init__(self, client: Client, limits: DispatchLimits, random: Random, usd_per_hour: float = 0.0) -> None:
        self.client = client
        self.in_flight = 0
        self.weight = limits.weights.get(client.endpoint, 1.0)
        self.dead: CallError | None = None
        self.last_failure: CallError | None = None
        self._limits = limits
        self._rented = RentedTime(usd_per_hour)
        self._unresponsive_since: float | None = None
        self._calls = 0
        self._latest_served = -1
        self._unanswered = 0
        self._concurrency = ConcurrencyLimit(limits.concurrency)
        self._allowed: float = limits.concurrency
        self._allowed_until = math.inf
        self._estimated = RateLimitEstimator()
        self._breaker = CircuitBreaker(random)
        self._configured = ConfiguredLimits(limits.requests_per_minute, limits.tokens_per_minute)
        self._announced = AnnouncedLimits(limits.outage_seconds)

    @property
    def limit(self) -> int:
        """Calls that it may have in flight."""
        return 0 if self.dead else min(self._concurrency.limit, int(self._allowed))

    def wants(self, now: float) -> list[Want]:
        """The limits that workers share, with what this one uses or may use."""
        held = max(self.in_flight, self._allowed)
        calls = Want(f"{self.client.endpoint} calls in flight", self._limits.concurrency, held)
        return [calls, *self._configured.wants(self.client.endpoint, now)]

    def allow(self, allowed: Sequence[float], until: float) -> None:
        """Set what this worker may take of each limit of `wants`; afterwards nothing."""
        self._allowed, *rates = allowed
        self._allowed_until = until
        self._configured.allow(rates)

    def when(self, now: float, characters: int) -> float:
        """When it can take a request of so many characters: infinite until a call has ended or more is allowed."""
        if self.dead or self.in_flight >= self.limit or now >= self._allowed_until:
            return math.inf
        return max(
            self._breaker.when(now),
            self._estimated.when(now),
            self._configured.when(now, characters),
            self._announced.when(now, self._configured.estimate(characters)),
        )

    def unresponsive_for(self, now: float) -> float:
        """Seconds without an answer since the first call that failed, a pause that it asked for included."""
        if self._unresponsive_since is None:
            return 0.0
        return max(now, self._estimated.when(now)) - self._unresponsive_since

    def patience(self, call: InFlightCall) -> float:
        """Seconds that a call may be silent: until its first text, those of the calls ahead of it included."""
        if call.first_text is not None:
            return min(self._limits.silent_seconds, self._limits.call_seconds)
        ahead = SERVICE_MARGIN * self._concurrency.longest_service or self._limits.call_seconds
        return ahead * (call.waits_for - 1) + self._limits.call_seconds

    def may_be_queued(self, call: InFlightCall) -> bool:
        """Whether a call may still wait in the server's queue: no later one was served before it."""
        return call.waits_for > 1 and call.first_text is None and self._latest_served < call.number

    def sent(self, now: float, characters: int) -> InFlightCall:
        """A call is made."""
        number = self._calls
        self._calls += 1
        self.in_flight += 1
        self._unanswered += 1
        self._breaker.sent(number)
        self._estimated.sent(number, now)
        self._concurrency.sent(self._unanswered)
        estimate = self._configured.estimate(characters)
        self._announced.sent(estimate)
        waits_for = math.ceil(self._unanswered / self._concurrency.slots)
        entry = self._configured.sent(now, characters)
        rent = self._rented.began(now)
        return InFlightCall(number, now, characters, self._unanswered, waits_for, entry, estimate, rent)

    def rent(self, call: InFlightCall, now: float) -> float:
        """USD of the server's time for a call that ends now, however it ends."""
        return self._rented.ended(now, call.rent)

    def rent_at_most(self, now: float) -> float:
        """USD of its time until the calls in flight have ended, with one that is made now."""
        return self._rented.at_most(now, self._limits.call_seconds)

    def answered(self, call: InFlightCall, now: float, answer: Answer, quotas: Iterable[Quota]) -> None:
        """A whole answer came, of use or not."""
        self._responded(call)
        self._update_announced(call, now, quotas)
        self._concurrency.answered(
            call.number,
            self._calls,
            call.position,
            elapsed=now - call.began,
            tokens=answer.completion_tokens,
            first_text=None if call.first_text is None else call.first_text - call.began,
            waited=answer.seconds_waited,
        )
        self._configured.answered(call.tokens, call.characters, answer.prompt_tokens, answer.completion_tokens)

    def failed(self, call: InFlightCall, now: float, error: CallError) -> None:
        """The call ended without a whole answer."""
        kind = error.error_class
        self._update_announced(call, now, error.quotas)
        if kind in FATAL:
            self.dead = error
        if kind not in DOWN and kind != "refused":
            self._responded(call)
            return
        self._unanswered -= 1
        self.last_failure = error
        if self._unresponsive_since is None:
            self._unresponsive_since = now
        if kind == "refused":
            # A server that refuses is up, and a probe is over.
            self._breaker.succeeded()
            self._estimated.refused(call.number, self._calls, now, error.retry_after)
        elif kind == "timeout" and self.may_be_queued(call):
            self._concurrency.timed_out()
            self._breaker.abandoned(call.number)
        else:
            self._breaker.failed(call.number, now)

    def abandoned(self, call: InFlightCall) -> None:
        """The call was cancelled by us."""
        self._unanswered -= 1
        self._announced.ended(call.estimate)
        self._breaker.abandoned(call.number)

    def _update_announced(self, call: InFlightCall, now: float, quotas: Iterable[Quota]) -> None:
        self._announced.ended(call.estimate)
        self._announced.update(call.began, now, quotas)

    def _responded(self, call: InFlightCall) -> None:
        self._unanswered -= 1
        self._latest_served = max(self._latest_served, call.number)
        self._unresponsive_since = None
        self._breaker.succeeded()
        self._estimated.passed()


class CircuitBreaker:
    """Opens after consecutive failures, then lets one call at a time find out whether the endpoint is back."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._failures = 0
        self._open_until: float | None = None
        self._wait = PROBE_FIRST_SECONDS
        self._probe: int | None = None

    def when(self, now: float) -> float:
        """When the next call may be made: infinite while a probe is under way."""
        if self._open_until is None:
            return now
        return math.inf if self._probe is not None else self._open_until

    def sent(self, call: int) -> None:
        """A call is made."""
        if self._open_until is not None:
            self._probe = call

    def succeeded(self) -> None:
        """The endpoint responded, with whatever."""
        self._failures, self._open_until, self._probe = 0, None, None
        self._wait = PROBE_FIRST_SECONDS

    def failed(self, call: int, now: float) -> None:
        """The endpoint could not be reached, dropped the call, timed out or failed in itself."""
        self._failures += 1
        if self._open_until is None and self._failures >= FAILURES:
            self._open(now)
        elif call == self._probe:
            self._wait = min(self._wait * 2, PROBE_MOST_SECONDS)
            self._open(now)

    def abandoned(self, call: int) -> None:
        """The call ended without evidence about the endpoint: another may probe."""
        if call == self._probe:
            self._probe = None

    def _open(self, now: float) -> None:
        # Jitter, so that several runs do not probe in step.
        self._open_until = now + self._wait * self._random.uniform(0.75, 1.25)
        self._probe = None


def retry_delay(error: CallError, attempts: int, random: Random) -> float:
    """Seconds until the next attempt. attempts: those made, of which this error ended the last.

    Full jitter over the upper half, so that requests that failed together do not come back together.
    """
    if error.error_class == "malformed":
        return 0.0  # nothing has to recover: the next answer is another one
    if error.error_class == "refused":
        least = REFUSED_SECONDS if error.retry_after is None else error.retry_after
        # Never earlier than the server asks; a little later, as all that were refused together got the same time.
        return least * random.uniform(1.0, 1.1)
    if error.error_class == "unreachable":
        return RETRY_FIRST_SECONDS * random.uniform(0.1, 0.5)  # the breaker decides; another endpoint may take it
    return min(RETRY_MOST_SECONDS, RETRY_FIRST_SECONDS * 2.0 ** max(0, attempts - 1)) * random.uniform(0.5, 1.0)
