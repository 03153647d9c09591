"""Trains the rating model and stores its versions and predictions: `training.rating_model`, `predicted_ratings`.

Predictions are for information only: they do not affect what is published.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import Field

from walmart_pipeline.core.records import Listing, Product, QualityReport, Record, content_hash
from walmart_pipeline.core.warehouse import Database, Row, struct
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import rating_evaluation, rating_model
from walmart_pipeline.stages.training.rating_evaluation import RatingEvaluation
from walmart_pipeline.stages.training.rating_model import Features, RatingModel

# Bumped when the same ratings would give another model: the asset's code_version.
VERSION = "2"

# With real texts and simulated reviewers who have a taste of their own, the model was used in 0 of 20 trials at 100
# ratings, 6 of 20 at 400 and 6 of 6 at 1,000; with reviewers who follow the score or chance, in 0 of 126.
RATINGS_AT_LEAST = 100
# Variants of a product are rated alike, so families count; five folds of ten are the minimum.
FAMILIES_AT_LEAST = 50

RATINGS = """
select ratings.product_id, ratings.content_hash, ratings.reviewer, ratings.stars
from quality.ratings
semi join quality.rated_texts using (product_id, content_hash)
order by all
"""

# The ratings of a text are averaged.
RATED = """
with opinions as (
    select product_id, content_hash, avg(stars) as stars
    from quality.ratings
    group by product_id, content_hash
)
select product_id, content_hash, product, listing, stars, coalesce(split.component, split.family, product_id) as family
from quality.rated_texts
join opinions using (product_id, content_hash)
left join training.split using (product_id)
order by product_id, content_hash
"""

LATEST = """
select *
from training.rating_model
order by version desc
limit 1
"""

FORGET = """
delete from training.predicted_ratings
where model_version <> $version or (product_id, content_hash, facts_hash) not in (
    select (product_id, content_hash, facts_hash)
    from quality.scores
    where policy = $policy
)
"""

UNPREDICTED = f"""
select scores, {struct("content", Listing)} as listing
from quality.scores
join content.generated_content as content using (product_id, content_hash)
anti join training.predicted_ratings as known on
    known.product_id = scores.product_id
    and known.content_hash = scores.content_hash
    and known.facts_hash = scores.facts_hash
where scores.policy = $policy
order by scores.product_id
"""


class RatingModelVersion(Record):
    """A trained model, or the reason why none was trained."""

    version: int
    fingerprint: str = Field(description="Of ratings, policy and features; training is skipped while it is the same.")
    policy: str
    ratings: int
    texts: int
    products: int
    kept: bool
    verdict: str
    metrics: RatingEvaluation | None
    model: RatingModel | None
    created_at: datetime


@dataclass
class _Rated:
    texts: list[Features] = field(default_factory=list)
    stars: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    families: list[str] = field(default_factory=list)


def train(db: Database, judge: Judge) -> tuple[RatingModelVersion, bool]:
    """Return the model of the current ratings, and whether it is new: if ratings, policy or features changed."""
    ratings = db.query(RATINGS)
    learned_from = [list(row.values()) for row in ratings]
    fingerprint = content_hash([VERSION, rating_model.VERSION, judge.policy.label, learned_from])
    latest = next(iter(db.query(LATEST)), None)
    if latest and latest["fingerprint"] == fingerprint:
        return _version(latest), False
    about = {
        "version": latest["version"] + 1 if latest else 1,
        "fingerprint": fingerprint,
        "policy": judge.policy.label,
        "ratings": len(ratings),
        "texts": len({(row["product_id"], row["content_hash"]) for row in ratings}),
        "products": len({row["product_id"] for row in ratings}),
        "created_at": datetime.now(UTC),
    }
    version = _trained(db, judge, about)
    db.append("training.rating_model", [_row(version)])
    return version, True


def predict(db: Database, judge: Judge, version: RatingModelVersion, *, advance: Callable[[int], None]) -> int:
    """Update the predictions for the current model and scores. Returns the number of new predictions.

    If the current model is not used, there are no predictions. Progress is committed after each page.
    advance: called with the number of texts since the last call.
    """
    if not version.kept or version.model is None:
        db.execute("delete from training.predicted_ratings")
        return 0
    db.execute(FORGET, {"version": version.version, "policy": version.policy})
    total = 0
    for page in db.pages(UNPREDICTED, {"policy": version.policy}):
        stars = version.model.predict(
            [
                rating_model.features(QualityReport.from_row(row["scores"]), Listing(**row["listing"]), judge)
                for row in page
            ]
        )
        total += db.append(
            "training.predicted_ratings",
            [
                {name: row["scores"][name] for name in ("product_id", "content_hash", "facts_hash")}
                | {"stars": value, "model_version": version.version}
                for row, value in zip(page, stars, strict=True)
            ],
        )
        db.checkpoint()
        advance(len(page))
    return total


def _trained(db: Database, judge: Judge, about: Row) -> RatingModelVersion:
    rated = _rated(db, judge) if about["ratings"] >= RATINGS_AT_LEAST else _Rated()
    families = len(set(rated.families))
    if families < FAMILIES_AT_LEAST:
        verdict = (
            f"not trained: {about['ratings']} ratings of {about['products']} products; "
            f"{RATINGS_AT_LEAST} of {FAMILIES_AT_LEAST} families are needed"
        )
        return RatingModelVersion(**about, kept=False, verdict=verdict, metrics=None, model=None)
    metrics = rating_evaluation.evaluate(rated.texts, rated.stars, rated.scores, rated.families)
    model = rating_model.fit(rated.texts, rated.stars, rated.families)
    return RatingModelVersion(**about, kept=metrics.is_kept, verdict=metrics.verdict, metrics=metrics, model=model)


def _rated(db: Database, judge: Judge) -> _Rated:
    """Score the rated texts under the active policy; stored reports may be of another."""
    rated = _Rated()
    for page in db.stream(RATED):
        for row in page:
            listing = Listing.model_validate_json(row["listing"])
            report = judge.report(Product.model_validate_json(row["product"]), listing)
            rated.texts.append(rating_model.features(report, listing, judge))
            rated.stars.append(row["stars"])
            rated.scores.append(rating_model.score_alone(report, judge))
            rated.families.append(row["family"])
    return rated


def _version(row: Row) -> RatingModelVersion:
    metrics = RatingEvaluation.model_validate_json(row["metrics"]) if row["metrics"] else None
    model = RatingModel.model_validate_json(row["model"]) if row["model"] else None
    return RatingModelVersion(**row | {"metrics": metrics, "model": model})


def _row(version: RatingModelVersion) -> Row:
    return version.model_dump(exclude={"metrics", "model"}) | {
        "metrics": version.metrics.model_dump_json() if version.metrics else None,
        "model": version.model.model_dump_json() if version.model else None,
    }
