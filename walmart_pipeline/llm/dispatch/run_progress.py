"""How far a run is, counted as outcomes pass.

Belongs here: the counts of outcomes and their rate. Does not: what calls cost (core.py), or showing it (the caller).
"""

from __future__ import annotations

import time
from collections import Counter, deque

from walmart_pipeline.llm.dispatch.core import Core
from walmart_pipeline.llm.dispatch.outcomes import FailureClass, Outcome, Snapshot

# Long enough for a model that takes seconds an answer, short enough to show that a server has stopped.
RATE_SECONDS = 30.0


class Tally:
    """Counts outcomes on the caller's side."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._done = 0
        self._from_ledger = 0
        self._failed: Counter[FailureClass] = Counter()
        self._seconds: deque[tuple[int, int]] = deque()  # (second, outcomes done up to its end)

    def count(self, outcome: Outcome) -> None:
        """One more is done."""
        self._done += 1
        self._from_ledger += outcome.from_ledger
        if outcome.error_class:
            self._failed[outcome.error_class] += 1
        second = int(time.monotonic() - self._began)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._done)
        else:
            self._seconds.append((second, self._done))
            while self._seconds[0][0] < second - RATE_SECONDS:
                self._seconds.popleft()

    def snapshot(self, core: Core, now: float, total: int | None) -> Snapshot:
        """As it is at this moment. now: the event loop's seconds."""
        rate = self._rate()
        return Snapshot(
            done=self._done,
            from_ledger=self._from_ledger,
            failed=dict(self._failed),
            calls=core.calls,
            in_flight=sum(lane.in_flight for lane in core.lanes),
            limit=sum(lane.limit(now) for lane in core.lanes),
            rate=rate,
            prompt_tokens=core.prompt_tokens,
            completion_tokens=core.completion_tokens,
            cost_usd=core.purse.spent_usd,
            seconds_left=(total - self._done) / rate if total is not None and rate else None,
        )

    def _rate(self) -> float:
        elapsed = time.monotonic() - self._began
        if elapsed <= RATE_SECONDS or not self._seconds:
            return self._done / elapsed if elapsed else 0.0
        since, done = self._seconds[0]
        return (self._done - done) / max(elapsed - since - 1, 1.0)
