"""What a study of tuning begins from, read from the warehouse.

Belongs here: the validation products that are asked about, the examples to choose from, the tiers that have enough of
them. Does not: the study (tuning.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from walmart_pipeline.core.records import Product, Record, TrainingExample
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.generation.template import writer
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.models import tiers
from walmart_pipeline.stages.models.modelfile_store import CANDIDATES, CANDIDATES_PER_CATEGORY
from walmart_pipeline.stages.models.trials import Sampled
from walmart_pipeline.stages.models.tuning import TuningError

# Looked at for each product of the sample: facts that carry no listing say nothing about how to ask.
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


class Inputs(Record):
    """The dataset's version, its best training examples, the sample, and the names of the tiers to tune."""

    dataset_version: str
    examples: list[TrainingExample]
    sample: list[Sampled]
    tiers: list[str]


def read(db: Database, judge: Judge, *, products: int, named: Sequence[str]) -> Inputs:
    """products: size of the sample. named: the tiers that are wanted; none for all.

    Raises TuningError for a tier that there is not, or where no product can be asked about.
    """
    scores = [row["quality_score"] for row in db.query("select quality_score from training.dataset")]
    buildable = [name for name, readiness in tiers.readiness(scores).items() if readiness.buildable]
    if unknown := set(named) - set(tiers.TIERS):
        raise TuningError(f"there is no tier {', '.join(sorted(unknown))}: use {', '.join(tiers.TIERS)}")
    candidates = db.query(CANDIDATES, [CANDIDATES_PER_CATEGORY])
    return Inputs(
        dataset_version=db.value("select any_value(version) from training.dataset") or "",
        examples=[TrainingExample.model_validate_json(row["example"]) for row in candidates],
        sample=_sample(db, judge, products),
        tiers=[name for name in buildable if not named or name in named],
    )


def _sample(db: Database, judge: Judge, size: int) -> list[Sampled]:
    """Validation products whose facts carry a listing: the same ones as long as these products stay as they are."""
    sample: list[Sampled] = []
    for row in db.query(VALIDATION, {"rows": size * LOOKED_AT_EACH}):
        product = Product(**row["product"])
        try:
            writer.compose(product, judge.policy.limits, judge.acceptable)
        except writer.FactsTooThin:
            continue
        sample.append(Sampled(product=product, family=row["family"]))
        if len(sample) == size:
            break
    if not sample:
        raise TuningError("no validation product's facts carry a listing: run the pipeline on a larger catalog")
    return sample
