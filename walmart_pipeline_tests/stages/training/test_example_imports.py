"""Imports of examples: judged and reported row by row, stored once."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from walmart_pipeline.automation.run_summary import Summary
from walmart_pipeline.cli import app
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import examples, selection
from walmart_pipeline.stages.training.example_imports import ExampleImport, ImportFileError, import_file
from walmart_pipeline_tests.conftest import Pipeline

NOW = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def good(sample_pipeline: tuple[Pipeline, Summary]) -> list[dict[str, Any]]:
    """Examples that the judge accepted with their records."""
    path = sample_pipeline[0].settings.datasets / "v1" / "training_data.json"
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return rows[:6]


def offer(db: Database, judge: Judge, folder: Path, rows: object, name: str = "training_data.json") -> ExampleImport:
    path = folder / name
    path.write_text(json.dumps(rows), encoding="utf-8")
    return import_file(db, path, judge, now=NOW)


def kept(db: Database) -> list[Row]:
    return db.query("select * from training.imports order by source_file, source_row")


def with_output(row: dict[str, Any], **changes: object) -> dict[str, Any]:
    changed = copy.deepcopy(row)
    changed["output"] |= changes
    return changed


def test_what_the_judge_accepts_becomes_an_example_with_the_judges_score(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    boasted = copy.deepcopy(good)
    for row in boasted:
        row["metadata"]["quality_score"] = 100.0
    assert offer(db, judge, tmp_path, boasted).accepted == len(good)
    assert examples.learn(db, judge, advance=lambda *_: None) == len(good)
    rows = db.query(
        "select source, quality_score, (example -> '$.metadata.quality_score')::double as reported, "
        "example ->> '$.output.title' as title from training.examples"
    )
    assert {row["source"] for row in rows} == {"import"}
    assert all(row["quality_score"] == row["reported"] for row in rows)
    assert {row["title"] for row in rows} == {row["output"]["title"] for row in good}


def test_a_text_that_its_own_input_does_not_bear_out_is_refused(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    invented = with_output(
        good[0], description=good[0]["output"]["description"] + " It is made of titanium and cures arthritis."
    )
    found = offer(db, judge, tmp_path, [invented, *good[1:]])
    assert (found.accepted, found.refused) == (len(good) - 1, 1)
    assert found.problems[0].row == 1
    assert any("claim" in reason for reason in found.problems[0].reasons)


def test_flaws_are_reported_row_by_row_and_counted(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    rows: list[object] = [
        good[0],
        good[0],
        with_output(good[1], description=""),
        with_output(good[2], description=" ".join(["word"] * 49)),
        with_output(good[3], features_formatted="• " + good[3]["output"]["features_formatted"].replace("\n", "\n• ")),
        with_output(good[4], tone="plain"),
        7,
        {"input": good[5]["input"]},
    ]
    found = offer(db, judge, tmp_path, rows)
    assert found.flaws == {
        "empty output": 1,
        "exact copy": 1,
        "missing field": 1,
        "normalised": 1,
        "short description": 1,
        "unknown field": 1,
        "wrong type": 1,
    }
    assert (found.rows, found.accepted) == (8, 3)
    reported = {row.row: row for row in found.problems}
    assert set(reported) == {2, 3, 4, 5, 6, 7, 8}
    assert reported[2].reasons == ["exact copy of row 1 of training_data.json"]
    assert reported[5].verdict == reported[6].verdict == "accepted"


def test_a_near_copy_is_reported_and_one_of_them_is_in_the_dataset(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    found = offer(db, judge, tmp_path, [*good, with_output(good[0], title=good[0]["output"]["title"] + " Set")])
    assert found.flaws == {"near-copy": 1}
    assert found.problems[0].flaws[0].detail == "of row 1"
    examples.learn(db, judge, advance=lambda *_: None)
    assert selection.select(db) == {"near-copy": 1}


def test_the_same_file_again_changes_nothing(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    first = offer(db, judge, tmp_path, [*good, 7])
    before = kept(db)
    again = offer(db, judge, tmp_path, [*good, 7])
    assert (first.is_new, again.is_new) == (True, False)
    assert again == first.model_copy(update={"is_new": False})
    assert kept(db) == before


def test_a_newer_file_of_the_same_name_replaces_its_rows(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    offer(db, judge, tmp_path, good)
    examples.learn(db, judge, advance=lambda *_: None)
    offer(db, judge, tmp_path, good[:2])
    examples.learn(db, judge, advance=lambda *_: None)
    assert len(kept(db)) == db.count("training.examples") == 2


def test_an_example_of_another_file_is_a_copy(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    offer(db, judge, tmp_path, good[:2], "one.json")
    found = offer(db, judge, tmp_path, good[1:3], "two.json")
    assert (found.accepted, found.flaws) == (1, {"exact copy": 1})
    assert found.problems[0].reasons == ["exact copy of row 2 of one.json"]


def test_another_policy_judges_imported_examples_again(
    db: Database, judge: Judge, tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    offer(db, judge, tmp_path, good)
    stricter = judge.policy.model_copy(update={"publishable_score": 100.0})
    other = Judge(stricter)
    db.execute("update training.imports set policy = 'an earlier one'")
    examples.learn(db, other, advance=lambda *_: None)
    assert {row["policy"] for row in kept(db)} == {other.policy.label}
    scores = {row["product_id"]: row["score"] for row in kept(db)}
    assert db.count("training.examples") == sum(score >= 100 for score in scores.values())


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ('{"input": 1}', "not a JSON list"),
        ("", "not a JSON list"),
        ('[{"input": 1},', "not JSON to its end"),
        ("[1, \xff]", "not JSON to its end"),
    ],
)
def test_a_file_that_is_no_list_changes_nothing(tmp_path: Path, judge: Judge, text: str, reported: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(text.encode("latin-1"))
    warehouse = FileWarehouse(tmp_path / "warehouse.duckdb")
    with pytest.raises(ImportFileError, match=reported), warehouse.writing() as db:
        import_file(db, path, judge, now=NOW)
    with warehouse.reading() as db:
        assert kept(db) == []


def test_the_command_reports_each_row_and_fails_when_none_is_accepted(
    tmp_path: Path, good: list[dict[str, Any]]
) -> None:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing():
        pass
    path = tmp_path / "some.json"
    path.write_text(json.dumps([good[0], 7]), encoding="utf-8")
    command = ["dataset", "import", str(path), "--home", str(tmp_path), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["refused"] == 1
    assert "row 2: refused: wrong type" in done.stderr
    path.write_text("[7]", encoding="utf-8")
    assert CliRunner().invoke(app, command).exit_code == 1
    assert CliRunner().invoke(app, ["dataset", "import", "no.json", "--home", str(tmp_path)]).exit_code == 2
