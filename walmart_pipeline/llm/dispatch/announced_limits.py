"""Limits that an endpoint tells with its answers.

Belongs here: holding calls back before they would be refused. Does not: reading the headers
(clients/rate_limit_headers.py), limits that the user gives (rate_limiter.py) or that refusals show
(rate_limit_estimator.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from walmart_pipeline.llm.calls import Quota

# Sums of estimates come back to zero but for their rounding.
CLOSE = 1e-6


class Quotas:
    """The requests and tokens that one endpoint still takes. What it does not tell is not limited.

    longest: seconds; a count that begins anew later than that is not waited for. The endpoint is asked, and what it
    answers decides.
    """

    def __init__(self, longest: float) -> None:
        self._requests, self._tokens = _Count(longest), _Count(longest)

    def when(self, now: float, tokens: float) -> float:
        """When a call of so many tokens may be made: infinite if only another call's end can tell."""
        return max(self._requests.when(now, 1), self._tokens.when(now, tokens))

    def asked(self, tokens: float) -> None:
        """A call is made."""
        self._requests.in_flight += 1
        self._tokens.in_flight += tokens

    def ended(self, tokens: float) -> None:
        """A call has ended, in whatever way."""
        self._requests.in_flight -= 1
        self._tokens.in_flight -= tokens

    def heard(self, began: float, now: float, told: Iterable[Quota]) -> None:
        """What came with the end of a call that was made at `began`."""
        for quota in told:
            count = self._requests if quota.unit == "requests" else self._tokens
            count.heard(began, now, quota)


class _Count:
    """What remains of one unit. The calls in flight may take of it too: nobody knows which of them are counted."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self.in_flight = 0.0
        self._remaining = self._full = math.inf
        self._reset_at = math.inf
        self._heard_at = self._renewed_at = -math.inf

    def when(self, now: float, amount: float) -> float:
        if now >= self._reset_at:
            self._renewed_at = self._heard_at = now
            self._remaining, self._reset_at = self._full, math.inf
        return now if self.in_flight + min(amount, self._full) <= self._remaining + CLOSE else self._reset_at

    def heard(self, began: float, now: float, quota: Quota) -> None:
        # A server may have counted when the call came in; if that count has ended since, it says nothing any more.
        if began + quota.reset_seconds <= self._renewed_at:
            return
        # Calls overtake each other. Only one that was made after the last word came is sure to know more.
        if began < self._heard_at and quota.remaining >= self._remaining:
            return
        self._heard_at = now
        if quota.reset_seconds > self._longest:
            self._remaining = self._full = self._reset_at = math.inf
            return
        known = 0.0 if math.isinf(self._full) else self._full
        self._full = quota.limit or max(known, quota.remaining + 1)
        self._remaining = quota.remaining
        # Counted from the answer: late by the call's time at most, and never early.
        self._reset_at = now + quota.reset_seconds
