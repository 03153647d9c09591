"""Inputs for models from the dataset: each tier's missing examples and candidates, text sizes, products for tuning."""

from __future__ import annotations

from dataclasses import dataclass

from walmart_pipeline.core.records import Product, Record, TrainingExample
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.generation.template import writer
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import token_counts
from walmart_pipeline.stages.models.few_shot import LIKED_POINTS, LIKED_STARS, MIDDLE_STARS, POINTS_PER_STAR
from walmart_pipeline.stages.models.tiers import TIERS, Sizes

# Each pick of a few-shot example compares all candidates with the last pick: eight of 200 take 0.09 s.
MAX_CANDIDATES = 400

# few_shot.merit in SQL.
MERIT = (
    f"quality_score + {POINTS_PER_STAR} * (coalesce(user_rating, {MIDDLE_STARS}) - {MIDDLE_STARS}) "
    f"+ case when user_rating >= {LIKED_STARS} then {LIKED_POINTS} else 0 end"
)

# The best of each category, then the second best of each. Ranked without the texts, to bound memory.
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

# Of the stored JSON, which differs from messages by a few characters.
SIZES = """
select
    quantile_disc(length(cast(json_extract(example, '$.input') as varchar)), 0.99) as facts,
    quantile_disc(length(cast(json_extract(example, '$.output') as varchar)), 0.99) as listing
from training.dataset
"""

# Read per product of the sample, because products with too few facts are skipped.
LOOKED_AT_EACH = 10

# A product of each family before a second of any: more families are more evidence for the same calls.
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
    """Inputs for building models.

    missing: number of missing examples by tier. examples: few-shot candidates, best first, by tier that can be built.
    sizes: None without examples.
    """

    version: str
    missing: dict[str, int]
    examples: dict[str, list[TrainingExample]]
    sizes: Sizes | None


class SampledProduct(Record):
    """A product for tuning, and its family: texts of one family are not independent."""

    product: Product
    family: str


def material(db: Database) -> Material:
    """Read the material of the active dataset."""
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
    """Return a deterministic sample of validation products with enough facts for a listing."""
    sample: list[SampledProduct] = []
    for row in db.query(VALIDATION, {"rows": size * LOOKED_AT_EACH}):
        product = Product(**row["product"])
        try:
            writer.compose(product, judge.policy.limits, judge.acceptable)
        except writer.TooFewFactsError:
            continue
        sample.append(SampledProduct(product=product, family=row["family"]))
        if len(sample) == size:
            break
    return sample
