"""What a run may spend.

Belongs here: what was spent, what is at stake in flight, and whether one more call fits. Does not: prices (clients).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from walmart_pipeline.llm.calls import Request


@dataclass(frozen=True)
class Budget:
    """The most that a run may spend; None is no limit.

    calls: those that reached a model; a refused one is not counted. estimate: USD that a request will cost at most.
    Without it the dearest call so far stands for the next one, and the first is made alone.
    committed_usd, committed_calls: what of it is spoken for before the first call, by batches that were sent off.
    """

    usd: float | None = None
    calls: int | None = None
    estimate: Callable[[Request], float] | None = None
    committed_usd: float = 0.0
    committed_calls: int = 0

    def commit(self, usd: float) -> Budget | None:
        """The same budget with one call more that is spoken for; None if it does not fit."""
        if self.calls is not None and self.committed_calls >= self.calls:
            return None
        if self.usd is not None and (self.committed_usd >= self.usd or self.committed_usd + usd > self.usd):
            return None
        return replace(self, committed_usd=self.committed_usd + usd, committed_calls=self.committed_calls + 1)


class Purse:
    """A budget in use: an estimate is set aside for each call in flight."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._dearest: float | None = None
        self._aside = 0.0
        self._in_flight = 0
        self.spent_usd = budget.committed_usd
        self.calls = budget.committed_calls

    def set_aside(self, request: Request) -> float | None:
        """USD set aside for this request, to be given to `settle`; None if it does not fit beside what is in flight."""
        budget = self._budget
        if budget.calls is not None and self.calls + self._in_flight >= budget.calls:
            return None
        estimate = 0.0
        if budget.usd is not None:
            if budget.estimate:
                estimate = budget.estimate(request)
            elif self._dearest is not None:
                estimate = self._dearest
            elif self._in_flight:
                return None
            if self.spent_usd >= budget.usd or self.spent_usd + self._aside + estimate > budget.usd:
                return None
        self._aside += estimate
        self._in_flight += 1
        return estimate

    def settle(self, set_aside: float, cost_usd: float, *, counts: bool) -> None:
        """A call ended. counts: it reached a model."""
        self._aside -= set_aside
        self._in_flight -= 1
        self.spent_usd += cost_usd
        if counts:
            self.calls += 1
            self._dearest = max(self._dearest or 0.0, cost_usd)

    @property
    def reached(self) -> str:
        """Why no further call is made, for a user."""
        budget = self._budget
        if budget.calls is not None and self.calls >= budget.calls:
            return f"the budget of {budget.calls:,} calls is reached"
        return f"the budget of {budget.usd or 0:.2f} USD is reached: {self.spent_usd:.4f} USD are spent or spoken for"
