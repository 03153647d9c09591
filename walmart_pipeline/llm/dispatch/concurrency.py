"""How many calls an endpoint has in flight, learned from how long they queue there.

A self-hosted server (Ollama, llama-server) serves a fixed number of calls at once, its slots, and lets all others wait
without a byte. More calls in flight than slots gain nothing, and wait as long as timeouts do.
"""

from __future__ import annotations

import math

# One call waits at the server so that a free slot is filled at once, a second one where slots are freed in pairs.
WAITING = 2
# Beyond this share, calls that wait are a queue and not the variance of a large server.
VARIANCE = 0.1
# Estimated waits below this share of the time of service are noise: long prompts, other users, our own CPU.
NOISE = 0.25
# Growth doubles the calls in flight, or multiplies them by up to 8 where even then none would wait longer than this.
GROWTH_WAIT_SECONDS, GROWTH_MOST = 1.6, 7.0
# Below half a call there is no queue; then the limit rises by one call in sixteen.
NO_QUEUE, STEP = 0.5, 1 / 16
# Fewer answers are no round.
ROUND_LEAST = 4
# Estimates compare with the quickest answer. After so many rounds with a queue it is measured anew, with no call
# waiting: a server that became slower for good would pass for one with fewer slots. One of 12 that took twice as long
# after a fifth of 3,600 calls took 1.05 times the ideal time, and without this 2.7 times (on a simulated clock).
REMEASURE_ROUNDS = 20


class ConcurrencyLimit:
    """Calls in flight: `slots` and one or two, between 1 and `most`.

    Starts with two and multiplies while nothing queues. Then, round by round, the queue is in_flight × wait / elapsed
    (Little's law): above two calls, the limit becomes slots + 2; where there is none, it rises. This is TCP Vegas, with
    the server's own figure for the wait where it reports one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit: float = min(2, most)
        self.slots = 1
        self.longest_service = 0.0
        self._growing = True
        self._round_from = 0
        self._peak = 0
        self._answers = 0
        self._waited = self._elapsed = 0.0
        self._queued_rounds = 0
        self._best_first_text = self._best_pace = math.inf

    @property
    def limit(self) -> int:
        """Calls that may be in flight."""
        return int(self._limit)

    def sent(self, in_flight: int) -> None:
        """A call is made; in_flight includes it."""
        self._peak = max(self._peak, in_flight)

    def answered(
        self,
        call: int,
        next_call: int,
        in_flight: int,
        *,
        elapsed: float,
        tokens: int,
        first_text: float | None,
        waited: float | None,
    ) -> None:
        """A whole answer came.

        call, next_call: running numbers of this call and the next. in_flight: when it was made, with itself. elapsed,
        first_text: seconds from the call to its answer, and to the first piece of a streamed one. waited: seconds in
        the server's queue, where the server reports them.
        """
        wait = self._wait(elapsed, tokens, first_text) if waited is None else min(max(waited, 0.0), elapsed)
        service = elapsed - wait
        self.longest_service = max(self.longest_service, service)
        if call < self._round_from:
            return
        self._answers += 1
        self._waited += wait
        self._elapsed += elapsed
        if self._answers >= (self.limit if self._growing else max(self.limit, ROUND_LEAST)):
            self._end_round(next_call, is_estimate=waited is None)

    def timed_out(self) -> None:
        """A call waited in the server's queue until it was given up."""
        self._growing = False
        self._set(self._limit / 2)

    def _wait(self, elapsed: float, tokens: int, first_text: float | None) -> float:
        """Estimate of the wait: how much later than the quickest the answer began, or came."""
        if first_text is not None and first_text < 0.9 * elapsed:
            self._best_first_text = min(self._best_first_text, first_text)
            wait = first_text - self._best_first_text
        else:
            self._best_pace = min(self._best_pace, elapsed / (tokens or 1))
            wait = elapsed - self._best_pace * (tokens or 1)
        return wait if wait > NOISE * (elapsed - wait) else 0.0

    def _end_round(self, next_call: int, *, is_estimate: bool) -> None:
        share = self._waited / self._elapsed if self._elapsed else 0.0
        queue = self._peak * share
        served = max(1, round(self._peak - queue))
        if queue > WAITING + VARIANCE * self._peak:
            self.slots = served
            self._set(served + min(WAITING, served))
        elif queue >= NO_QUEUE:
            self.slots = served
        elif self._peak >= self.limit:
            self.slots = served
            if not self._growing:
                self._set(self._limit + max(1.0, self._limit * STEP))
        if self._growing and share > VARIANCE:
            self._growing = False
        elif self._growing and self._peak >= self.limit:
            service = max((self._elapsed - self._waited) / self._answers, 1e-3)
            self._set(self._limit * (1 + min(max(1.0, GROWTH_WAIT_SECONDS / service), GROWTH_MOST)))
        self._queued_rounds += is_estimate and queue >= NO_QUEUE
        if self._queued_rounds >= REMEASURE_ROUNDS:
            self._queued_rounds = 0
            self._best_first_text = self._best_pace = math.inf
            self._set(self.slots)
        self._round_from, self._peak, self._answers = next_call, 0, 0
        self._waited = self._elapsed = 0.0

    def _set(self, limit: float) -> None:
        self._limit = min(max(limit, 1.0), self._most)
