"""Model evaluation: scores of all contenders on the same held-out products."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.records import Dimension, Product, QualityReport, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse, struct
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.generation.recipe_trials import RecipeAnswer, RecipeCaller
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.judge import pairs, scoring
from walmart_pipeline.judge.judge import Judge, source_listing
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.registry import model_versions
from walmart_pipeline.stages.evaluation import evaluation_store
from walmart_pipeline.stages.evaluation.evaluation_store import ContenderKind, JudgedText, ModelEvaluation

# Bumped when the same versions and products would be evaluated differently: the assets' code_version.
VERSION = "1"

# Fields of a completion in the evaluation.
USAGE = {"seconds", "prompt_tokens", "completion_tokens", "cost_usd"}

# Stratified by category; within one, a product of each family before a second of any: more families are more evidence
# for the same calls.
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


class EvaluationError(ValueError):
    """Models can't be evaluated; the message has the remedy."""


class HeldOutProduct(Record):
    """A product of the test split, and its family."""

    product: Product
    family: str


class Contender(Record):
    """A contender. recipe: None for the template writer and the source text."""

    name: str
    kind: ContenderKind
    recipe: Recipe | None = None


def evaluate(
    settings: Settings,
    warehouse: Warehouse,
    judge: Judge,
    base: Recipe,
    products: int,
    *,
    progress: Progress,
    log: Callable[[str], None],
) -> ModelEvaluation:
    """Evaluate all contenders on at most `products` held-out products, and store the scored texts.

    base: recipe of the base model, without examples. The warehouse is closed during model calls. An interrupted
    evaluation repeats no call, because answers are in the ledger. All contenders share the settings' budget. Raises
    EvaluationError.
    """
    with warehouse.reading() as db:
        participants, sample = contenders(db, base), held_out(db, products)
        dataset_version = db.value("select any_value(version) from training.dataset") or "none"
    if not sample:
        raise EvaluationError("no product is held out: run the pipeline on a larger catalog")
    started = datetime.now(UTC)
    caller = RecipeCaller(settings, judge)
    texts: list[JudgedText] = []
    for contender in participants:
        with progress.step(f"evaluating {contender.name}", len(sample), log) as advance:
            answers = _answers(caller, contender, [each.product for each in sample], advance)
        texts += _judged(judge, contender, sample, answers)
    with warehouse.writing() as db:
        evaluation = ModelEvaluation(
            number=evaluation_store.next_number(db),
            provider=base.provider,
            dataset_version=dataset_version,
            evaluated_at=started,
            texts=texts,
        )
        evaluation_store.save(db, evaluation)
    return evaluation


def contenders(db: Database, base: Recipe) -> list[Contender]:
    """Return base model, champion, all candidates, template writer and source text.

    Candidates of earlier datasets are included: products keep their split, so none was trained on the test split.
    Raises EvaluationError if the base model is one of our versions.
    """
    versions = [version for version in model_versions.versions(db) if version.recipe.provider == base.provider]
    if base.base_model in {version.name for version in versions}:
        raise EvaluationError(f"{base.base_model} was made here and can't be the base model: name another with --model")
    kinds: tuple[ContenderKind, ...] = ("champion", "candidate")
    own = [
        Contender(name=version.name, kind=kind, recipe=version.recipe)
        for kind in kinds
        for version in versions
        if version.status == kind
    ]
    return [
        Contender(name=base.base_model, kind="base", recipe=base),
        *own,
        Contender(name="template", kind="template"),
        Contender(name="source", kind="source"),
    ]


def held_out(db: Database, products: int) -> list[HeldOutProduct]:
    """Return a deterministic sample of at most `products` products of the test split."""
    rows = db.query(SAMPLE, {"products": products})
    return [HeldOutProduct(product=Product(**row["product"]), family=row["family"]) for row in rows]


def _answers(
    caller: RecipeCaller, contender: Contender, products: Sequence[Product], advance: Callable[[int], None]
) -> dict[str, RecipeAnswer]:
    """Return a contender's answer about each product; all are lost if the provider is unavailable."""
    if contender.kind == "source":
        return {each.product_id: RecipeAnswer(status="complete", listing=source_listing(each)) for each in products}
    try:
        return caller.answers(contender.recipe, products, advance)
    except (CallError, ProviderError) as error:
        return {each.product_id: RecipeAnswer(status="lost", reason=str(error)) for each in products}


def _judged(
    judge: Judge, contender: Contender, sample: Sequence[HeldOutProduct], answers: Mapping[str, RecipeAnswer]
) -> Iterator[JudgedText]:
    """Yield a scored text for each product; uniqueness is measured among the contender's texts."""
    lines = [
        pairs.Pair(product=each.product, listing=answers[each.product.product_id].listing).model_dump_json()
        for each in sample
        if answers[each.product.product_id].status == "complete"
    ]
    reports = iter([_report(scored) for scored in scoring.score_lines(lines, judge)])
    for each in sample:
        product, answer = each.product, answers[each.product.product_id]
        usage = answer.completion.model_dump(include=USAGE) if answer.completion else {}
        yield JudgedText(
            contender=contender.name,
            kind=contender.kind,
            product_id=product.product_id,
            product_name=product.product_name,
            category=product.category,
            family=each.family,
            status=answer.status,
            reason=answer.reason,
            listing=answer.listing,
            report=next(reports) if answer.status == "complete" else _no_text(product, judge),
            **usage,
        )


def _report(scored: scoring.Scored) -> QualityReport:
    if scored.report is None:
        raise EvaluationError(f"text {scored.line} can't be judged: {scored.error}")
    return QualityReport.model_validate_json(scored.report)


def _no_text(product: Product, judge: Judge) -> QualityReport:
    return QualityReport(
        product_id=product.product_id,
        score=0.0,
        band="poor",
        publishable=False,
        dimensions=dict.fromkeys(get_args(Dimension)),
        violations=[],
        policy=judge.policy.label,
    )
