"""A model's ratings of a sample of texts: `quality.model_ratings`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from pydantic import Field

from walmart_pipeline.core.records import Listing, Product, Record
from walmart_pipeline.core.statistics import RatingAgreement, agreement, spearman
from walmart_pipeline.core.warehouse import Database, Warehouse, batches, struct
from walmart_pipeline.generation.model_rater import ModelRater, ModelRating, RatedText

# Bumped when other texts would be rated: the asset's code_version.
VERSION = "1"

# A killed run loses at most one batch, which is not paid for again: the ledger has the answers.
BATCH_ROWS = 100

# Texts rated by reviewers first, including replaced ones: agreement is measured on them. Then a pseudo-random but
# deterministic order, by hash.
DUE = f"""
with known as (
    select product_id, content_hash, product, listing, 1 as priority
    from quality.rated_texts
    union all
    select
        product_id,
        content_hash,
        to_json({struct("products", Product)}) as product,
        to_json({struct("content", Listing)}) as listing,
        2 as priority
    from content.generated_content as content
    join catalog.products using (product_id)
    semi join quality.scores using (product_id, content_hash)
    anti join quality.rated_texts using (product_id, content_hash)
    where content.status = 'complete'
)
select content_hash, product, listing
from known
anti join (
    from quality.model_ratings
    where provider = $provider and model = $model and prompt_version = $prompt_version
) using (product_id, content_hash)
order by priority, md5(product_id || content_hash)
limit $sample
"""

BESIDE_REVIEWERS = """
select rated.stars as model, ratings.stars as reviewer
from quality.model_ratings as rated
join quality.ratings using (product_id, content_hash)
where rated.provider = $provider and rated.model = $model and rated.prompt_version = $prompt_version
    and rated.stars is not null
"""

BESIDE_SCORES = """
select rated.stars as model, scores.score
from quality.model_ratings as rated
join quality.scores using (product_id, content_hash)
where rated.provider = $provider and rated.model = $model and rated.prompt_version = $prompt_version
    and rated.stars is not null
"""


class RatingRun(Record):
    """Result of a run of the model judge."""

    asked: int
    rated: int
    errors: list[str] = Field(description="Distinct reasons for missing ratings.")
    cost_usd: float


class RaterAgreement(Record):
    """Agreement of all ratings by the model with reviewers and with the score."""

    reviewers: RatingAgreement
    texts_with_score: int
    spearman_with_score: float | None


def rate_sample(warehouse: Warehouse, rater: ModelRater, *, sample: int, advance: Callable[[int], None]) -> RatingRun:
    """Rate at most `sample` texts that this model has not rated yet, and store the ratings.

    The warehouse is closed during model calls. Raises CallError if the model is unreachable.
    advance: called with the number of texts since the last call.
    """
    judge = _judge(rater)
    with warehouse.reading() as db:
        due = db.query(DUE, judge | {"sample": sample})
    texts = (
        RatedText(
            product=Product.model_validate_json(row["product"]),
            listing=Listing.model_validate_json(row["listing"]),
            content_hash=row["content_hash"],
        )
        for row in due
    )
    received: list[ModelRating] = []

    def settled() -> Iterator[dict[str, object]]:
        with closing(rater.rate(texts)) as ratings:
            for rating in ratings:
                received.append(rating)
                advance(1)
                if rating.is_settled:
                    yield rating.model_dump(exclude={"is_settled"}) | judge | {"rated_at": datetime.now(UTC)}

    for rows in batches(settled(), BATCH_ROWS):
        with warehouse.writing() as db:
            db.upsert("quality.model_ratings", rows, ["product_id", "content_hash", *judge])
    return RatingRun(
        asked=len(due),
        rated=sum(rating.stars is not None for rating in received),
        errors=list(dict.fromkeys(rating.error for rating in received if rating.error)),
        cost_usd=sum(rating.cost_usd for rating in received),
    )


def rater_agreement(db: Database, rater: ModelRater) -> RaterAgreement:
    """Measure the agreement of this model with reviewers, a pair for each rating, and with the score."""
    beside_reviewers = db.query(BESIDE_REVIEWERS, _judge(rater))
    beside_scores = db.query(BESIDE_SCORES, _judge(rater))
    return RaterAgreement(
        reviewers=agreement([(row["model"], row["reviewer"]) for row in beside_reviewers]),
        texts_with_score=len(beside_scores),
        spearman_with_score=spearman([row["model"] for row in beside_scores], [row["score"] for row in beside_scores]),
    )


def _judge(rater: ModelRater) -> dict[str, object]:
    return {"provider": rater.name, "model": rater.model, "prompt_version": rater.prompt_version}
