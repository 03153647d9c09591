"""Versions of the dataset: their files, the data card, and what two of them differ in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import TrainingExample
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.reviews import edits
from walmart_pipeline.reviews.edits import Edit
from walmart_pipeline.stages.training import dataset_store, dataset_versions, examples, selection, split_assignment
from walmart_pipeline.stages.training.dataset_versions import DatasetManifest, VersionsError
from walmart_pipeline_tests.stages.training.openai_format import check_chat_line
from walmart_pipeline_tests.stages.training.warehouse_rows import AT, listing, product, rate, write, write_all

PROMPT = "You write listings for Walmart.com from facts."


def publish(db: Database, judge: Judge, home: Path) -> DatasetManifest:
    examples.learn(db, judge, advance=lambda *_: None)
    split_assignment.assign(db, judge, advance=lambda _: None)
    excluded = selection.select(db)
    return dataset_store.publish(db, home / "datasets", policy="p@1", system_prompt=PROMPT, excluded=excluded)[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, judge: Judge) -> tuple[Path, list[DatasetManifest]]:
    """A workspace with two versions, and one with the first alone in `before`, for tests to copy.

    First 40 examples of two categories, one of them rated, one below the threshold. Then P00's text is a reviewer's,
    P01 is gone, N is new, and P39 is good now.
    """
    home = tmp_path_factory.mktemp("built")
    before = home / "before"
    with FileWarehouse(before / "warehouse.duckdb").writing() as db:
        toys_and_homes = [product(f"P{number:02}", category="Toys" if number % 4 else "Home") for number in range(40)]
        scores = [*(80.0 + number / 2 for number in range(39)), 60.0]
        write_all(
            db, [(each, listing(each.product_id), score) for each, score in zip(toys_and_homes, scores, strict=True)]
        )
        rate(db, "P00", listing("P00"), 5)
        first = publish(db, judge, before)
    after = shutil.copytree(before, home / "after")
    with FileWarehouse(after / "warehouse.duckdb").writing() as db:
        edits.apply(db, Edit(product_id="P00", listing=listing("better"), reviewer="ada", edited_at=AT))
        write(db, product("P00"), listing("better"), provider="reviewer", model="ada")
        db.execute("delete from quality.listings where product_id = 'P01'")
        write(db, product("N", category="Garden"), listing("N"))
        write(db, product("P39", category="Toys"), listing("P39"), score=90.0)
        second = publish(db, judge, after)
    return home, [first, second]


@pytest.fixture
def first(built: tuple[Path, list[DatasetManifest]], tmp_path: Path) -> DatasetManifest:
    home, manifests = built
    shutil.copytree(home / "before", tmp_path, dirs_exist_ok=True)
    return manifests[0]


@pytest.fixture
def second(built: tuple[Path, list[DatasetManifest]], tmp_path: Path) -> DatasetManifest:
    home, manifests = built
    shutil.copytree(home / "after", tmp_path, dirs_exist_ok=True)
    return manifests[1]


def parquet(home: Path, name: str) -> list[dict[str, Any]]:
    path = home / "datasets" / name / "dataset.parquet"
    return duckdb.sql(f"select * from '{path}' order by product_id").to_arrow_table().to_pylist()


def test_every_file_of_a_version_holds_the_same_examples(first: DatasetManifest, tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "v1"
    published = [TrainingExample.model_validate(row) for row in json.loads((folder / "training_data.json").read_text())]
    rows = parquet(tmp_path, "v1")
    assert [row["title"] for row in rows] == [example.output.title for example in published]
    assert [row["facts"] for row in rows] == [example.input.features for example in published]
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    for split, cost in first.fine_tuning.items():
        lines = (folder / f"chat_{split}.jsonl").read_text("utf-8").splitlines()
        assert len(lines) == cost.examples == first.counts[split] == sum(row["split"] == split for row in rows)
        assert all(check_chat_line(line) == [] for line in lines)
    assert not (folder / "preferences.jsonl").exists()


def test_a_version_counts_what_it_excluded_and_where_its_examples_came_from(
    first: DatasetManifest, db: Database
) -> None:
    assert first.excluded == {"quality below 70": 1}
    assert first.sources == {"accepted": 39}
    assert json.loads(db.value("select excluded from training.dataset_versions")) == first.excluded


def test_the_data_card_answers_what_a_trainer_asks(first: DatasetManifest, tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "v1"
    card = (folder / "DATACARD.md").read_text("utf-8")
    for text in ("39 examples", "quality below 70", "| Toys |", "p@1", "licence of the sources is unknown", "v1"):
        assert text in card
    pictures = {line.split("(")[1].rstrip(")") for line in card.splitlines() if line.startswith("![")}
    assert len(pictures) == 5
    assert all((folder / picture).read_text("utf-8").startswith("<?xml") for picture in pictures)


def test_the_same_examples_are_the_same_version_and_its_files_stay(
    first: DatasetManifest, db: Database, judge: Judge, tmp_path: Path
) -> None:
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "datasets").rglob("*") if path.is_file()}
    assert publish(db, judge, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "datasets").rglob("*") if path.is_file()} == files


def test_rows_in_force_are_those_of_the_version_in_force_when_earlier_content_comes_back(
    first: DatasetManifest, db: Database, judge: Judge, tmp_path: Path
) -> None:
    """Data collection switched off and on again once left v1 in force with no row."""
    rows = db.query("from training.dataset order by product_id")
    accepted = db.query("from quality.listings")
    db.execute("delete from quality.listings")
    empty = publish(db, judge, tmp_path)
    assert (empty.name, db.count("training.dataset")) == ("v2", 0)
    db.replace("quality.listings", accepted)
    assert publish(db, judge, tmp_path).name == "v1"
    assert db.query("from training.dataset order by product_id") == rows
    assert db.query("select number from training.dataset_versions where in_force") == [{"number": 1}]


def test_scores_ratings_and_times_are_not_content(
    first: DatasetManifest, db: Database, judge: Judge, tmp_path: Path
) -> None:
    db.execute("update quality.listings set score = score - 1, accepted_at = accepted_at + interval 1 day")
    rate(db, "P01", listing("P01"), 4)
    assert publish(db, judge, tmp_path) == first


@pytest.mark.parametrize(
    "change",
    [
        "update training.split set split = if(split = 'test', 'train', 'test') where product_id = 'P02'",
        "update training.examples set content_key = 'another' where product_id = 'P02'",
        "delete from training.examples where product_id = 'P02'",
    ],
)
def test_another_split_text_or_product_is_another_version(
    first: DatasetManifest, db: Database, tmp_path: Path, change: str
) -> None:
    db.execute(change)
    again, is_new = dataset_store.publish(db, tmp_path / "datasets", policy="p@2", system_prompt=PROMPT, excluded={})
    assert (again.name, again.parent, is_new) == ("v2", 1, True)


def test_a_version_whose_files_were_lost_gets_them_again(
    first: DatasetManifest, db: Database, judge: Judge, tmp_path: Path
) -> None:
    (tmp_path / "datasets" / "v1" / "version.json").unlink()
    again = publish(db, judge, tmp_path)
    assert again.fingerprint == first.fingerprint
    assert dataset_versions.all_versions(tmp_path / "datasets") == [again]


def test_a_difference_names_what_came_went_and_changed(second: DatasetManifest, tmp_path: Path) -> None:
    found = dataset_versions.difference(tmp_path / "datasets", "v1", "v2")
    named = {kind: [row["product_id"] for row in rows] for kind, rows in found.examples.items()}
    assert named == {"added": ["N", "P39"], "removed": ["P01"], "changed": ["P00"], "moved": []}
    assert found.counts == {"added": 2, "removed": 1, "changed": 1, "moved": 0, "same": 37}
    by_category = {row["name"]: (row["before"], row["after"]) for row in found.by_category}
    assert by_category == {"Garden": (0, 1), "Home": (10, 10), "Toys": (29, 29)}
    assert found.quality["v1"] != found.quality["v2"]
    assert found.excluded == {"quality below 70": (1, 0)}
    assert second.parent == 1


def test_a_difference_is_read_from_files_alone(second: DatasetManifest, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    (tmp_path / "datasets").rename(home)
    assert dataset_versions.difference(home, "v2", "v1").counts["added"] == 1


def test_versions_of_an_earlier_release_can_be_compared(second: DatasetManifest, tmp_path: Path) -> None:
    """They name the split `side` and what was excluded `left_out`."""
    folder = tmp_path / "datasets" / "v1"
    earlier = duckdb.sql(f"select * rename (split as side) from '{folder / 'dataset.parquet'}'").to_arrow_table()
    duckdb.from_arrow(earlier).write_parquet(str(folder / "dataset.parquet"))
    manifest = json.loads((folder / "version.json").read_text("utf-8"))
    (folder / "version.json").write_text(json.dumps(manifest | {"left_out": manifest.pop("excluded")}), "utf-8")
    found = dataset_versions.difference(tmp_path / "datasets", "v1", "v2")
    assert (found.counts["moved"], found.excluded) == (0, {"quality below 70": (1, 0)})


def test_a_difference_reports_other_thresholds(second: DatasetManifest, tmp_path: Path) -> None:
    path = tmp_path / "datasets" / "v1" / "version.json"
    path.write_text(path.read_text("utf-8").replace('"near_copy": 0.7', '"near_copy": 0.9'), encoding="utf-8")
    assert dataset_versions.difference(tmp_path / "datasets", "v1", "v2").settings == {"near_copy": (0.9, 0.7)}


def test_reviewers_texts_of_the_training_split_become_preference_pairs(
    db: Database, judge: Judge, tmp_path: Path
) -> None:
    for number in range(30):
        key = f"P{number}"
        write(db, product(key), listing(f"{key} before"))
        edits.apply(db, Edit(product_id=key, listing=listing(f"{key} after"), reviewer="ada", edited_at=AT))
        write(db, product(key), listing(f"{key} after"), provider="reviewer", model="ada")
    manifest = publish(db, judge, tmp_path)
    lines = (tmp_path / "datasets" / "v1" / "preferences.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == manifest.preference_pairs == manifest.counts["train"] < 30
    pair = json.loads(lines[0])
    assert [message["role"] for message in pair["prompt"]] == ["system", "user"]
    chosen, rejected = (json.loads(pair[name][0]["content"])["title"] for name in ("chosen", "rejected"))
    assert (chosen, rejected) == (rejected.replace("before", "after"), chosen.replace("after", "before"))


def test_an_unknown_version_is_reported_with_those_that_there_are(first: DatasetManifest, tmp_path: Path) -> None:
    for name in ("v7", "../v1", ""):
        with pytest.raises(VersionsError, match="available: v1"):
            dataset_versions.get(tmp_path / "datasets", name)


def test_the_commands_show_versions_to_people_and_programs(second: DatasetManifest, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["dataset", *arguments, "--home", str(tmp_path)])

    assert [row["number"] for row in json.loads(run("list", "--json").stdout)] == [2, 1]
    assert json.loads(run("show", "v2", "--json").stdout)["sources"] == {"accepted": 39, "edit": 1}
    assert json.loads(run("diff", "v1", "v2", "--json").stdout)["counts"]["added"] == 2
    for arguments in (("list",), ("show", "v1"), ("diff", "v1", "v2")):
        shown = run(*arguments)
        assert (shown.exit_code, shown.stderr) == (0, "")
        assert "v1" in shown.stdout
    assert run("show", "v9").exit_code == 1
