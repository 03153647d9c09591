"""The contest: everyone who could write, about the same held-out products, judged alike.

Belongs here: who stands, about which products, and the judging. Does not: asking for the texts (contender_texts.py),
what they show (model_results.py), or who writes from now on (promotion.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.records import Dimension, Product, QualityReport, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse, struct
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.judge import pairs, scoring
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.evaluation import contender_results, contender_texts
from walmart_pipeline.stages.evaluation.contender_results import Contest, Entry, Kind
from walmart_pipeline.stages.evaluation.contender_texts import SOURCE, TEMPLATE, Contender, Written

# Bumped when the same versions and products would give another contest: the assets' code_version.
VERSION = "1"

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
    where split.split = 'test'
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


class HeldOut(Record):
    """A product of the test split, and its family."""

    product: Product
    family: str


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
    with warehouse.reading() as db:
        standing, sample = contenders(db, base), held_out(db, products)
        dataset_version = db.value("select any_value(version) from training.dataset") or "none"
    if not sample:
        raise ContestError("no product is held out: run the pipeline on a larger catalog")
    began = datetime.now(UTC)
    found: list[Entry] = []
    for contender in standing:
        with progress.step(f"{contender.name} writes", len(sample), log) as advance:
            written = contender_texts.write(
                settings, judge, contender, [each.product for each in sample], began, advance
            )
        found += _judged(judge, contender, sample, written)
    with warehouse.writing() as db:
        contest = Contest(
            number=contender_results.next_number(db),
            provider=base.provider,
            dataset_version=dataset_version,
            held_at=began,
            entries=found,
        )
        contender_results.keep(db, contest)
    return contest


def contenders(db: Database, base: Recipe) -> list[Contender]:
    """The base model, the provider's champion, each of its candidates, the template writer and the source's own text.

    Candidates of earlier datasets stand too: products keep their split, so none has learned from the test split.
    Raises ContestError where the base model is one of our versions.
    """
    versions = [version for version in model_versions.versions(db) if version.recipe.provider == base.provider]
    if base.base_model in {version.name for version in versions}:
        raise ContestError(f"{base.base_model} was made here and can't be the base model: name another with --model")
    kinds: tuple[Kind, ...] = ("champion", "candidate")
    own = [
        Contender(name=version.name, kind=kind, recipe=version.recipe)
        for kind in kinds
        for version in versions
        if version.status == kind
    ]
    return [
        Contender(name=base.base_model, kind="base", recipe=base),
        *own,
        Contender(name=TEMPLATE, kind="template"),
        Contender(name=SOURCE, kind="source"),
    ]


def held_out(db: Database, products: int) -> list[HeldOut]:
    """At most so many products of the test split: the same ones as long as the test split stays as it is."""
    rows = db.query(SAMPLE, {"products": products})
    return [HeldOut(product=Product(**row["product"]), family=row["family"]) for row in rows]


def _judged(
    judge: Judge, contender: Contender, sample: Sequence[HeldOut], written: Mapping[str, Written]
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
