"""Ratings: stored once, and reported if they are unusable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Listing, Product, Rating
from walmart_pipeline.core.row_files import RowFileError
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.reviews import ratings
from walmart_pipeline.reviews.ratings import RatingImport, import_file
from walmart_pipeline_tests.cli.test_cli import command
from walmart_pipeline_tests.judge.examples import HONEST, KETTLE

WRITTEN = datetime(2025, 3, 1, 12, tzinfo=UTC)
NOW = WRITTEN + timedelta(days=10)
GOOD = {"product_id": KETTLE.product_id, "stars": 4, "reviewer": "ada"}


def write_text(db: Database, product: Product, listing: Listing, at: datetime = WRITTEN) -> None:
    """The product in the catalog with this text, as content would have left it."""
    db.upsert("catalog.products", [product.model_dump() | {"facts_hash": product.facts_hash}], ["product_id"])
    text = listing.model_dump() | {"product_id": product.product_id, "content_hash": listing.content_hash}
    state = {"status": "complete", "facts_hash": product.facts_hash, "generated_at": at}
    db.upsert("content.generated_content", [text | state], ["product_id"])


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """A warehouse with the kettle and its text."""
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        write_text(database, KETTLE, HONEST)
        yield database


def rated(db: Database) -> list[Row]:
    return db.query("select * from quality.ratings order by product_id, content_hash, reviewer")


def offer(db: Database, folder: Path, *rows: dict[str, Any] | str, now: datetime = NOW) -> RatingImport:
    path = folder / "ratings.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return import_file(db, path, now=now)


def offer_csv(db: Database, folder: Path, text: str) -> RatingImport:
    path = folder / "ratings.csv"
    path.write_text(text, encoding="utf-8")
    return import_file(db, path, now=NOW)


def test_a_rating_is_of_the_products_current_text_unless_it_names_another(db: Database, tmp_path: Path) -> None:
    earlier = "0" * 32
    offer(db, tmp_path, GOOD, GOOD | {"content_hash": earlier, "stars": 1})
    assert {(row["content_hash"], row["stars"]) for row in rated(db)} == {(HONEST.content_hash, 4), (earlier, 1)}


def test_the_same_file_again_changes_nothing(db: Database, tmp_path: Path) -> None:
    rows = [GOOD, GOOD | {"stars": 5}, GOOD | {"reviewer": "bob", "rated_at": "2025-03-05T10:00:00"}]
    first = offer(db, tmp_path, *rows)
    before = rated(db)
    again = offer(db, tmp_path, *rows, now=NOW + timedelta(days=1))
    assert (first.added, again.unchanged, again.added, again.replaced) == (2, 2, 0, 0)
    assert rated(db) == before


def test_the_newer_rating_of_a_reviewer_stands_in_whatever_order_they_come(db: Database, tmp_path: Path) -> None:
    newer = GOOD | {"stars": 2, "rated_at": "2025-03-08T10:00:00+00:00"}
    older = GOOD | {"stars": 5, "rated_at": "2025-03-04T10:00:00+00:00"}
    offer(db, tmp_path, newer, older)
    assert offer(db, tmp_path, older).older == 1
    assert [row["stars"] for row in rated(db)] == [2]
    assert offer(db, tmp_path, GOOD | {"stars": 3, "rated_at": "2025-03-09T10:00:00+00:00"}).replaced == 1
    assert [row["stars"] for row in rated(db)] == [3]


def test_bad_rows_are_reported_by_line_and_reason_and_the_good_ones_are_kept(db: Database, tmp_path: Path) -> None:
    imported = offer(
        db,
        tmp_path,
        GOOD,
        "{",
        "[1]",
        GOOD | {"stars": 6},
        GOOD | {"stars": True},
        GOOD | {"stars": "four"},
        {"product_id": KETTLE.product_id, "stars": 3},
        GOOD | {"reviewer": " "},
        GOOD | {"product_id": "absent"},
        GOOD | {"rated_at": "3/1/2025"},
        GOOD | {"rated_at": "2099-01-01"},
        GOOD | {"content_hash": "abc"},
        GOOD | {"comment": "half \ud800"},
        "",
        GOOD | {"reviewer": "bob", "stars": "5", "comment": None, "price": 3},
    )
    assert [problem.line for problem in imported.problems] == list(range(2, 14))
    reasons = [problem.reason for problem in imported.problems]
    expected = ("not JSON", "object", "stars", "stars", "stars", "reviewer", "reviewer", "absent")
    for reason, named in zip(reasons, (*expected, "rated_at", "rated_at", "content_hash", "comment"), strict=True):
        assert named in reason
    assert [(row["reviewer"], row["stars"]) for row in rated(db)] == [("ada", 4), ("bob", 5)]
    assert (imported.rows, imported.added) == (14, 2)


def test_a_rating_from_before_the_current_text_was_written_is_not_taken_for_one_of_it(
    db: Database, tmp_path: Path
) -> None:
    imported = offer(db, tmp_path, GOOD | {"rated_at": "2025-02-20T10:00:00+00:00"})
    assert "content_hash" in imported.problems[0].reason
    assert rated(db) == []


def test_a_csv_is_read_as_spreadsheets_write_it(db: Database, tmp_path: Path) -> None:
    imported = offer_csv(
        db,
        tmp_path,
        "\ufeffreviewer;Note;product_id;stars;comment\r\n"
        f'ada;;{KETTLE.product_id};4.0;"good; but\r\nlong"\r\n'
        f"bob;;{KETTLE.product_id};4;too;many\r\n"
        "\r\n"
        f"eve;;{KETTLE.product_id};1;\r\n",
    )
    assert [(row["reviewer"], row["stars"], row["comment"]) for row in rated(db)] == [
        ("ada", 4, "good; but\r\nlong"),
        ("eve", 1, ""),
    ]
    assert [problem.line for problem in imported.problems] == [4]


def test_a_quote_that_is_never_closed_is_reported_and_swallows_nothing_in_silence(db: Database, tmp_path: Path) -> None:
    text = f'product_id,stars,reviewer,comment\n{KETTLE.product_id},4,ada,"open\n{KETTLE.product_id},5,bob,fine\n'
    imported = offer_csv(db, tmp_path, text)
    assert [problem.line for problem in imported.problems] == [2]
    assert "not CSV" in imported.problems[0].reason


def test_a_file_without_the_required_columns_is_reported(db: Database, tmp_path: Path) -> None:
    with pytest.raises(RowFileError, match="stars"):
        offer_csv(db, tmp_path, "product_id,reviewer\nK,ada\n")
    (tmp_path / "latin.csv").write_bytes("product_id,stars,reviewer\nK,4,é".encode("latin-1"))
    with pytest.raises(RowFileError, match="UTF-8"):
        import_file(db, tmp_path / "latin.csv", now=NOW)


def test_the_text_that_was_rated_is_kept_when_another_takes_its_place(db: Database) -> None:
    """A rejected text is rewritten by the next run: only liked ones would be left to learn from."""
    rating = Rating(
        product_id=KETTLE.product_id, content_hash=HONEST.content_hash, stars=1, reviewer="ada", rated_at=NOW
    )
    assert ratings.store(db, [rating]) == {"added": 1}
    write_text(db, KETTLE, HONEST.model_copy(update={"title": "Another Kettle"}))
    assert ratings.store(db, [rating]) == {"unchanged": 1}
    (kept,) = db.query("select * from quality.rated_texts")
    assert Product.model_validate_json(kept["product"]) == KETTLE
    assert Listing.model_validate_json(kept["listing"]) == HONEST
    assert kept["content_hash"] == HONEST.content_hash


values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("2025-03-05"))
given_rows = st.dictionaries(
    st.sampled_from(["product_id", "stars", "reviewer", "comment", "rated_at", "content_hash", "other"]), values
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(given_rows, max_size=5))
def test_every_row_of_any_file_is_kept_or_reported(db: Database, tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    imported = offer(db, tmp_path, *[{"product_id": KETTLE.product_id, **row} for row in rows])
    assert imported.rows == len(rows)
    reported = {problem.line for problem in imported.problems}
    assert len(reported) == len(imported.problems)
    assert len(rows) - len(reported) >= imported.added + imported.replaced + imported.unchanged + imported.older


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=80))
def test_any_text_after_the_header_is_read_to_its_end(db: Database, tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.csv"
    path.write_text("product_id,stars,reviewer\n" + text, encoding="utf-8", errors="replace", newline="")
    import_file(db, path, now=NOW)


def test_the_command_reports_the_result_of_an_import(tmp_path: Path) -> None:
    with FileWarehouse(Settings(workspace=tmp_path).warehouse).writing() as db:
        write_text(db, KETTLE, HONEST)
    source = tmp_path / "ratings.jsonl"
    source.write_text(json.dumps(GOOD) + "\nnot a rating\n")
    done = command("ratings", "import", source, "--home", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["added"] == 1
    assert f"{source}:2: not JSON" in done.stderr
    source.write_text("nothing\nof use\n")
    assert command("ratings", "import", source, "--home", tmp_path).exit_code == 1


def test_the_command_distinguishes_wrong_usage_from_what_could_not_be_done(tmp_path: Path) -> None:
    assert command("ratings", "import", tmp_path / "absent.csv", "--home", tmp_path).exit_code == 2
    (tmp_path / "ratings.xlsx").write_bytes(b"PK")
    assert command("ratings", "import", tmp_path / "ratings.xlsx", "--home", tmp_path).exit_code == 2
    (tmp_path / "ratings.csv").write_text("product_id,stars,reviewer\n")
    done = command("ratings", "import", tmp_path / "ratings.csv", "--home", tmp_path)
    assert done.exit_code == 1
    assert "walmart-pipeline run" in done.stderr
