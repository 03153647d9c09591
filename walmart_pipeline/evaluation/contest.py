"""The contest: everyone who could write, about the same held-out products, judged alike.

Belongs here: who stands, about which products, and their texts. Does not: what the texts show (standings.py), or who
writes from now on (promotion.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import get_args

from walmart_pipeline.evaluation import entries
from walmart_pipeline.evaluation.entries import Contest, Entry, Kind, Status
from walmart_pipeline.llm import answers, choosing, faults, registry
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.llm.choosing import ProviderError
from walmart_pipeline.llm.composer_provider import Composer
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.provider import Provider
from walmart_pipeline.llm.recipes import Recipe
from walmart_pipeline.progress import Progress
from walmart_pipeline.quality import pairs, scoring
from walmart_pipeline.quality.judge import Judge, source_listing
from walmart_pipeline.records import Completion, Dimension, Listing, Product, QualityReport, Record
from walmart_pipeline.settings import Settings
from walmart_pipeline.warehouse import Database, Warehouse, struct

# Bumped when the same versions and products would give another contest: the assets' code_version.
VERSION = "1"

COMPOSER, SOURCE = "composer", "source"

# Each category has its share of the sample; in it one product of each family comes before a second of any: more
# families are more evidence for the same calls. Success is not looked at: choosing by it would flatter everybody.
SAMPLE = f"""
with products as (
    select
        {struct("products", Product)} as product,
        split.family,
        coalesce(products.category[1], '') as category,
        row_number() over (partition by split.family order by md5(product_id)) as turn
    from training.split
    join catalog.products using (product_id)
    where split.side = 'test'
),
placed as (
    select
        *,
        row_number() over (partition by category order by turn, md5(family)) as number,
        count(*) over (partition by category) as of
    from products
)
select product, family
from placed
order by (number - 0.5) / of, md5(family), number
limit $products
"""


class ContestError(ValueError):
    """No contest can be held; the message says what to do."""


class Contender(Record):
    """Who stands. recipe: how it is asked; None for the composer and the source."""

    name: str
    kind: Kind
    recipe: Recipe | None = None


class HeldOut(Record):
    """A product of the test side, and its family."""

    product: Product
    family: str


class Written(Record):
    """What came of asking for a text."""

    status: Status
    listing: Listing = Listing()
    reason: str | None = None
    completion: Completion | None = None


def hold(
    settings: Settings,
    warehouse: Warehouse,
    judge: Judge,
    base: Recipe,
    products: int,
    *,
    progress: Progress,
    log: Callable[[str], None],
) -> Contest:
    """Let every contender write about at most so many held-out products, and keep it all in `evaluation.contest`.

    base: the provider's own model, asked with the task alone. The warehouse is open only to read and to write. Every
    answer is in the ledger as soon as it is there: a contest that was cut off asks for nothing twice. All contenders
    together keep to the settings' budget. Raises ContestError.
    """
    with warehouse.writing() as db:
        standing, sample = contenders(db, base), held_out(db, products)
        dataset_version = db.value("select any_value(version) from training.dataset") or "none"
    if not sample:
        raise ContestError("no product is held out: run the pipeline on a larger catalog")
    began = datetime.now(UTC)
    found: list[Entry] = []
    for contender in standing:
        with progress.step(f"{contender.name} writes", len(sample), log) as advance:
            written = _written(settings, judge, contender, [each.product for each in sample], began, advance)
        found += _judged(judge, contender, sample, written)
    with warehouse.writing() as db:
        contest = Contest(
            number=entries.next_number(db),
            provider=base.provider,
            dataset_version=dataset_version,
            held_at=began,
            entries=found,
        )
        entries.keep(db, contest)
    return contest


def contenders(db: Database, base: Recipe) -> list[Contender]:
    """The base model, the provider's champion, each of its candidates, the composer and the source's own text.

    Candidates of earlier datasets stand too: products keep their side, so none has learned from the test side.
    Raises ContestError where the base model is one of our versions.
    """
    versions = [version for version in registry.versions(db) if version.recipe.provider == base.provider]
    if base.base_model in {version.name for version in versions}:
        raise ContestError(f"{base.base_model} was made here and can't be the base model: name another with --model")
    own = [
        Contender(name=version.name, kind=kind, recipe=version.recipe)
        for kind in ("champion", "candidate")
        for version in versions
        if version.status == kind
    ]
    return [
        Contender(name=base.base_model, kind="base", recipe=base),
        *own,
        Contender(name=COMPOSER, kind="composer"),
        Contender(name=SOURCE, kind="source"),
    ]


def held_out(db: Database, products: int) -> list[HeldOut]:
    """At most so many products of the test side: the same ones as long as the test side stays as it is."""
    rows = db.query(SAMPLE, {"products": products})
    return [HeldOut(product=Product(**row["product"]), family=row["family"]) for row in rows]


def _written(
    settings: Settings,
    judge: Judge,
    contender: Contender,
    products: Sequence[Product],
    began: datetime,
    advance: Callable[[int], None],
) -> dict[str, Written]:
    """What came of each product, by product_id. began: of the contest, from which on its spending counts."""
    if contender.kind == "source":
        return {each.product_id: Written(status="complete", listing=source_listing(each)) for each in products}
    asked = datetime.now(UTC)
    try:
        provider = _provider(settings, judge, contender, began)
        completions = dict(_completions(provider, products, advance))
    except (CallError, ProviderError) as error:
        return {each.product_id: Written(status="lost", reason=str(error)) for each in products}
    failed = [completion.request_hash for completion in completions.values() if completion.status == "failed"]
    errors = faults.last_errors(settings.ledger, failed, asked)
    return {
        product_id: _outcome(completion, is_own_fault=errors.get(completion.request_hash) in faults.OWN_FAULTS)
        for product_id, completion in completions.items()
    }


def _provider(settings: Settings, judge: Judge, contender: Contender, began: datetime) -> Provider:
    if contender.recipe is None:
        return Composer(judge)
    with Ledger(settings.ledger) as ledger:
        calls, cost = ledger.spent(began)
    left: dict[str, float | None] = {
        "budget_usd": max(0.0, settings.budget_usd - cost),
        "budget_calls": None if settings.budget_calls is None else max(0, settings.budget_calls - calls),
    }
    return choosing.for_recipe(settings.model_copy(update=left), judge, contender.recipe)


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
        listing = answers.listing(completion.text)
    except answers.UnusableAnswerError as error:
        return Written(status="failed", reason=str(error), completion=completion)
    return Written(status="complete", listing=listing, completion=completion)


def _judged(
    judge: Judge, contender: Contender, sample: Sequence[HeldOut], written: dict[str, Written]
) -> Iterator[Entry]:
    """An entry for each product, whatever came of it; texts are judged among each other, for their uniqueness."""
    texts = [
        pairs.Pair(product=each.product, listing=written[each.product.product_id].listing).model_dump_json()
        for each in sample
        if written[each.product.product_id].status == "complete"
    ]
    reports = iter([_report(scored) for scored in scoring.score_lines(texts, judge)])
    for each in sample:
        product, outcome = each.product, written[each.product.product_id]
        completion = outcome.completion
        yield Entry(
            contender=contender.name,
            kind=contender.kind,
            product_id=product.product_id,
            product_name=product.product_name,
            category=product.category,
            family=each.family,
            status=outcome.status,
            reason=outcome.reason,
            listing=outcome.listing,
            report=next(reports) if outcome.status == "complete" else _nothing(product, judge),
            seconds=completion.seconds if completion else 0.0,
            prompt_tokens=completion.prompt_tokens if completion else 0,
            completion_tokens=completion.completion_tokens if completion else 0,
            cost_usd=completion.cost_usd if completion else 0.0,
        )


def _report(scored: scoring.Scored) -> QualityReport:
    if scored.report is None:
        raise ContestError(f"text {scored.line} can't be judged: {scored.error}")
    return QualityReport.model_validate_json(scored.report)


def _nothing(product: Product, judge: Judge) -> QualityReport:
    """What no text at all is worth."""
    return QualityReport(
        product_id=product.product_id,
        score=0.0,
        band="poor",
        publishable=False,
        dimensions=dict.fromkeys(get_args(Dimension)),
        violations=[],
        policy=judge.policy.label,
    )
