"""Texts that reviewers wrote: they stand where the model's stood, and stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from walmart_pipeline.benchmarks import synthetic_catalog
from walmart_pipeline.cli import app
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.reviews import edits
from walmart_pipeline.reviews.edits import Edit, EditError
from walmart_pipeline.stages.content import planning
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.stages.content.test_planning import MODEL, reasons

NOW = datetime(2025, 6, 1, tzinfo=UTC)
ID = "B-00000002"
BETTER = Listing(title="A kettle", key_features=["Boils"], description="It boils water.", seo_keywords=["kettle"])


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """Five products with a text of MODEL."""
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        synthetic_catalog.make(database, 5)
        synthetic_catalog.write_texts(database, MODEL)
        yield database


def edit(listing: Listing = BETTER, product_id: str = ID, reviewer: str = "ada") -> Edit:
    return Edit(product_id=product_id, listing=listing, reviewer=reviewer, edited_at=NOW)


def text(db: Database) -> Row:
    (row,) = db.query("select * from content.generated_content where product_id = ?", [ID])
    return row


def rate(db: Database, stars: int) -> None:
    rating = {"product_id": ID, "content_hash": BETTER.content_hash, "stars": stars, "reviewer": "bob", "rated_at": NOW}
    db.append("quality.ratings", [rating])


def test_an_edit_replaces_the_text_and_what_it_replaced_is_kept(db: Database) -> None:
    before = text(db)
    assert edits.apply(db, edit()) == "kept"
    after = text(db)
    assert Listing(**{name: after[name] for name in Listing.model_fields}) == BETTER
    assert (after["provider"], after["model"], after["status"]) == ("reviewer", "ada", "complete")
    assert after["content_hash"] == BETTER.content_hash
    (kept,) = db.query("select * from content.edits")
    assert json.loads(kept["replaced"])["title"] == before["title"]
    assert kept["replaced_provider"] == MODEL.name


def test_an_edit_keeps_the_preferences_that_it_was_written_by(db: Database) -> None:
    edits.apply(db, edit().model_copy(update={"user_preferences": {"tone": "plain"}}))
    assert json.loads(text(db)["user_preferences"]) == {"tone": "plain"}
    assert db.value("select user_preferences ->> 'tone' from content.edits") == "plain"


def test_the_text_that_is_there_is_no_edit(db: Database) -> None:
    edits.apply(db, edit())
    assert edits.apply(db, edit(reviewer="bob")) == "unchanged"
    assert db.count("content.edits") == 1


def test_the_plan_leaves_an_edit_alone_whatever_model_prompt_or_parser_writes(db: Database) -> None:
    edits.apply(db, edit())
    db.execute("update content.generated_content set parser_version = 'older', prompt_version = 'older'")
    assert reasons(db) == {"prompt changed": 4}


def test_an_edit_below_the_threshold_waits_for_a_person(db: Database) -> None:
    edits.apply(db, edit())
    db.execute(
        "insert into quality.scores by name "
        "select product_id, content_hash, false as publishable from content.generated_content where product_id = ?",
        [ID],
    )
    assert reasons(db) == {}


def test_an_old_edit_is_not_stale(db: Database) -> None:
    edits.apply(db, edit())
    assert reasons(db, stale_days=1) == {}


def test_changed_facts_ask_for_another_text(db: Database) -> None:
    edits.apply(db, edit())
    db.execute("update catalog.products set facts_hash = 'others' where product_id = ?", [ID])
    assert reasons(db) == {"facts changed": 1}


def test_an_edit_that_a_reviewer_rejects_is_requested_again(db: Database) -> None:
    edits.apply(db, edit())
    rate(db, 1)
    assert reasons(db) == {"rejected by a reviewer": 1}
    assert db.value("select revision from content.generation_plan") == 1


def test_an_edit_that_a_reviewer_likes_stays(db: Database) -> None:
    edits.apply(db, edit())
    rate(db, 5)
    assert reasons(db) == {}


def test_what_is_forced_is_requested_again(db: Database) -> None:
    edits.apply(db, edit())
    assert reasons(db, everything=True) == {"forced": 5}


def test_a_product_without_a_text_can_be_given_one(db: Database) -> None:
    db.execute("delete from content.generated_content where product_id = ?", [ID])
    assert edits.apply(db, edit()) == "kept"
    assert db.query("select replaced, replaced_content_hash from content.edits") == [
        {"replaced": None, "replaced_content_hash": None}
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (edit(product_id="B-9"), "no product B-9"),
        (edit(Listing(title="A kettle")), "no description"),
        (edit(Listing(description=" ")), "no title and no description"),
        (edit(BETTER.model_copy(update={"key_features": ["Bo\0ils"]})), "control characters"),
    ],
)
def test_an_edit_that_cannot_be_kept_gives_the_reason(db: Database, given: Edit, message: str) -> None:
    with pytest.raises(EditError, match=message):
        edits.apply(db, given)


def offer(db: Database, folder: Path, *rows: object) -> edits.EditImport:
    path = folder / "edits.jsonl"
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return edits.import_file(db, path, now=NOW)


ROW = {"product_id": ID, "listing": BETTER.model_dump(), "reviewer": "ada"}


def test_bad_rows_are_reported_by_line_and_the_others_are_kept(db: Database, tmp_path: Path) -> None:
    found = offer(
        db, tmp_path, "{", ROW, "", ROW | {"product_id": "B-9"}, ROW | {"listing": {"titel": "x"}}, {"product_id": ID}
    )
    assert (found.rows, found.kept) == (5, 1)
    assert [problem.line for problem in found.problems] == [1, 4, 5, 6]
    assert "listing.titel" in found.problems[2].reason


def test_the_same_file_again_changes_nothing(db: Database, tmp_path: Path) -> None:
    rows = [ROW, ROW | {"listing": {**BETTER.model_dump(), "title": "The kettle"}}]
    first, again = offer(db, tmp_path, *rows), offer(db, tmp_path, *rows)
    assert (first.kept, first.superseded) == (1, 1)
    assert (again.kept, again.unchanged) == (0, 1)
    assert text(db)["title"] == "The kettle"
    assert db.count("content.edits") == 1


def test_an_edit_is_judged_exported_and_learned_from_by_the_next_run(pipeline: Pipeline) -> None:
    pipeline.ingest([KETTLE])
    pipeline.run()
    (listing,) = pipeline.query("select title, key_features, description, seo_keywords from quality.listings")
    listing["description"] += " The filter can be rinsed under the tap."
    path = pipeline.settings.workspace / "edits.jsonl"
    path.write_text(json.dumps({"product_id": "K-1", "listing": listing, "reviewer": "ada"}) + "\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["edits", "import", str(path), "--home", str(pipeline.settings.workspace)])
    assert done.exit_code == 0, done.output
    assert pipeline.run().planned == 0
    (accepted,) = pipeline.query("select provider, model, description from quality.listings")
    assert accepted == {"provider": "reviewer", "model": "ada", "description": listing["description"]}
    assert pipeline.query("select source, user_rating from training.dataset") == [
        {"source": "edit", "user_rating": 5.0}
    ]


def test_planning_knows_the_reviewers_name() -> None:
    """The plan's SQL names the provider in words of its own."""
    assert f"'{edits.REVIEWER}'" in planning.PLAN


def test_edits_beside_the_feeds_are_imported_once_with_their_author(pipeline: Pipeline) -> None:
    """A catalog comes with listings that a writer wrote; a reviewer's later edit stays."""
    pipeline.ingest([KETTLE])
    given = {"product_id": "K-1", "listing": BETTER.model_dump(), "reviewer": "independent-writer"}
    (pipeline.settings.inbox / "edits.jsonl").write_text(f"{json.dumps(given)}\n")
    summary = pipeline.run()
    assert (summary.rows_in, summary.planned) == (1, 0)
    with pipeline.warehouse.reading() as db:
        assert db.value("select written_by from content.generated_content") == "independent-writer"
    later = BETTER.model_copy(update={"title": "Another kettle"})
    with pipeline.warehouse.writing() as db:
        edits.apply(db, edit(later, "K-1"))
    pipeline.run()
    with pipeline.warehouse.reading() as db:
        assert db.value("select title from content.generated_content") == later.title
