"""The dataset as material for models: what each tier lacks, its best examples, sizes, and products to tune on."""

from __future__ import annotations

from dataclasses import dataclass

from walmart_pipeline.core.records import Product, Record, TrainingExample
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.generation.template import writer
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import token_counts
from walmart_pipeline.stages.models.few_shot import MIDDLE_STARS, POINTS_PER_STAR
from walmart_pipeline.stages.models.tiers import TIERS, Sizes

# Each choice of a few-shot example compares all candidates with the one chosen before: eight of 200 take 0.09 s.
MAX_CANDIDATES = 400

MERIT = f"quality_score + {POINTS_PER_STAR} * (coalesce(user_rating, {MIDDLE_STARS}) - {MIDDLE_STARS})"

# The best of each category, then the second best of each, as many as are compared. Ranked without the examples: their
# texts are read for those alone that were selected, so that memory does not grow with the dataset.
CANDIDATES = f"""
with ranked as (
    select
        rowid as row,
        {MERIT} as merit,
        product_id,
        row_number() over (partition by category order by {MERIT} desc, product_id) as rank
    from training.dataset
    where split = 'train' and quality_score >= $min_quality
)
select example
from training.dataset
join (select * from ranked order by rank, merit desc, product_id limit {MAX_CANDIDATES}) as best on best.row = rowid
order by merit desc, best.product_id
"""

# As the dataset stores them, which is a few characters from what a conversation sends.
SIZES = """
select
    quantile_disc(length(cast(json_extract(example, '$.input') as varchar)), 0.99) as facts,
    quantile_disc(length(cast(json_extract(example, '$.output') as varchar)), 0.99) as listing
from training.dataset
"""

# Looked at for each product of the sample: facts that carry no listing say nothing about parameters.
LOOKED_AT_EACH = 10

# One of each family before a second of any: more families are more evidence for the same calls.
VALIDATION = f"""
select {struct("products", Product)} as product, split.family
from training.split
join catalog.products using (product_id)
where split.split = 'validation'
order by row_number() over (partition by split.family order by md5(product_id)), md5(split.family)
limit $rows
"""


@dataclass(frozen=True)
class Material:
    """A dataset, as models are built from it.

    missing: by tier, the number of examples that it is short of; 0 where it can be built. examples: by tier that can be
    built, the candidates for few-shot examples, best first. sizes: None where there is no example.
    """

    version: str
    missing: dict[str, int]
    examples: dict[str, list[TrainingExample]]
    sizes: Sizes | None


class SampledProduct(Record):
    """A product to tune on, and its family: texts of one family are no independent evidence."""

    product: Product
    family: str


def material(db: Database) -> Material:
    """The material of the dataset in force."""
    missing = {}
    for tier in TIERS.values():
        good = db.value("select count(*) from training.dataset where quality_score >= ?", [tier.min_quality])
        missing[tier.name] = max(0, tier.min_examples - good)
    examples = {
        name: [
            TrainingExample.model_validate_json(row["example"])
            for row in db.query(CANDIDATES, {"min_quality": TIERS[name].min_quality})
        ]
        for name, lacking in missing.items()
        if not lacking
    }
    [sizes] = db.query(SIZES)
    return Material(
        version=db.value("select any_value(version) from training.dataset") or "",
        missing=missing,
        examples=examples,
        sizes=None
        if sizes["facts"] is None
        else Sizes(**{name: token_counts.estimate(length) for name, length in sizes.items()}),
    )


def validation_sample(db: Database, judge: Judge, size: int) -> list[SampledProduct]:
    """Validation products whose facts carry a listing: the same ones as long as these products stay as they are."""
    sample: list[SampledProduct] = []
    for row in db.query(VALIDATION, {"rows": size * LOOKED_AT_EACH}):
        product = Product(**row["product"])
        try:
            writer.compose(product, judge.policy.limits, judge.acceptable)
        except writer.FactsTooThin:
            continue
        sample.append(SampledProduct(product=product, family=row["family"]))
        if len(sample) == size:
            break
    return sample
