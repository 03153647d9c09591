"""Which examples the dataset holds: the better of two near-copies, nothing rejected, no category above its share."""

from __future__ import annotations

import pytest

from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.reviews import edits
from walmart_pipeline.reviews.edits import Edit
from walmart_pipeline.stages.training import examples, selection
from walmart_pipeline.stages.training.selection import most_of_category
from walmart_pipeline_tests.stages.training.warehouse_rows import AT, listing, product, rate, words, write


def excluded(db: Database, judge: Judge) -> dict[str, Row]:
    examples.learn(db, judge, advance=lambda *_: None)
    selection.select(db)
    return {row["product_id"]: row for row in db.query("select * from training.excluded")}


def alike(seed: str) -> Listing:
    return listing("alike").model_copy(update={"title": seed, "description": f"{words('alike', 80)} {words(seed, 3)}"})


def test_of_near_copies_the_best_scored_stays(db: Database, judge: Judge) -> None:
    for number, score in enumerate((80.0, 95.0, 90.0)):
        write(db, product(f"P{number}"), alike(f"{number}"), score=score)
    write(db, product("P9"), listing("own"))
    found = excluded(db, judge)
    assert {key: (row["reason"], row["instead_of"]) for key, row in found.items()} == {
        "P0": ("near-copy", "P1"),
        "P2": ("near-copy", "P1"),
    }


def test_stars_count_before_the_score(db: Database, judge: Judge) -> None:
    for number, score in enumerate((99.0, 80.0, 95.0)):
        write(db, product(f"P{number}"), alike(f"{number}"), score=score)
    rate(db, "P1", alike("1"), 5)
    assert set(excluded(db, judge)) == {"P0", "P2"}


def test_a_reviewers_text_counts_before_stars_and_score(db: Database, judge: Judge) -> None:
    write(db, product("P0"), alike("0"), score=99.0)
    rate(db, "P0", alike("0"), 5)
    write(db, product("P1"), alike("1"), score=75.0, provider="reviewer", model="ada")
    assert set(excluded(db, judge)) == {"P0"}


def test_a_rejected_text_is_not_learned_from(db: Database, judge: Judge) -> None:
    write(db, product("P0"), listing("0"))
    rate(db, "P0", listing("0"), 2)
    write(db, product("P1"), listing("1"), score=60.0)
    assert {key: row["reason"] for key, row in excluded(db, judge).items()} == {
        "P0": "rejected by a reviewer",
        "P1": "quality below 70",
    }


def test_stars_given_later_reach_the_example(db: Database, judge: Judge) -> None:
    write(db, product("P0"), listing("0"))
    examples.learn(db, judge, advance=lambda *_: None)
    rate(db, "P0", listing("0"), 4)
    assert examples.learn(db, judge, advance=lambda *_: None) == 1
    assert db.value("select (example -> '$.metadata.user_rating')::double from training.examples") == 4
    assert examples.learn(db, judge, advance=lambda *_: None) == 0


def test_an_edit_makes_an_example_of_five_stars_in_place_of_what_it_replaced(db: Database, judge: Judge) -> None:
    write(db, product("P0"), listing("before"))
    examples.learn(db, judge, advance=lambda *_: None)
    edits.apply(db, Edit(product_id="P0", listing=listing("after"), reviewer="ada", edited_at=AT))
    write(db, product("P0"), listing("after"), provider="reviewer", model="ada")  # as the judge would accept it
    examples.learn(db, judge, advance=lambda *_: None)
    (row,) = db.query(
        "select source, user_rating, example ->> '$.output.title' as title, "
        "example ->> '$.metadata.model_used' as model from training.examples"
    )
    assert row == {"source": "edit", "user_rating": 5.0, "title": "Title after", "model": "ada"}


def test_an_example_has_the_preferences_that_its_text_was_written_by(db: Database, judge: Judge) -> None:
    write(db, product("P0"), listing("0"))
    db.execute("""update content.generated_content set user_preferences = '{"tone": "plain"}'""")
    examples.learn(db, judge, advance=lambda *_: None)
    assert db.value("select example ->> '$.input.user_preferences.tone' from training.examples") == "plain"


def test_the_fullest_category_is_cut_and_its_best_examples_stay(
    db: Database, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "most_of_category", lambda sizes: most_of_category(sizes, share=0.4, always=1))
    for category, count in {"Clothing": 10, "Home": 3, "Toys": 3}.items():
        for number in range(count):
            key = f"{category}{number}"
            write(db, product(key, category=category), listing(key), score=80.0 + number)
    found = excluded(db, judge)
    assert {row["reason"] for row in found.values()} == {"category is full"}
    assert set(found) == {f"Clothing{number}" for number in range(6)}


@pytest.mark.parametrize(
    ("sizes", "most"),
    [([], 0), ([7], 7), ([70, 30], 70), ([10, 3, 3], 4), ([100, 100, 100], 100), ([100, 50, 50, 10], 73)],
)
def test_no_category_is_more_than_its_share_where_that_can_be(sizes: list[int], most: int) -> None:
    found = most_of_category(sizes, share=0.4, always=0)
    assert found == most
    kept = [min(size, found) for size in sizes]
    if len(sizes) > 2:
        assert max(kept) <= 0.4 * sum(kept)


def test_a_small_dataset_is_not_cut() -> None:
    assert most_of_category([400, 3, 3], share=0.4, always=500) == 500


def test_the_same_examples_leave_out_the_same_ones(db: Database, judge: Judge) -> None:
    for number in range(6):
        write(db, product(f"P{number}"), alike(f"{number % 3}"), score=90.0)
    assert excluded(db, judge) == excluded(db, judge)


def test_a_product_that_is_gone_is_not_learned_from(db: Database, judge: Judge) -> None:
    write(db, product("P0"), listing("0"))
    examples.learn(db, judge, advance=lambda *_: None)
    db.execute("delete from quality.listings")
    examples.learn(db, judge, advance=lambda *_: None)
    assert db.count("training.examples") == db.count("training.outputs") == 0
