"""A learned rating: trained on enough, held against what needs no learning, and never read for publishing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product, Rating
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse
from walmart_pipeline.resources import resources
from walmart_pipeline.reviews import ratings
from walmart_pipeline.stages.training import learned_rating, rating_evaluation
from walmart_pipeline.stages.training import rating_model as models
from walmart_pipeline.stages.training.assets import rating_model
from walmart_pipeline.stages.training.rating_model import Features, RatingModel
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE
from walmart_pipeline_tests.reviews.test_ratings import write_text

Planted = tuple[list[Features], list[float], list[float], list[str]]
NOW = datetime(2025, 3, 1, tzinfo=UTC)


def planted(count: int, taste: Callable[[float, float, float], float], *, a_family: int = 2, seed: int = 1) -> Planted:
    """Texts whose stars follow from score, length and chance."""
    chance = random.Random(seed)
    texts, stars, scores, families = [], [], [], []
    for number in range(count):
        score, length = chance.uniform(40, 100), chance.uniform(50, 300)
        words = frozenset(chance.sample(["easy", "durable", "gift", "steel", "lid", "tea"], 3))
        texts.append(Features({"score": score, "words of the description": length, "coverage": None}, words))
        stars.append(float(min(5, max(1, round(taste(score, length, chance.gauss(0, 1)))))))
        scores.append(score)
        families.append(f"family {number // a_family}")
    return texts, stars, scores, families


def by_score(score: float, length: float, noise: float) -> float:
    return 1 + score / 25 + 0.6 * noise


def by_length_too(score: float, length: float, noise: float) -> float:
    """Neither too short nor too long: nothing that the score knows of."""
    return 1.5 + score / 40 + 2 * (1 - abs(length - 175) / 125) + 0.4 * noise


def by_chance(score: float, length: float, noise: float) -> float:
    return 3 + 1.5 * noise


def test_a_taste_that_the_score_does_not_know_is_learned_and_kept() -> None:
    found = rating_evaluation.evaluate(*planted(300, by_length_too))
    assert found.is_kept
    assert found.verdict.startswith("kept")
    learned, *plain = found.errors
    assert all(learned.mae < 0.8 * error.mae for error in plain)
    assert found.calibration_error < 0.25
    assert sum(one.texts for one in found.calibration) == 300


@pytest.mark.parametrize("taste", [by_score, by_chance, lambda *_: 5.0])
def test_a_model_that_is_no_better_than_the_score_or_the_mean_is_not_kept(taste: Callable[..., float]) -> None:
    found = rating_evaluation.evaluate(*planted(150, taste))
    assert not found.is_kept
    assert found.verdict.startswith("not kept")


def test_a_family_is_never_divided_between_folds() -> None:
    texts, _, _, families = planted(120, by_score, a_family=3)
    for train, test in models.folds(families):
        assert not {families[place] for place in train} & {families[place] for place in test}
        assert len(train) + len(test) == len(texts)


def test_variants_are_not_independent_evidence() -> None:
    """Twenty families of ten variants, all rated alike, count as twenty, not two hundred."""
    texts, stars, scores, _ = planted(200, by_chance)
    alike = [stars[number // 10] for number in range(200)]
    widths = []
    for families in ([str(number) for number in range(200)], [str(number // 10) for number in range(200)]):
        found = rating_evaluation.evaluate([texts[number // 10] for number in range(200)], alike, scores, families)
        ends = found.differences[0].absolute
        assert ends.low is not None
        assert ends.high is not None
        widths.append(ends.high - ends.low)
    assert widths[1] > 1.5 * widths[0]


def test_a_model_comes_back_from_json_as_it_was() -> None:
    texts, stars, _, families = planted(100, by_length_too)
    model = models.fit(texts, stars, families)
    again = RatingModel.model_validate_json(model.model_dump_json())
    assert again.predict(texts) == model.predict(texts)
    assert again.predict([]) == []


def test_a_number_that_never_varied_changes_no_prediction_when_it_does() -> None:
    texts, stars, _, families = planted(100, by_length_too)
    constant = [
        Features({**text.numbers, "search": 91.3 if number % 3 else None}, text.words)
        for number, text in enumerate(texts)
    ]
    model = models.fit(constant, stars, families)
    elsewhere = [Features({**text.numbers, "search": 60.0}, text.words) for text in texts]
    unmeasured = [Features({**text.numbers, "search": None}, text.words) for text in texts]
    assert model.predict(elsewhere) == pytest.approx(model.predict(unmeasured))


MODEL = models.fit(*[part for place, part in enumerate(planted(60, by_length_too)) if place != 2])
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)


@settings(deadline=None)
@given(st.tuples(numbers, numbers, numbers), st.frozensets(st.text(max_size=5)))
def test_any_text_gets_one_to_five_stars(values: tuple[float | None, ...], words: frozenset[str]) -> None:
    names = ("score", "words of the description", "coverage")
    (stars,) = MODEL.predict([Features(dict(zip(names, values, strict=True)), words)])
    assert 1 <= stars <= 5


def test_uniqueness_is_no_part_of_what_is_learned_from() -> None:
    """A text is rated once, its likeness to others changes with every catalog."""
    report = JUDGE.report(KETTLE, HONEST)
    crowded = report.model_copy(update={"score": 70.0, "dimensions": report.dimensions | {"uniqueness": 0.0}})
    assert models.features(report, HONEST, JUDGE) == models.features(crowded, HONEST, JUDGE)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """120 products, each with a text of its own length and a score; the family of each is its own."""
    made = FileWarehouse(Settings(workspace=tmp_path).warehouse)
    products, texts, scores = [], [], []
    for number in range(120):
        product, listing = written(number)
        state = {"product_id": product.product_id, "facts_hash": product.facts_hash}
        products.append(product.model_dump() | state)
        state["content_hash"] = listing.content_hash
        texts.append(listing.model_dump() | state | {"status": "complete", "generated_at": NOW})
        scores.append(JUDGE.report(product, listing).as_row() | state)
    with made.writing() as db:
        db.append("catalog.products", products)
        db.append("content.generated_content", texts)
        db.append("quality.scores", scores)
    return made


@pytest.fixture
def db(warehouse: Warehouse) -> Iterator[Database]:
    with warehouse.writing() as database:
        yield database


def written(number: int) -> tuple[Product, Listing]:
    words = HONEST.description.split()
    text = " ".join((words * 2)[: 30 + 2 * number])
    product = KETTLE.model_copy(update={"product_id": f"K-{number:03}"})
    return product, HONEST.model_copy(update={"description": text, "title": f"Brewster Glass Kettle {number}"})


def rate(
    db: Database, count: int, stars: Callable[[int], int] = lambda number: 1 + number // 24, reviewer: str = "ada"
) -> None:
    """A reviewer who likes long texts, unless it is said what they give."""
    given_by: dict[str, Any] = {"reviewer": reviewer, "rated_at": NOW}
    rated = []
    for number in range(count):
        product, listing = written(number)
        about = {"product_id": product.product_id, "content_hash": listing.content_hash, "stars": stars(number)}
        rated.append(Rating(**about, **given_by))
    ratings.store(db, rated)


def predict(db: Database, version: learned_rating.RatingModelVersion) -> int:
    return learned_rating.predict(db, JUDGE, version, advance=lambda _: None)


def test_too_few_ratings_are_reported_and_nothing_is_trained(db: Database) -> None:
    rate(db, learned_rating.RATINGS_AT_LEAST - 1)
    version, is_new = learned_rating.train(db, JUDGE)
    assert (version.kept, version.model, is_new) == (False, None, True)
    assert "99 ratings of 99 products; 100 of 50 families are needed" in version.verdict
    assert predict(db, version) == 0


def test_many_ratings_of_few_families_are_too_few(db: Database) -> None:
    rate(db, 120)
    split = [{"product_id": f"K-{number:03}", "family": str(number % 40), "split": "train"} for number in range(120)]
    db.append("training.split", split)
    assert "families" in learned_rating.train(db, JUDGE)[0].verdict
    assert not learned_rating.train(db, JUDGE)[0].kept


def test_the_same_ratings_under_the_same_policy_are_learned_from_once(db: Database) -> None:
    rate(db, 120)
    first, _ = learned_rating.train(db, JUDGE)
    again, is_new = learned_rating.train(db, JUDGE)
    assert (again, is_new) == (first, False)
    rate(db, 1, reviewer="bob")
    third, is_new = learned_rating.train(db, JUDGE)
    assert (third.version, third.ratings, third.texts, is_new) == (2, 121, 120, True)


def test_every_scored_text_is_predicted_once_and_again_where_it_changed(db: Database) -> None:
    rate(db, 120)
    version, _ = learned_rating.train(db, JUDGE)
    assert version.kept, version.verdict
    assert (predict(db, version), predict(db, version)) == (120, 0)
    db.execute("update quality.scores set facts_hash = 'changed' where product_id = 'K-007'")
    db.execute("delete from quality.scores where product_id = 'K-008'")
    assert predict(db, version) == 1
    assert db.count("training.predicted_ratings") == 119
    predicted = db.query("select stars from training.predicted_ratings order by product_id")
    assert predicted[-1]["stars"] > predicted[0]["stars"] + 2


def test_a_model_that_later_ratings_disprove_leaves_no_predictions(db: Database) -> None:
    rate(db, 120)
    predict(db, learned_rating.train(db, JUDGE)[0])
    rate(db, 120, lambda number: 5 - number // 24, reviewer="eve")
    version, _ = learned_rating.train(db, JUDGE)
    assert not version.kept
    predict(db, version)
    assert db.count("training.predicted_ratings") == 0


def test_a_text_that_was_rated_and_rewritten_is_still_learned_from(db: Database) -> None:
    rate(db, 120)
    product, _ = written(3)
    write_text(db, product, HONEST)
    assert learned_rating.train(db, JUDGE)[0].texts == 120


def test_the_asset_shows_the_model_beside_the_score(warehouse: Warehouse) -> None:
    with warehouse.writing() as db:
        rate(db, 120)
    given_resources = resources() | {"settings": Settings(workspace=warehouse.path.parent), "judge": JUDGE}
    result = dg.materialize([rating_model], resources=given_resources)
    (event,) = result.asset_materializations_for_node("training__rating_model")
    assert event.metadata["verdict"].value.startswith("kept")
    assert "the score (curve)" in event.metadata["compared with the mean and the score"].value
    assert event.metadata["dagster/row_count"].value == 120
    assert "predicted" in event.metadata["calibration"].value
    assert "description" in event.metadata["strongest effects"].value
