"""Budgets of runs, with reservations for calls in flight."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from walmart_pipeline.llm.calls import Request
from walmart_pipeline.llm.pricing import FREE, Price

# A chat template adds a few tokens around each message.
TEMPLATE_TOKENS = 16
# Assumed limit of an answer if the request sets no max_tokens.
UNBOUNDED_TOKENS = 16_384


class Account(Protocol):
    """A budget that several runs share, such as a user's for a day; called in the thread that makes the calls."""

    @property
    def reached(self) -> str:
        """Why nothing more is reserved, for a user."""
        ...

    def reserve(self, usd: float) -> bool:
        """Reserve the maximum cost of a call. Returns whether the budget allows it."""
        ...

    def settle(self, reserved_usd: float, cost_usd: float) -> None:
        """A call ended: its cost takes the place of what was reserved."""
        ...


@dataclass(frozen=True)
class Budget:
    """The most that a run may spend; None is no limit.

    calls: those that reached a model; a refused one is not counted. price: of the model, for a limit in USD. rents: USD
    an hour of the endpoints that are rented, by their address; they cost something while calls are in flight.
    committed_usd, committed_calls: what is reserved before the first call, by batches that were sent. account: who
    else has to allow each call that costs money. run_id: the run whose workers share `usd` through the ledger.
    """

    usd: float | None = None
    calls: int | None = None
    price: Price = FREE
    rents: Mapping[str, float] = field(default_factory=dict)
    committed_usd: float = 0.0
    committed_calls: int = 0
    account: Account | None = None
    run_id: str | None = None

    @property
    def is_free(self) -> bool:
        """Whether no call costs anything."""
        return self.price == FREE and not self.rents

    def commit(self, usd: float) -> Budget | None:
        """The same budget with one more call committed; None if it does not fit."""
        if self.calls is not None and self.committed_calls >= self.calls:
            return None
        if self.usd is not None and (self.committed_usd >= self.usd or self.committed_usd + usd > self.usd):
            return None
        return replace(self, committed_usd=self.committed_usd + usd, committed_calls=self.committed_calls + 1)

    def most(self, request: Request) -> float:
        """Upper bound of a call's cost in USD: a text has at most as many tokens as bytes."""
        prompt = sum(len(message.content.encode("utf-8", "replace")) + TEMPLATE_TOKENS for message in request.messages)
        if request.schema is not None:
            prompt += len(json.dumps(request.schema))
        answer = int(request.parameters.get("max_tokens") or UNBOUNDED_TOKENS)
        plain = self.price.cost(prompt_tokens=prompt, completion_tokens=answer)
        return max(plain, self.price.cost(prompt_tokens=prompt, completion_tokens=answer, written_tokens=prompt))


class BudgetTracker:
    """Tracks a budget; each call in flight reserves its maximum cost."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._reserved = 0.0
        self._in_flight = 0
        self._account = None if budget.is_free else budget.account
        self._refused = False
        self.spent_usd = budget.committed_usd
        self.calls = budget.committed_calls

    def reserve(self, request: Request, rent_usd: float = 0.0) -> float | None:
        """Reserve USD for a request; returns the amount for `settle`, or None if the budget does not allow the call.

        rent_usd: what rented servers may cost until all calls have ended, with this one. It is no call's own, so that
        many calls at once need no more of the budget than one.
        """
        budget = self._budget
        if budget.calls is not None and self.calls + self._in_flight >= budget.calls:
            return None
        reserved = 0.0
        if budget.usd is not None:
            reserved = budget.most(request)
            if self.spent_usd >= budget.usd or self.spent_usd + self._reserved + reserved + rent_usd > budget.usd:
                return None
        if self._account:
            # Among workers, rent is settled alone: nobody knows how many calls of others it is reserved for.
            reserved = budget.most(request) + (0.0 if budget.run_id else rent_usd)
            if not self._account.reserve(reserved):
                self._refused = True
                return None
        self._reserved += reserved
        self._in_flight += 1
        return reserved

    def settle(self, reserved: float, cost_usd: float, *, counts: bool) -> None:
        """A call ended. counts: it reached a model."""
        self._reserved -= reserved
        self._in_flight -= 1
        if self._account:
            self._account.settle(reserved, cost_usd)
        self.spent_usd += cost_usd
        self.calls += counts

    @property
    def reached(self) -> str:
        """Why no further call is made, for a user."""
        budget = self._budget
        if self._account and self._refused:
            return self._account.reached
        if budget.calls is not None and self.calls >= budget.calls:
            return f"the budget of {budget.calls:,} calls is reached"
        return (
            f"the budget of {budget.usd or 0:.2f} USD is reached: {self.spent_usd:.4f} USD are spent or committed, and "
            "the next call could cost more than what is left"
        )
