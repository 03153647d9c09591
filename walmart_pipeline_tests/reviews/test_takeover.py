"""Decisions reach ratings, edits, listings, exports and the plan, each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import Action, Decision, ReviewStore
from walmart_pipeline.stages.delivery import exporter
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline_tests.stages.content.test_planning import MODEL, reasons

GOOD, LOW, UNPROVEN, FORBIDDEN = (f"B-0000000{number}" for number in range(1, 5))
BETTER = Listing(title="A kettle", key_features=["Boils"], description="It boils water.")


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(profiles.load("walmart-2025"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[ReviewStore]:
    with ReviewStore(settings.reviews_url) as opened:
        yield opened


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    """A publishable text, one below the threshold, one with an unproven statement, one with a forbidden phrase."""
    broken = "[{'rule': '%s', 'severity': 'blocking', 'field': 'title', 'evidence': 'x', 'message': 'y'}]"
    with FileWarehouse(settings.warehouse).writing() as database:
        synthetic_catalog.make(database, 5)
        synthetic_catalog.write_texts(database, MODEL)
        for product, score, violations in (
            (GOOD, 90, "[]"),
            (LOW, 55, "[]"),
            (UNPROVEN, 59, broken % "grounding.number"),
            (FORBIDDEN, 59, broken % "title.url"),
        ):
            database.execute(
                "insert into quality.scores by name select product_id, content_hash, facts_hash, "
                f"{score} as score, {score} >= 60 as publishable, {violations} as violations"
                " from content.generated_content where product_id = ?",
                [product],
            )
        yield database


def decide(db: Database, store: ReviewStore, action: Action, product: str, author: str = "ada", **given: object) -> str:
    """Record a decision on the current text. Returns its id."""
    (text,) = db.query("select content_hash, facts_hash from content.generated_content where product_id = ?", [product])
    about = {"product_id": product, "action": action, "author": author, **text, **given}
    decision = Decision.model_validate(about)
    store.decide([decision], seen={product: store.versions([product]).get(product, 0)} if action != "rate" else None)
    return decision.decision_id


def published(db: Database, judge: Judge) -> dict[str, list[str]]:
    """Products that are exported, and those to review with their reasons."""
    scored_texts.accept(db)
    scored_texts.queue(db, judge)
    queued = db.query("select product_id, reasons from quality.review_queue order by product_id")
    return {"exported": [product.product_id for product, _, _ in exporter.accepted(db)]} | {
        row["product_id"]: row["reasons"] for row in queued
    }


def test_a_rejected_text_leaves_the_exports_and_goes_to_review_with_its_reason(
    db: Database, store: ReviewStore, judge: Judge
) -> None:
    assert published(db, judge)["exported"] == [GOOD]
    decide(db, store, "reject", GOOD, reason="the photo shows another one")
    takeover.take_over(db, store)
    # Before anything is judged again: `listings` still has the row.
    assert list(exporter.accepted(db)) == []
    assert published(db, judge)[GOOD] == ["rejected by ada: the photo shows another one"]
    assert reasons(db)["rejected by a reviewer"] == 1


def test_a_reviewer_overrules_the_judge_on_truth_and_threshold_but_not_walmart(
    db: Database, store: ReviewStore, judge: Judge
) -> None:
    for product in (LOW, UNPROVEN, FORBIDDEN):
        decide(db, store, "accept", product)
    takeover.take_over(db, store)
    found = published(db, judge)
    assert found["exported"] == [GOOD, LOW, UNPROVEN]
    assert FORBIDDEN in found
    assert reasons(db).get("below the threshold") == 1


def test_an_acceptance_holds_for_the_record_that_was_read(db: Database, store: ReviewStore, judge: Judge) -> None:
    decide(db, store, "accept", UNPROVEN, facts_hash="of an earlier record")
    takeover.take_over(db, store)
    assert UNPROVEN in published(db, judge)


def test_decisions_are_taken_over_once(db: Database, store: ReviewStore) -> None:
    decide(db, store, "rate", GOOD, stars=4, reason="fine")
    decide(db, store, "edit", LOW, listing=BETTER)
    first = takeover.take_over(db, store)
    assert (first.decisions, first.ratings, first.edits, first.problems) == (2, 1, 1, [])
    assert takeover.take_over(db, store).decisions == 0
    assert db.query("select stars, reviewer, comment from quality.ratings") == [
        {"stars": 4, "reviewer": "ada", "comment": "fine"}
    ]
    assert db.value("select title from content.generated_content where product_id = ?", [LOW]) == "A kettle"
    assert db.count("content.edits") == 1


def test_an_undone_decision_leaves_nothing_whether_it_was_taken_over_or_not(
    db: Database, store: ReviewStore, judge: Judge
) -> None:
    before = db.query("select * from content.generated_content order by product_id")
    for taken_over in (False, True):
        done = [
            decide(db, store, "reject", GOOD),
            decide(db, store, "edit", LOW, listing=BETTER),
            decide(db, store, "rate", UNPROVEN, stars=2),
        ]
        if taken_over:
            takeover.take_over(db, store)
            assert db.count("quality.ratings") == 2
        for product, undone in zip((GOOD, LOW, UNPROVEN), done, strict=True):
            decide(db, store, "undo", product, undoes=undone)
        takeover.take_over(db, store)
        assert (db.count("quality.ratings"), db.count("content.edits")) == (0, 0)
        assert db.query("select * from content.generated_content order by product_id") == before
        assert published(db, judge)["exported"] == [GOOD]


def test_a_text_that_an_undo_brings_back_has_its_preferences(db: Database, store: ReviewStore) -> None:
    decide(db, store, "edit", LOW, listing=BETTER, user_preferences={"tone": "plain"})
    takeover.take_over(db, store)
    before = db.query("select * from content.generated_content order by product_id")
    edited = decide(db, store, "edit", LOW, listing=BETTER.model_copy(update={"title": "The kettle"}))
    takeover.take_over(db, store)
    decide(db, store, "undo", LOW, undoes=edited)
    takeover.take_over(db, store)
    assert db.query("select * from content.generated_content order by product_id") == before


def test_an_edit_that_was_undone_before_a_run_leaves_another_one_s_same_text(db: Database, store: ReviewStore) -> None:
    """As when two people take over the same suggested repair, and the second one undoes it."""
    decide(db, store, "edit", LOW, listing=BETTER)
    decide(db, store, "undo", LOW, author="bob", undoes=decide(db, store, "edit", LOW, author="bob", listing=BETTER))
    takeover.take_over(db, store)
    assert db.value("select title from content.generated_content where product_id = ?", [LOW]) == "A kettle"
    assert db.query("select reviewer from content.edits") == [{"reviewer": "ada"}]


def test_an_edit_of_a_record_that_changed_since_is_not_applied(db: Database, store: ReviewStore) -> None:
    decide(db, store, "edit", LOW, listing=BETTER, facts_hash="of an earlier record")
    (problem,) = takeover.take_over(db, store).problems
    assert "its record has changed since" in problem
    assert db.count("content.edits") == 0


@pytest.mark.parametrize(
    ("decided", "stars"),
    [
        ([("accept", None)], 5),
        ([("rate", 4), ("accept", None)], 4),
        ([("rate", 2), ("accept", None)], 5),
        ([("rate", 2), ("reject", None)], 2),
        ([("reject", None), ("rate", 3)], 3),
        ([("reject", None)], 1),
        ([], None),
    ],
)
def test_a_verdict_counts_as_stars_unless_its_author_gave_some(
    decided: list[tuple[Action, int | None]], stars: int | None
) -> None:
    given = [
        Decision(product_id="P", content_hash="h", action=action, author="ada", stars=value)
        for action, value in decided
    ]
    rating = takeover.rating_of(given)
    assert (rating and rating.stars) == stars


def test_what_waits_in_the_store_counts_as_feedback(db: Database, store: ReviewStore, settings: Settings) -> None:
    decide(db, store, "rate", GOOD, stars=4)
    decide(db, store, "accept", GOOD)
    decide(db, store, "undo", LOW, undoes=decide(db, store, "edit", LOW, listing=BETTER))
    waiting = takeover.pending(db, settings)
    assert (waiting.ratings, waiting.edits) == (1, 0)


def test_what_waits_is_found_among_the_latest_decisions_and_behind_them(
    db: Database, store: ReviewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that was copied to another database has old decisions after newer ones."""
    monkeypatch.setattr(takeover, "LATEST", 2)
    ids = [decide(db, store, "rate", GOOD, author=f"user{number}", stars=3) for number in range(4)]
    assert [each.decision_id for each in takeover.waiting(db, store)] == ids
    takeover.take_over(db, store)
    assert takeover.waiting(db, store) == []
    late = decide(db, store, "accept", GOOD)
    assert [each.decision_id for each in takeover.waiting(db, store)] == [late]
    db.execute("delete from quality.reviews where decision_id = ?", [ids[0]])
    assert [each.decision_id for each in takeover.waiting(db, store)] == [ids[0], late]
