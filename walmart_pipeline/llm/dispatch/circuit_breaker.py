"""Whether an endpoint is up.

Belongs here: when to stop asking an endpoint that fails, and when to try it again.
Does not: a single request's retries (retry.py).
"""

from __future__ import annotations

import math
from random import Random

# With one failure in ten by chance, five in a row come once in 100,000 calls.
FAILURES = 5
# A server that is started again is found within a second at first, and asked four times a minute after a while.
PROBE_FIRST_SECONDS, PROBE_MOST_SECONDS = 0.5, 15.0


class Breaker:
    """Opens after consecutive failures, then lets one call at a time find out whether the endpoint is back."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._failures = 0
        self._open_until: float | None = None
        self._wait = PROBE_FIRST_SECONDS
        self._probing: int | None = None

    def when(self, now: float) -> float:
        """When the next call may be made: infinite while a probe is under way."""
        if self._open_until is None:
            return now
        return math.inf if self._probing is not None else self._open_until

    def asked(self, call: int) -> None:
        """A call is made."""
        if self._open_until is not None:
            self._probing = call

    def up(self) -> None:
        """The endpoint answered, whatever it said."""
        self._failures, self._open_until, self._probing = 0, None, None
        self._wait = PROBE_FIRST_SECONDS

    def failed(self, call: int, now: float) -> None:
        """The endpoint could not be reached, dropped the call, timed out or failed in itself."""
        self._failures += 1
        if self._open_until is None and self._failures >= FAILURES:
            self._open(now)
        elif call == self._probing:
            self._wait = min(self._wait * 2, PROBE_MOST_SECONDS)
            self._open(now)

    def abandoned(self, call: int) -> None:
        """The call ended without word on the endpoint: another may probe."""
        if call == self._probing:
            self._probing = None

    def _open(self, now: float) -> None:
        # Jitter, so that several runs do not probe in step.
        self._open_until = now + self._wait * self._chance.uniform(0.75, 1.25)
        self._probing = None
