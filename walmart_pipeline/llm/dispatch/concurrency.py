"""How many calls an endpoint has at once, learned from how long they take.

Belongs here: a self-hosted server that queues instead of refusing. Does not: refusals (rate_limit_estimator.py).
"""

from __future__ import annotations

import math

# A quarter of what is allowed: two doublings, 0.25 s of a 200 ms server's time; a server with a short queue is not
# flooded before its first answer.
START_SHARE = 4
# Answers twice as slow as the quickest wait as long as they are worked on: more calls would only wait longer.
# Batching servers slow down somewhat under load while they get more done, and stay below it.
TOLERANCE = 2.0
# Fewer answers say nothing about the usual one.
ROUND_LEAST = 5
# A server that became slower for good is not held to its former best for ever. The limit is halved for one round in
# so many, and only while it is below what is allowed anyway.
REMEASURE_ROUNDS = 20


class AdaptiveLimit:
    """Calls at once, between 1 and `most`.

    Doubles with each round of answers at first, as TCP does; then each round multiplies by the gradient
    best / usual (never below a half) and adds the square root, after Netflix's concurrency-limits (Gradient2).
    Pace is seconds per token where tokens are known: a long answer is no sign of a queue.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit: float = max(1, most // START_SHARE)
        self._starting = True
        self._round: list[float] = []
        self._round_from = 0
        self._peak = 0
        self._quickest = math.inf
        self._best = math.inf
        self._slowed_rounds = 0

    @property
    def limit(self) -> int:
        """Calls at once."""
        return int(self._limit)

    def asked(self, in_flight: int) -> None:
        """A call is made, with itself so many are in flight."""
        self._peak = max(self._peak, in_flight)

    def answered(self, call: int, next_call: int, pace: float) -> None:
        """An answer came, or a timeout (pace is infinite).

        call: the endpoint's running number of this call; next_call: that of the next one.
        """
        if call < self._round_from:
            return
        self._round.append(pace)
        if self._starting:
            self._quickest = min(self._quickest, pace)
            # A limit that is not reached says nothing about a higher one.
            if self._limit < 2 * self._peak and pace <= TOLERANCE * self._quickest:
                self._set(self._limit + 1)
        if len(self._round) >= max(self._limit, ROUND_LEAST):
            self._end_round(next_call)

    def _end_round(self, next_call: int) -> None:
        paces, reached = sorted(self._round), self._peak >= self.limit
        # The quickest tenth met no queue; the single quickest may be a fluke.
        quick, usual = paces[len(paces) // 10], paces[len(paces) // 2]
        self._best = min(self._best, quick)
        gradient = 1.0
        if math.isinf(usual) or usual > TOLERANCE * self._best:
            gradient = max(0.5, TOLERANCE * self._best / usual) if math.isfinite(usual) else 0.5
        self._round, self._round_from, self._peak = [], next_call, 0
        if gradient < 1:
            self._starting = False
            self._slowed_rounds += 1
        if self._slowed_rounds >= REMEASURE_ROUNDS:
            self._slowed_rounds, self._starting = 0, True
            self._quickest = self._best = math.inf
            self._set(self._limit / 2)
        elif not self._starting:
            wanted = self._limit * gradient + math.sqrt(self._limit)
            self._set(wanted if reached else min(wanted, self._limit))

    def _set(self, limit: float) -> None:
        self._limit = min(max(limit, 1.0), self._most)
