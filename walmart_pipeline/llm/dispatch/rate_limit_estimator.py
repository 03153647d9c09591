"""What an endpoint's refusals say: chance, or a limit; and if a limit, which.

Belongs here: telling the two apart, the pause, the learned rate and number at once. Does not: when the refused request
itself is asked again (core.py), or limits that the user gives (rate_limiter.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Test:
    """Page's sequential test (CUSUM): is one call in twenty refused by chance, or as many as `limited`?"""

    limited: float
    odds: float  # of being wrong, at which it is decided

    @property
    def refused(self) -> float:
        """What a refusal adds to the evidence."""
        return math.log(self.limited / CHANCE)

    @property
    def passed(self) -> float:
        """What a call that got through adds: less than nothing."""
        return math.log((1 - self.limited) / (1 - CHANCE))


CHANCE = 0.05
# At first: four refusals in a row, or five among seven.
UNKNOWN = Test(limited=0.5, odds=10_000)
# Where a limit is known, a little above it a small share is refused: of 17 % it takes about twelve.
KNOWN = Test(limited=0.2, odds=1_000)

# How far the learned limits are exceeded to find out whether they still hold: by 20 % after ten pauses, by 80 % after
# twenty. A probe that fails costs a pause, so it costs at most a tenth of the time (after CUBIC, RFC 9438).
PROBE_PAUSES, PROBE_SHARE = 10.0, 0.2
# Tenfold limits, after 67 pauses without a refusal, are none.
FORGOTTEN = 10.0

# A decision lowers a known rate to no less than this share: part of the time something else may have held calls back.
LEAST_SHARE = 0.7

# Where the server does not say how long. Doubled with each pause after which nothing got through.
PAUSE_SECONDS, PAUSE_MOST = 1.0, 60.0

# Timers are late by some milliseconds: what was missed within this time is caught up.
CATCH_UP_SECONDS = 0.05


class Refusals:
    """Slows an endpoint down to what it allows.

    A server that counts calls at once refuses beyond a number; one that counts calls per second refuses when that is
    used up, however few are in flight. The first decision keeps to the number at which calls got through. If it was not
    the number, the next decision follows soon and keeps to a rate: what got through between the two over the time
    between them. At both a token bucket is empty, so its size does not spoil the estimate.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._evidence = 0.0
        self._last_refused = -1
        self._cycle_from: int | None = None
        self._cycle_began = 0.0
        self._cycle_refused = 0
        self._cycle_peak = 0
        self._ended: tuple[float, int] | None = None  # the last cycle's seconds and calls, until its pause is over
        self._decisions = 0
        self._fruitless = 0
        self._pause = PAUSE_SECONDS
        self._paused_until = self._probing_since = 0.0
        self._next = 0.0
        self._rate: float | None = None
        self._at_once: int | None = None

    def when(self, now: float) -> float:
        """When the next call may be made."""
        return max(self._paused_until, self._next)

    def at_once(self, now: float) -> int:
        """Calls that may be in flight."""
        if self._at_once is None:
            return self._most
        return min(self._most, max(1, int(self._at_once * self._probe(now))))

    def asked(self, call: int, now: float) -> None:
        """A call is made; `call` is the endpoint's running number."""
        if self._cycle_from is None:
            self._cycle_from, self._cycle_began = call, now
        if self._ended:
            self._learn_rate()
        if not self._decisions:
            return
        probe = self._probe(now)
        if probe >= FORGOTTEN:
            self._rate, self._at_once, self._decisions = None, None, 0
        elif self._rate is not None:
            unused = now - self._next
            if unused > CATCH_UP_SECONDS:  # something else held calls back: that says nothing about a higher rate
                self._probing_since = min(now, self._probing_since + unused)
            self._next = max(self._next, now - CATCH_UP_SECONDS) + 1 / (self._rate * probe)

    def passed(self, in_flight: int) -> None:
        """A call got through that was made with so many in flight, itself included."""
        self._cycle_peak = max(self._cycle_peak, in_flight)
        self._fruitless = 0

    def refused(self, call: int, next_call: int, in_flight: int, now: float, retry_after: float | None) -> None:
        """A call was refused. in_flight: the calls that are still unanswered, without it."""
        self._cycle_refused += 1
        if self._cycle_from is None or call < self._cycle_from:
            return  # asked before the endpoint was slowed down: no news
        # Refusals come sooner than answers: what was asked before this call and is not refused yet got through.
        between = max(0, call - self._last_refused - 1)
        test = KNOWN if self._decisions else UNKNOWN
        self._evidence = max(0.0, self._evidence + between * test.passed) + test.refused
        self._last_refused = max(self._last_refused, call)
        if self._evidence >= math.log(test.odds):
            self._slow_down(next_call, in_flight, now, retry_after)

    def _slow_down(self, next_call: int, in_flight: int, now: float, retry_after: float | None) -> None:
        assert self._cycle_from is not None  # noqa: S101  (a call was refused, so one was asked)
        self._pause = min(PAUSE_SECONDS * 2**self._fruitless, PAUSE_MOST) if retry_after is None else retry_after
        self._fruitless += 1
        self._decisions += 1
        self._paused_until = self._probing_since = self._next = now + self._pause
        self._ended = (now - self._cycle_began, next_call - self._cycle_from)
        self._at_once = max(1, self._cycle_peak or in_flight) if self._decisions == 1 else None
        self._cycle_from, self._cycle_began = next_call, now
        self._cycle_peak, self._evidence = 0, 0.0

    def _learn_rate(self) -> None:
        """At the end of a pause, when late refusals have come in and what got through is known."""
        assert self._ended  # noqa: S101
        seconds, calls = self._ended
        if self._decisions > 1:
            got_through = max(calls - self._cycle_refused, 1) / seconds
            self._rate = max(got_through, (self._rate or 0.0) * LEAST_SHARE)
        self._ended, self._cycle_refused = None, 0

    def _probe(self, now: float) -> float:
        """By how much the learned limits may be exceeded by now."""
        pauses = max(0.0, now - self._probing_since) / max(self._pause, CATCH_UP_SECONDS)
        return 1 + PROBE_SHARE * (pauses / PROBE_PAUSES) ** 2
