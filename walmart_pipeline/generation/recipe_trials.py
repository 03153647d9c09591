"""Tries recipes on products and classifies missing answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Completion, Listing, Product, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import parsing, provider_factory
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.generation.template.writer import TemplateWriter
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import ErrorClass
from walmart_pipeline.llm.ledger import Ledger

# failed: the model's fault. lost: not its fault, so no evidence about the recipe.
AnswerStatus: TypeAlias = Literal["complete", "declined", "failed", "lost"]

# The model ran on or refused, or its prompt left no room for the product.
MODEL_FAULTS = frozenset(("malformed", "cut", "too_long", "declined"))


class NoAnswerError(Exception):
    """A product has no answer, for a reason that is no evidence about the recipe."""


class OutOfBudgetError(Exception):
    """No further call is made; the message is the reason. Earlier answers are in the ledger."""


class RecipeAnswer(Record):
    """Result for one product. was_called: False if the budget did not allow the call."""

    status: AnswerStatus
    listing: Listing = Listing()
    reason: str | None = None
    completion: Completion | None = None
    was_called: bool = True


class RecipeCaller:
    """Tries recipes within one budget: the settings' and at most `calls` calls. Answers in the ledger are free.

    Spending is read from the ledger, so concurrent calls of other processes count as well.
    """

    def __init__(self, settings: Settings, judge: Judge, *, calls: int | None = None) -> None:
        self._settings = settings
        self._judge = judge
        limits = [limit for limit in (calls, settings.budget_calls) if limit is not None]
        self._calls = min(limits) if limits else None
        self._started = datetime.now(UTC)

    def spent(self) -> tuple[int, float]:
        """Calls so far, and their cost in USD."""
        with Ledger(self._settings.ledger) as ledger:
            return ledger.spent(self._started)

    def answers(
        self, recipe: Recipe | None, products: Sequence[Product], advance: Callable[[int], object] = lambda _: None
    ) -> dict[str, RecipeAnswer]:
        """The answer for each product, by product_id.

        recipe: None for the template writer. advance: called with the number of products done since the last call.
        Raises ProviderError and CallError if the provider is not available.
        """
        began = datetime.now(UTC)
        completions: dict[str, Completion] = {}
        with closing(self._provider(recipe).write((product, 0) for product in products)) as written:
            for product, completion in written:
                completions[product.product_id] = completion
                advance(1)
        failed = [completion.request_hash for completion in completions.values() if completion.status == "failed"]
        with Ledger(self._settings.ledger) as ledger:
            errors = ledger.last_errors(failed, began)
        return {product_id: _answer(completion, errors) for product_id, completion in completions.items()}

    def scores(
        self, recipe: Recipe, products: Sequence[Product], advance: Callable[[int], object] = lambda _: None
    ) -> dict[str, float]:
        """Score (0–100) of the answer for each product, by product_id; 0 for an answer that is no listing.

        advance: see `answers`. Raises OutOfBudgetError, NoAnswerError if an answer was lost, ProviderError and
        CallError if the provider is not available.
        """
        answers = self.answers(recipe, products, advance)
        for answer in answers.values():
            if answer.status == "lost" and answer.was_called:
                raise NoAnswerError(answer.reason)
            if answer.status == "lost":
                raise OutOfBudgetError(self._exhausted(answer.reason))
        return {
            product.product_id: self._judge.report(product, answer.listing).score
            if (answer := answers[product.product_id]).status == "complete"
            else 0.0
            for product in products
        }

    def _provider(self, recipe: Recipe | None) -> Provider:
        if recipe is None:
            return TemplateWriter(self._judge)
        calls, cost = self.spent()
        left = {
            "budget_calls": None if self._calls is None else max(0, self._calls - calls),
            "budget_usd": max(0.0, self._settings.budget_usd - cost),
        }
        return provider_factory.for_recipe(self._settings.model_copy(update=left), self._judge, recipe)

    def _exhausted(self, reason: str | None) -> str:
        calls, cost = self.spent()
        if self._calls is not None and calls >= self._calls:
            return f"the budget of {self._calls:,} calls is reached: {calls:,} were made"
        return f"{reason}; {calls:,} calls and {cost:.4f} USD were spent in all"


def _answer(completion: Completion, errors: Mapping[str, ErrorClass | None]) -> RecipeAnswer:
    if completion.status == "failed":
        was_called = completion.request_hash in errors
        is_model_fault = errors.get(completion.request_hash) in MODEL_FAULTS
        return RecipeAnswer(
            status="failed" if is_model_fault else "lost",
            reason=completion.error or "no answer",
            completion=completion,
            was_called=was_called,
        )
    if completion.status == "declined":
        return RecipeAnswer(status="declined", reason=completion.error, completion=completion)
    try:
        listing = parsing.listing(completion.text)
    except parsing.UnusableAnswerError as error:
        return RecipeAnswer(status="failed", reason=str(error), completion=completion)
    return RecipeAnswer(status="complete", listing=listing, completion=completion)
