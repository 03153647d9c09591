"""One contender's texts about the products of a contest.

Belongs here: asking for them, and whose fault it is where there is none. Does not: who stands, or judging
(model_evaluation.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

from walmart_pipeline.core.records import Completion, Listing, Product, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import parsing, provider_factory
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.generation.provider_factory import ProviderError
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.generation.template.provider import TemplateWriter
from walmart_pipeline.judge.judge import Judge, source_listing
from walmart_pipeline.llm import call_errors
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.stages.evaluation.contender_results import Kind, Status

TEMPLATE, SOURCE = "template", "source"


class Contender(Record):
    """Who stands. recipe: how it is asked; None for the template writer and the source."""

    name: str
    kind: Kind
    recipe: Recipe | None = None


class Written(Record):
    """What came of asking for a text."""

    status: Status
    listing: Listing = Listing()
    reason: str | None = None
    completion: Completion | None = None


def write(
    settings: Settings,
    judge: Judge,
    contender: Contender,
    products: Sequence[Product],
    began: datetime,
    advance: Callable[[int], None],
) -> dict[str, Written]:
    """What came of each product, by product_id. Nothing is raised: what went wrong is in what came of it.

    began: of the contest, from which on its spending counts against the settings' budget. advance: told each product.
    """
    if contender.kind == "source":
        return {each.product_id: Written(status="complete", listing=source_listing(each)) for each in products}
    asked = datetime.now(UTC)
    try:
        provider = _provider(settings, judge, contender, began)
        completions = dict(_completions(provider, products, advance))
    except (CallError, ProviderError) as error:
        return {each.product_id: Written(status="lost", reason=str(error)) for each in products}
    failed = [completion.request_hash for completion in completions.values() if completion.status == "failed"]
    errors = call_errors.last_errors(settings.ledger, failed, asked)
    return {
        product_id: _outcome(completion, is_own_fault=errors.get(completion.request_hash) in call_errors.OWN_FAULTS)
        for product_id, completion in completions.items()
    }


def _provider(settings: Settings, judge: Judge, contender: Contender, began: datetime) -> Provider:
    if contender.recipe is None:
        return TemplateWriter(judge)
    with Ledger(settings.ledger) as ledger:
        calls, cost = ledger.spent(began)
    left: dict[str, float | None] = {
        "budget_usd": max(0.0, settings.budget_usd - cost),
        "budget_calls": None if settings.budget_calls is None else max(0, settings.budget_calls - calls),
    }
    return provider_factory.for_recipe(settings.model_copy(update=left), judge, contender.recipe)


def _completions(
    provider: Provider, products: Iterable[Product], advance: Callable[[int], None]
) -> Iterator[tuple[str, Completion]]:
    with closing(provider.write((product, 0) for product in products)) as completions:
        for product, completion in completions:
            yield product.product_id, completion
            advance(1)


def _outcome(completion: Completion, *, is_own_fault: bool) -> Written:
    """A failure that was not the contender's own fault is `lost`: it says nothing about how it writes."""
    if completion.status == "failed":
        status: Status = "failed" if is_own_fault else "lost"
        return Written(status=status, reason=completion.error or "no answer", completion=completion)
    if completion.status == "declined":
        return Written(status="declined", reason=completion.error, completion=completion)
    try:
        listing = parsing.listing(completion.text)
    except parsing.UnusableAnswerError as error:
        return Written(status="failed", reason=str(error), completion=completion)
    return Written(status="complete", listing=listing, completion=completion)
