"""Queue of requests that wait to be sent."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from walmart_pipeline.llm.calls import Answer, Request
from walmart_pipeline.llm.dispatch.outcomes import FailureClass, Outcome


@dataclass(slots=True, eq=False)
class Job:
    """A request with the state of its calls. queue_timeouts: calls that timed out in a server's queue; no attempts."""

    request: Request
    request_hash: str
    waiting_since: float
    characters: int
    attempts: int = 0
    queue_timeouts: int = 0
    seconds_served: float = 0.0
    cost_usd: float = 0.0

    def outcome(
        self, answer: Answer | None = None, error_class: FailureClass | None = None, error: str | None = None
    ) -> Outcome:
        """Its outcome."""
        return Outcome(
            self.request,
            self.request_hash,
            answer,
            error_class,
            error,
            self.attempts,
            self.seconds_served,
            self.cost_usd,
        )


class RequestQueue:
    """Due retries and urgent requests come first, in order, then all others."""

    def __init__(self) -> None:
        self._fresh: deque[Job] = deque()
        self._due: deque[Job] = deque()
        self._later: list[tuple[float, int, Job]] = []
        self._order = count()

    @property
    def fresh(self) -> int:
        """How many were never sent and are not urgent."""
        return len(self._fresh)

    @property
    def next_due(self) -> float:
        """When the next retry is due: infinite if none is."""
        return self._later[0][0] if self._later else math.inf

    def add(self, jobs: Iterable[Job], *, urgent: bool) -> None:
        """Add requests that were never sent. urgent: before those that are not."""
        (self._due if urgent else self._fresh).extend(jobs)

    def retry(self, job: Job, at: float) -> None:
        """Add a request that is to be sent again, not before this time."""
        heapq.heappush(self._later, (at, next(self._order), job))

    def first(self, now: float) -> Job | None:
        """The request that comes next; it stays in the queue."""
        while self._later and self._later[0][0] <= now:
            self._due.append(heapq.heappop(self._later)[2])
        queue = self._due or self._fresh
        return queue[0] if queue else None

    def pop(self) -> Job:
        """Take out the request that `first` returned."""
        return (self._due or self._fresh).popleft()

    def clear(self) -> list[Job]:
        """Take out all of them."""
        jobs = [*self._due, *(job for _, _, job in self._later), *self._fresh]
        self._due.clear()
        self._later.clear()
        self._fresh.clear()
        return jobs
