"""A recipe asked about a few products, and what the judge says of its answers.

Belongs here: scores of a recipe, and what all of them together may spend. Does not: which recipe is asked, or what
follows from a score (tuning.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from walmart_pipeline.core.records import Completion, Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import parsing, provider_factory
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import call_errors
from walmart_pipeline.llm.ledger import Ledger


class NoAnswerError(Exception):
    """A product has no answer, for a reason that says nothing about the recipe."""


class OutOfBudgetError(Exception):
    """No further call is made; the message says why. What was answered is in the ledger."""


class Asker:
    """Asks recipes within one budget: the settings', and at most `calls` calls. An answer in the ledger costs nothing.

    What is spent is read from the ledger, so that another process's calls count as well while this one runs.
    """

    def __init__(self, settings: Settings, judge: Judge, *, calls: int) -> None:
        self._settings = settings
        self._judge = judge
        self._calls = calls if settings.budget_calls is None else min(calls, settings.budget_calls)
        self._started = datetime.now(UTC)

    def spent(self) -> tuple[int, float]:
        """Calls so far, and their cost in USD."""
        with Ledger(self._settings.ledger) as ledger:
            return ledger.spent(self._started)

    def scores(self, recipe: Recipe, products: Sequence[Product]) -> dict[str, float]:
        """Score (0–100) of the answer for each product, by product_id; 0 for an answer that is no listing.

        Raises OutOfBudgetError where a product could not be asked about any more, NoAnswerError where one was asked
        about and the answer did not come, ProviderError and CallError where the provider is not there.
        """
        began = datetime.now(UTC)
        completions = list(self._provider(recipe).write((product, 0) for product in products))
        failed = [completion for _, completion in completions if completion.status != "complete"]
        self._excuse(failed, since=began)
        return {product.product_id: self._score(product, completion) for product, completion in completions}

    def _provider(self, recipe: Recipe) -> Provider:
        calls, cost = self.spent()
        if calls >= self._calls:
            raise OutOfBudgetError(self._reached(calls))
        limited = {"budget_calls": self._calls - calls, "budget_usd": max(0.0, self._settings.budget_usd - cost)}
        return provider_factory.for_recipe(self._settings.model_copy(update=limited), self._judge, recipe)

    def _excuse(self, failed: Sequence[Completion], *, since: datetime) -> None:
        """Raise unless each of these failed by its answer's own fault."""
        classes = call_errors.last_errors(
            self._settings.ledger, [completion.request_hash for completion in failed], since
        )
        for completion in failed:
            if completion.request_hash not in classes:
                calls, cost = self.spent()
                so_far = f"{completion.error}; {calls:,} calls and {cost:.4f} USD were spent in all"
                raise OutOfBudgetError(self._reached(calls) if calls >= self._calls else so_far)
            if classes[completion.request_hash] not in call_errors.OWN_FAULTS:
                raise NoAnswerError(completion.error or "no answer")

    def _reached(self, calls: int) -> str:
        return f"the budget of {self._calls:,} calls is reached: {calls:,} were made"

    def _score(self, product: Product, completion: Completion) -> float:
        try:
            return self._judge.report(product, parsing.listing(completion.text)).score
        except parsing.UnusableAnswerError:
            return 0.0
